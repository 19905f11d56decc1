"""What a fleet needs besides Waypost: an S3 server, Milvus, a proxy."""

from importlib.util import find_spec

if find_spec("milvus") is None:  # `make test-fleet` has an environment of its own
    collect_ignore_glob = ["test_*.py"]
