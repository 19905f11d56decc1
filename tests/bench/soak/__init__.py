"""Whether a server that is used in every way for a long time grows."""
