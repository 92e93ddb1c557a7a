"""How the functions call AWS: addresses, signatures, deadlines, retries. Nothing else in `stays` knows it."""
