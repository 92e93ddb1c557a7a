"""Delivering a stage: preparing its account, deploying it, and going back to the release before."""
