"""The contract between Waypost's server and its callers."""

CONTRACT_VERSION = "1.0"
"""Version of the handoff contract's meaning; a new field raises the minor part."""
