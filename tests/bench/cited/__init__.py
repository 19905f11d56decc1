"""Figures that pages cite: where each comes from, and how it is taken over from there."""
