"""The console: the pages of `make run` and of `make console`, which show what happens and let people act."""

from infra.local.console.app import Parts, console_app

__all__ = ["Parts", "console_app"]
