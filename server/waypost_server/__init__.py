"""Waypost's server: decides which specialist answers a query."""

import os

# ONNX Runtime's packages report their use to their maker from the moment they are imported, and
# keep an identifier in the user's home; a router has nobody's leave for that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
