"""The command line of fastdnn."""
