"""What a decision, a load and memory cost as exemplars and routes grow in number."""
