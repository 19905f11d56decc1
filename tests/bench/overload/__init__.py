"""How the server does when it is asked more than it can answer."""
