"""Measurements: what is fast, what is right more often, beside what. No test asserts a time."""
