"""Starts the embedded database and stops it with its parent; runs in the engine's own virtual environment."""

import os
import runpy
import signal
import threading


def _end_with_parent() -> None:
    # The parent holds the other end of standard input, so this end closes when the parent ends for any reason.
    # `sys.stdin` would not do: this thread would still hold its lock when the interpreter ends.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until told to stop. With PERSIST_STATE the engine writes its data before it ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runpy.run_module("ministack", run_name="__main__")


if __name__ == "__main__":
    main()
