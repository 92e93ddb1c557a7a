"""The product's own code: stays are nights that are won, paid for and booked. Nothing here does I/O on import."""

__version__ = "1.4.0"
