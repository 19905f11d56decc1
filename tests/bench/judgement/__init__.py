"""What the stages that judge besides similarity are worth, each measured on public data."""
