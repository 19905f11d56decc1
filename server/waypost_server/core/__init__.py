"""What Waypost decides and how: no files, no network, no clock; numpy and the standard library."""
