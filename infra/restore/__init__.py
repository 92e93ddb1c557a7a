"""A way back from a loss: a stage goes on with a table that was restored to an earlier time."""
