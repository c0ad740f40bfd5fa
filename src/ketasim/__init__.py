"""Ketasim: from a dose of ketamine to the mood."""

from ._version import __version__

__all__ = ["__version__"]
