"""Smaller companions of a restored photo, made in the same run: for the web, for an album."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .io.alpha import is_associated, straight
from .io.write import write
from .photo import Metadata, Photo, Pixels
from .profile import to_srgb
from .report.deed import Deed
from .report.sidecar import beside
from .report.xmp import provenance_packet

SUFFIXES = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp", "avif": ".avif"}
WEB = "web"
WEB_SIDE, WEB_QUALITY = 2048, 82
LEAST_SIDE, MOST_SIDE = 16, 65_535


@dataclasses.dataclass(frozen=True)
class Derivative:
    """What is wanted beside a photo.

    Attributes:
        kind: `jpeg`, `png`, `tiff`, `webp` or `avif`: with profile, tags and depth of the photo as
            far as the format has them. `web`: a progressive JPEG in sRGB without any tags of the
            photo, so also without the place where it was taken; only that unfade wrote it.
        side: Longest side in pixels; 0 keeps the photo's own. A smaller photo is not enlarged.
    """

    kind: str
    side: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.side}" if self.side else self.kind

    def path(self, target: Path) -> Path:
        """`scan.tif.web.jpg`, `scan.tif.2048px.webp` or `scan.tif.full.png` beside `scan.tif`."""
        if self.kind == WEB:
            tag = WEB if self.side in (0, WEB_SIDE) else f"web-{self.side}px"
            return beside(target, f"{tag}.jpg")
        tag = f"{self.side}px" if self.side else "full"
        return beside(target, f"{tag}{SUFFIXES[self.kind]}")


def parse_derivative(text: str) -> Derivative:
    """Read `jpeg`, `jpeg:2048` or `web`.

    Raises:
        ValueError: Another kind, or a side out of range.
    """
    match = re.fullmatch(r"([a-z]+)(?::(\d{1,6}))?", text.strip().lower())
    if match is None or match[1] not in (*SUFFIXES, WEB):
        kinds = ", ".join((*SUFFIXES, WEB))
        raise ValueError(
            f"expected KIND or KIND:SIDE such as jpeg:2048, with a kind of {kinds}; got {text!r}"
        )
    side = int(match[2] or 0)
    if match[2] and not LEAST_SIDE <= side <= MOST_SIDE:
        raise ValueError(
            f"a side must be within {LEAST_SIDE} to {MOST_SIDE} pixels, got {side} in {text!r}"
        )
    return Derivative(match[1], side)


def write_derivative(
    photo: Photo, target: Path, wanted: Derivative, deed: Deed | None = None
) -> Path:
    """Write a companion of a photo.

    Args:
        photo: As it is written to the target.
        target: Where the photo itself lies or will lie.
        wanted: What.
        deed: What was done; told in the XMP of all but `web`. None keeps the photo's own XMP.
    Returns:
        The file.
    Raises:
        WriteError: It cannot be written.
    """
    path = wanted.path(target)
    if wanted.kind == WEB:
        small = smaller(photo, wanted.side or WEB_SIDE)
        write(_for_web(small), path, bits=8, quality=WEB_QUALITY)
    else:
        small = smaller(photo, wanted.side or max(photo.size))
        flat = _on_white(small) if wanted.kind == "jpeg" else small
        write(flat, path, xmp=_packet(photo, wanted, deed))
    return path


def _packet(photo: Photo, wanted: Derivative, deed: Deed | None) -> bytes | None:
    """The packet of a companion: the result's history, under identifiers of its own."""
    if deed is None:
        return None
    # What was measured is of the result, not of a smaller picture of it.
    own = dataclasses.replace(deed, options={**deed.options, "also": str(wanted)}, numbers={})
    return provenance_packet(photo, own, wanted.kind)


def smaller(photo: Photo, side: int) -> Photo:
    """Shrink a photo (area average), and count its resolution down; planes for the scanner go.

    Colors count as much as they are seen, so that nothing hidden shows at a transparent edge.

    Args:
        side: Longest side of the result in pixels; a smaller photo keeps its size.
    Returns:
        The small photo; its colors are not multiplied by its alpha, whatever the photo's were.
    """
    pixels, alpha = _shrunk(photo, side)
    height, width = pixels.shape[:2]
    ppi = photo.metadata.resolution_ppi
    if ppi is not None:
        ppi = (ppi[0] * width / photo.size[1], ppi[1] * height / photo.size[0])
    metadata = dataclasses.replace(photo.metadata, resolution_ppi=ppi, encoding={})
    return Photo(pixels, alpha=alpha, metadata=metadata)


def _shrunk(photo: Photo, side: int) -> tuple[Pixels, NDArray[np.float32] | None]:
    """Straight colors and alpha of a photo whose longest side is at most `side`."""
    alpha, associated = photo.alpha, is_associated(photo.metadata)
    if alpha is None:
        return photo.proxy(side), None
    small = Photo(alpha[:, :, None]).proxy(side)[:, :, 0]
    if associated:
        return straight(photo.proxy(side), small), small
    if max(photo.size) <= side or float(alpha.min()) == 1:
        return photo.proxy(side), small
    return straight(Photo(photo.pixels * alpha[:, :, None]).proxy(side), small), small


def _on_white(photo: Photo) -> Photo:
    """What is transparent becomes white, where a format knows no transparency."""
    if photo.alpha is None:
        return photo
    alpha = photo.alpha[:, :, None]
    return dataclasses.replace(photo, pixels=photo.pixels * alpha + (1 - alpha), alpha=None)


def _for_web(photo: Photo) -> Photo:
    photo = _on_white(photo)
    pixels = np.clip(to_srgb(photo.pixels, photo.metadata.profile), 0, 1)
    metadata = Metadata(photo.metadata.source, "jpeg", 8, encoding={"interlace": True})
    return Photo(pixels, metadata=metadata)
