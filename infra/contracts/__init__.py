"""What the functions promise to others, written out: OpenAPI and the schemas of events."""
