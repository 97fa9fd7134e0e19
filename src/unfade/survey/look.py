"""One photo looked at: on a small picture of it, in a fraction of the time it takes to restore."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..color import in_color
from ..darkroom import Darkroom
from ..errors import ReadError
from ..film.tone import photo_tone
from ..io.proxy import Proxy, read_proxy
from ..io.read import count_pages, read
from ..medium import find_medium
from ..photo import Damage, Photo, Pixels
from ..pipeline import run
from ..recipe import Recipe
from ..stages import STAGES
from .doubles import picture_hash, tiny

LONGEST = 1024
"""Side of the small picture in pixels: marks of a hair's width are lost, all larger ones seen."""

SEVERITIES = (("none", 0.0005), ("light", 0.005), ("moderate", 0.03), ("heavy", 1.01))
"""Names, and the share of damaged pixels below which they hold."""

TONES = {"color": "color", "toned": "toned", "neutral": "b/w"}
"""Words for the tones of `Seen`."""

ORANGE = 1.6
"""Red over blue of the brightest pixels from which they are the mask of a color negative; the
whites of most yellowed and sepia prints stay below 1.4."""

GREEN_STOPPED = 1.3
"""The same of red over green: what yellows paper leaves the green, 1.17 at most of the old prints
that are as red as a mask."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a look at a photo tells; plain data.

    Attributes:
        path: The file.
        problem: Why it could not be looked at; then the rest is empty.
        file_bytes: Size of the file.
        height, width: In pixels, of the first page.
        pages: Pages that are photos, of a TIFF of several; only the first is looked at.
        channels, bits: Samples per pixel, and bits of each.
        format: `jpeg`, `tiff` ...
        medium: `print`, `negative`, `slide` or empty, as the file or its frame tells.
        tone: `color`, `toned` (monochrome with a tint) or `neutral` (black and white).
        negative: Whether the picture is one: in color with an orange mask, or by the file's own
            word.
        damaged_share: Of the small picture, 0 to 1.
        severity: Name of that share, see `SEVERITIES`.
        kinds: Share per kind of damage, where the network tells kinds.
        veiled: Whether a stain, tape or light leak lies over it so surely that it would be lifted.
        veil: The same in words.
        faded: Whether the tone is so surely off that it would be corrected.
        fading: What the tone is like, in words.
        fingerprint: 63 bits that survive scaling, compression and fading; -1 for an empty picture.
        tiny: 16 x 16 grey values in a row, to compare with.
        thumbnail: A JPEG for a contact sheet; empty where none is wanted.
        seconds: Time the look took.
    """

    path: str
    problem: str = ""
    file_bytes: int = 0
    height: int = 0
    width: int = 0
    pages: int = 1
    channels: int = 0
    bits: int = 0
    format: str = ""
    medium: str = ""
    tone: str = ""
    negative: bool = False
    damaged_share: float = 0.0
    severity: str = ""
    kinds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    veiled: bool = False
    veil: str = ""
    faded: bool = False
    fading: str = ""
    fingerprint: int = -1
    tiny: bytes = b""
    thumbnail: bytes = b""
    seconds: float = 0.0

    @property
    def megapixels(self) -> float:
        """Size of the first page in millions of pixels."""
        return self.height * self.width / 1e6


def look_at(path: Path, darkroom: Darkroom, thumbnail: int = 0) -> Seen:
    """Look at a photo.

    Args:
        path: The file.
        darkroom: For the networks of damage, veils and fading.
        thumbnail: Longest side in pixels of a thumbnail to keep; 0 keeps none.
    Raises:
        ReadError: It cannot be read.
        ModelError, EngineError: A network is not there.
        Cancelled: The darkroom was told to stop.
    """
    start = time.perf_counter()
    proxy = _proxy(path, darkroom)
    photo = proxy.photo
    medium, _ = find_medium(photo)
    tone = photo_tone(photo)
    negative = medium == "negative" or (tone == "color" and has_orange_mask(photo.pixels))
    looked = run(photo, Recipe("survey", (STAGES["damage"](),)), darkroom)
    damaged = 0.0 if looked.damage is None else float((looked.damage >= 0.5).mean())
    with darkroom.during("survey"):
        veil, fading = (STAGES[name]().look(photo, darkroom) for name in ("veils", "fading"))
    return Seen(
        str(path),
        file_bytes=path.stat().st_size,
        height=proxy.size[0],
        width=proxy.size[1],
        pages=len(count_pages(path)),
        channels=proxy.channels,
        bits=photo.metadata.bits,
        format=photo.metadata.format,
        medium=medium or "",
        tone=tone,
        negative=negative,
        damaged_share=damaged,
        severity=severity(damaged),
        kinds=kinds_of(looked),
        veiled=veil.needed and not negative,
        veil="" if negative else veil.evidence,
        faded=fading.needed and not negative,
        fading="" if negative else fading.evidence,
        fingerprint=picture_hash(photo.pixels),
        tiny=tiny(photo.pixels),
        thumbnail=_jpeg(photo.proxy(thumbnail)) if thumbnail else b"",
        seconds=time.perf_counter() - start,
    )


def _proxy(path: Path, darkroom: Darkroom) -> Proxy:
    """The small picture of a file; one that is broken is told of as restoring would."""
    try:
        return read_proxy(path, LONGEST)
    except ReadError:
        read(path, allocate=darkroom.empty, strips=darkroom.strips)
        raise


def severity(share: float) -> str:
    """The name of a share of damaged pixels."""
    return next(name for name, below in SEVERITIES if share < below)


def kinds_of(photo: Photo) -> dict[str, float]:
    """Share of a photo per kind of damage, for those that occur; empty where nobody told kinds."""
    if photo.kinds is None:
        return {}
    counts = np.bincount(photo.kinds.ravel(), minlength=len(Damage))
    return {
        kind.name.lower(): float(counts[kind] / photo.kinds.size)
        for kind in Damage
        if kind is not Damage.NONE and counts[kind]
    }


def has_orange_mask(pixels: Pixels) -> bool:
    """Whether the brightest pixels are the orange base of a color negative.

    The couplers that mask a color negative let through red, less green, hardly any blue (Hanson,
    "Color Correction with Colored Couplers", JOSA 40(3), 1950), and nothing in the picture is
    brighter than the bare base. Yellowed paper stops the blue alone.
    """
    if pixels.shape[2] != 3:
        return False
    red, green, blue = (float(np.percentile(pixels[:, :, c], 99)) for c in range(3))
    if red < 0.3 or green < blue:
        return False
    return red > ORANGE * max(blue, 1e-3) and red > GREEN_STOPPED * green


def _jpeg(pixels: Pixels) -> bytes:
    data: NDArray[np.uint8] = np.rint(in_color(pixels)[:, :, ::-1] * 255).astype(np.uint8)
    return cv2.imencode(".jpg", data, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
