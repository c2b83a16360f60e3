"""cma-top: the terminal for Claude Managed Agents sessions. Holds the version and imports nothing."""

__version__ = "0.1.0"
