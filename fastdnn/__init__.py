"""fastdnn"""
