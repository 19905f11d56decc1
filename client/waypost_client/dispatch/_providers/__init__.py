"""Calls of models, one SDK an adapter."""
