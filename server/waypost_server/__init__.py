"""Waypost's server: decides which specialist answers a query."""
