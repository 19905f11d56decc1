"""Calls the specialists that a router names."""
