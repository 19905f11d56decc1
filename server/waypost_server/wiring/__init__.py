"""Parts of a server, each made from settings; `app.py` puts them together."""
