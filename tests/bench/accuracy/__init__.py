"""`make bench-accuracy`: how often Waypost and its peers are right on public data sets."""
