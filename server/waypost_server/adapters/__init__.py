"""The world behind core's ports, one third-party library a module."""
