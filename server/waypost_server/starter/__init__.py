"""What `waypost init` writes: a routes folder to begin with."""
