"""Several server processes behind one port, beyond what one interpreter answers.

The supervisor loads neither gRPC nor an encoder: it starts fresh interpreters, because those
libraries do not survive a fork, and is small beside them.
"""
