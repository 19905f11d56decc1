"""`make bench-alternatives`: ways of scoring that were tried and dropped, kept so as to be run."""
