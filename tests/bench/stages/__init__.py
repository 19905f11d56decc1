"""What the first stage decides on public data sets, and what it costs."""
