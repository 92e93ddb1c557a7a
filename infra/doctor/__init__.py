"""Looking a set-up over, before and after its deployment: what is wrong, and what to do about it."""
