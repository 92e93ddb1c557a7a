"""The contracts as pages of the local run: the OpenAPI explorer, and the messages and events of AsyncAPI."""
