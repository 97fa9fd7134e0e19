"""`python -m unfade` is the command `unfade`."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command line."""
    from .cli.main import unfade

    # A name that the terminal cannot show must not end a batch.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    unfade()


if __name__ == "__main__":
    main()
