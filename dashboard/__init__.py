"""The site: it may read anything and change nothing in a watched Redis."""

__version__ = "0.1.0"
