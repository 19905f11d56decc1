"""What a small LLM answers for real; `make test-llm` sets it up and runs these tests."""
