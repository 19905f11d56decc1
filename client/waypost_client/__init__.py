"""Waypost's client: asks a router where a query goes."""
