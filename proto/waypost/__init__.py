"""The contract between Waypost's server and its callers."""

CONTRACT_VERSION = "1.1"
"""Version of the handoff contract's meaning; a new field raises the minor part."""
