"""`Zoo`: where networks are found, each an ONNX file with its card, and checked before use."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from ..errors import ModelError
from .card import ModelCard

SHIPPED = Path(__file__).resolve().parent.parent / "weights"
"""The weights that come with the package."""


def own_folder() -> Path:
    """Where a person's own networks are kept: `$UNFADE_MODELS`, or the system's data folder."""
    if chosen := os.environ.get("UNFADE_MODELS"):
        return Path(chosen)
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", home / ".local" / "share"))
    return base / "unfade" / "models"


class Zoo:
    """Finds networks by name: `denoise` is `denoise.onnx` with its card `denoise.toml`.

    Args:
        folders: Where to look, in this order; by default among one's own and then among those
            shipped with the package, so that an own `damage` takes the place of the shipped one.
    """

    def __init__(self, *folders: Path | str) -> None:
        self.folders = tuple(Path(folder) for folder in folders) or (own_folder(), SHIPPED)

    def find(self, name: str) -> tuple[Path, ModelCard]:
        """Give the ONNX file and the card of a network, its checksum verified.

        Raises:
            ModelError: No such network, a card that cannot be read, or a file that is missing or
                not the one its card describes.
        """
        cards = self._cards()
        if name not in cards:
            raise ModelError(f"no model {name!r}; known: {', '.join(sorted(cards)) or 'none'}")
        path, card = cards[name].with_suffix(".onnx"), _read(cards[name])
        if not path.is_file():
            raise ModelError(f"{path} is missing; its card is there. Reinstall the weights")
        found = checksum(path)
        if found != card.sha256.lower():
            raise ModelError(
                f"{path} is altered: its card expects sha256 {card.sha256[:16]}..., "
                f"the file has {found[:16]}.... Reinstall the weights"
            )
        return path, card

    def list(self) -> tuple[ModelCard, ...]:
        """The cards of all networks, by name; their files are not checked.

        Raises:
            ModelError: A card cannot be read.
        """
        return tuple(_read(path) for _, path in sorted(self._cards().items()))

    def verify(self) -> dict[str, str]:
        """Check every network; answers with its name and what is wrong with it, '' if nothing."""
        return {name: self._problem(name) for name in sorted(self._cards())}

    def _problem(self, name: str) -> str:
        try:
            self.find(name)
        except ModelError as error:
            return str(error)
        return ""

    def _cards(self) -> dict[str, Path]:
        """Cards by name; the first folder that has a name wins."""
        found: dict[str, Path] = {}
        for folder in self.folders:
            for path in sorted(folder.glob("*.toml")):
                found.setdefault(path.stem, path)
        return found


def checksum(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> ModelCard:
    try:
        card = ModelCard.from_toml(path.read_text("utf-8"))
    except (ModelError, OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: {error}") from error
    if card.name != path.stem:
        raise ModelError(f"{path} is the card of {card.name!r}; a card is named like its network")
    return card
