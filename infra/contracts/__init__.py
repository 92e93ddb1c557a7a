"""The contracts that the functions offer to others: the OpenAPI document and the JSON schemas of events."""
