"""How decisions over gRPC compare with a gRPC echo, the bare encoder and a library call."""
