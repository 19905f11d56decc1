"""gRPC and concurrency around core."""
