"""Offline work: what makes encoders and judges routes; nothing here runs while serving."""
