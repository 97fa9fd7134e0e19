"""`python -m unfade` is the command `unfade`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from .cli.main import unfade

    unfade()


if __name__ == "__main__":
    main()
