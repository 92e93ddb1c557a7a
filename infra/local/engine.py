"""Starts the embedded database and ends it with its parent; runs in the engine's own virtual environment."""

import os
import runpy
import signal
import threading


def _end_with_parent() -> None:
    # The parent holds the other end of standard input: it closes when the parent ends, however it ends.
    # Not through `sys.stdin`, whose lock this thread would still hold when the interpreter ends.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until told to stop; with PERSIST_STATE the data are written down on the way out."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runpy.run_module("ministack", run_name="__main__")


if __name__ == "__main__":
    main()
