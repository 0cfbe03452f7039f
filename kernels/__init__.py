"""Every compiled kernel of fastdnn: arrays in, arrays filled; no classes, no files, no text."""
