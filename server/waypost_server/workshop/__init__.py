"""Wires the offline work together, a module for each kind; `app.py` wires serving."""
