"""A stay is a run of nights, paid for. Nothing here does I/O on import."""

__version__ = "1.4.0"
