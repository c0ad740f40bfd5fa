"""`ketasim serve`: the page's own command."""

from ketasim.web.command import serve

__all__ = ["serve"]
