"""A person's own networks: checked, and copied to where the zoo looks first."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..engines import Engine
from ..errors import EngineError, ModelError
from .card import ModelCard
from .model import Model
from .zoo import checksum, own_folder

TRIES = ((96, 128), (50, 70))
"""Sizes in pixels, (height, width), with which a network is tried."""

SIDES = {"fading": 128, "verify": 64}
"""Tasks whose networks take pictures of one size only: its side in pixels. Training goes by it, and
a test holds it to what the stages give."""


def add_model(
    path: Path, engine: Engine, card: Path | None = None, folder: Path | None = None
) -> ModelCard:
    """Check a network with its card and keep both among one's own.

    Args:
        path: The ONNX file.
        engine: Runs it, to see that it does what its card says.
        card: Its card; by default the file of the same name that ends in `.toml`.
        folder: Where it is kept; by default `own_folder()`.
    Returns:
        The card as it is kept, with the checksum of the file.
    Raises:
        ModelError: A file is missing, the card says something else than the network does, or the
            checksum is another.
    """
    card, folder = card or path.with_suffix(".toml"), folder or own_folder()
    for file in (path, card):
        if not file.is_file():
            raise ModelError(
                f"{file} is missing; a network comes with a card, as `unfade export` writes it"
            )
    facts = _read(card, checksum(path))
    _try(path, facts, engine)
    folder.mkdir(parents=True, exist_ok=True)
    # The card last: a network without a card is not found, a card without its network is an error.
    _place(folder / f"{facts.name}.onnx", lambda part: shutil.copyfile(path, part))
    text = facts.to_toml()
    _place(folder / f"{facts.name}.toml", lambda part: part.write_text(text, "utf-8"))
    return facts


def remove_model(name: str, folder: Path | None = None) -> None:
    """Take a network of one's own away again; those that are shipped stay.

    Raises:
        ModelError: There is none of this name.
    """
    folder = folder or own_folder()
    files = [folder / f"{name}{suffix}" for suffix in (".toml", ".onnx")]
    if not _NAME.fullmatch(name) or not files[0].is_file():
        own = ", ".join(sorted(p.stem for p in folder.glob("*.toml"))) or "none"
        raise ModelError(f"no model {name!r} of your own; yours: {own}")
    for file in files:
        file.unlink(missing_ok=True)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def _read(card: Path, found: str) -> ModelCard:
    try:
        facts = ModelCard.from_toml(card.read_text("utf-8"))
    except (ModelError, UnicodeDecodeError) as error:
        raise ModelError(f"{card}: {error}") from error
    if not _NAME.fullmatch(facts.name):
        raise ModelError(f"{card}: a name has letters, digits, '-', '_' and '.': {facts.name!r}")
    if facts.sha256 and facts.sha256.lower() != found:
        raise ModelError(
            f"{card} expects sha256 {facts.sha256[:16]}..., the network has {found[:16]}...; "
            "it is the card of another file"
        )
    return dataclasses.replace(facts, sha256=found)


def _try(path: Path, card: ModelCard, engine: Engine) -> None:
    """Run the network on grey pictures and compare what comes with the card."""
    model = Model(engine.load(path), card)
    side = SIDES.get(card.task)
    for size in ((side, side),) if side else TRIES:
        arrays = [np.full((*size, channels), 0.5, np.float32) for channels in card.inputs]
        try:
            answer = model(*arrays)
        except EngineError as error:
            raise ModelError(
                f"{path.name} does not take {size[1]} x {size[0]} px as its card says "
                f"(inputs {card.inputs}, multiple_of {card.multiple_of}): {error}"
            ) from error
        wanted = (size[0] * card.scale, size[1] * card.scale, card.channels_out)
        if answer.shape not in (wanted, (card.channels_out,)):
            raise ModelError(f"{path.name} answers {answer.shape}, its card says {wanted}")
        if not np.isfinite(answer).all():
            raise ModelError(f"{path.name} answers with numbers that are not finite")


def _place(target: Path, write: Callable[[Path], object]) -> None:
    part = target.with_name(f".{target.name}.part")
    write(part)
    part.replace(target)
