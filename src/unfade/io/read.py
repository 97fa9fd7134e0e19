"""Bytes on disk become a `Photo`: every sample exactly as stored, every bad file one clear line.

Pixels are decoded strip by strip into arrays that the caller makes, so a scan larger than memory
can go straight into a scratch file.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import DTypeLike, NDArray

from ..errors import ReadError
from ..photo import Mask, Metadata, Photo
from .alpha import is_associated
from .libvips import said
from .metadata import INFRARED, read_metadata, without_color
from .pages import infrared_place, photo_pages
from .rows import fetch
from .source import BITS, TIFF_MARKS, Source, check_file, open_source, profile_of, refusing
from .tiff import ORIENTATION

Allocate = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]
"""Makes a full-size array: `numpy.empty`, or `Darkroom.empty`."""

Strips = Callable[[Callable[[slice], None], tuple[int, int]], None]
"""Walks over full rows of a (height, width) from top to bottom: `Darkroom.strips`."""

MAX_PIXELS = 1_000_000_000
GREY_ENOUGH = 8 / 255
"""Largest difference of the channels of a grey picture."""

NEARLY_BLACK, LOSSY_BLACK = 8 / 255, 32 / 255
"""What is darker in a mask is black: that of a scan or of a converted picture is not quite 0, and
a JPEG rings around white: of quality 80 by up to 32, of quality 90 by up to 16."""

STRIP_PIXELS = 2**20
PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp"}
    | {".heic", ".heif", ".avif"}
)


def can_read(path: str | os.PathLike[str]) -> bool:
    """Whether a file's suffix is that of a photo; looks at the name only, for walks of folders."""
    path = Path(path)
    return path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith("._")


def count_pages(path: str | os.PathLike[str]) -> tuple[int, ...]:
    """Numbers, from 1, of the pages of a TIFF that are photos; (1,) for any other file.

    Left out are thumbnails, masks and the infrared plane of a scanner.

    Raises:
        ReadError: It cannot be read.
    """
    path = Path(path)
    with refusing(path):
        check_file(path)
        with path.open("rb") as file:
            if file.read(4) not in TIFF_MARKS:
                return (1,)
            return tuple(number + 1 for number in photo_pages(file))


def read(
    path: str | os.PathLike[str],
    *,
    page: int = 0,
    allocate: Allocate = np.empty,
    max_pixels: int = MAX_PIXELS,
    strips: Strips | None = None,
) -> Photo:
    """Read a photo.

    8- and 16-bit samples become k / 255 and k / 65535 exactly; floats stay as they are. The
    profile is kept, not applied (`metadata.profile` says what the numbers mean); the orientation
    is applied and its tag reset. CMYK and Lab become sRGB and pictures with a profile of tables
    Adobe RGB, through ICC, and `metadata.encoding["converted"]` says so.

    The scanner's infrared plane is a fourth sample of an RGB TIFF that is not marked as alpha
    (VueScan; with 8 bits only where a scanner's program signed), or a grey second page or
    sub-image of the same size and depth (SilverFast HDRi).

    Args:
        path: A JPEG, PNG, TIFF, WebP, HEIF or AVIF file, whatever its name.
        page: Page of a TIFF, from 1; 0 is the first that is a photo. The number of such pages is
            in `metadata.encoding["pages"]`, if there are several.
        allocate: Makes the full-size arrays.
        max_pixels: Larger pictures are refused before they are decoded.
        strips: Walks over the rows while they are decoded.
    Returns:
        The photo; no damage, origin or history.
    Raises:
        ReadError: The file is missing, empty, damaged, too large, or not such a picture.
    """
    path = Path(path)
    source = open_source(path, max_pixels, page - 1 if page else None)
    metadata = _metadata(source, _turn(source))
    pixels, extra = _decode(source, allocate, strips or walk, _turn(source))
    infrared = extra.get("infrared")
    if infrared is None:
        infrared, told = _infrared_page(source, max_pixels, allocate, strips or walk)
        metadata = dataclasses.replace(metadata, fields={**metadata.fields, **told})
    return Photo(pixels, alpha=extra.get("alpha"), infrared=infrared, metadata=metadata)


def read_infrared(
    path: str | os.PathLike[str],
    *,
    allocate: Allocate = np.empty,
    strips: Strips | None = None,
) -> NDArray[np.float32]:
    """Read the infrared plane of a scan from a file of its own.

    Args:
        path: A grey picture, or a color one whose channels agree; a plane that `read` would find
            beside the colors counts first.
        allocate: Makes the full-size arrays.
        strips: Walks over the rows while they are decoded.
    Returns:
        (H, W) float32 in [0, 1]; of the file's own size, which may not be that of the photo.
    Raises:
        ReadError: It cannot be read, or is a color picture.
    """
    photo = read(path, allocate=allocate, strips=strips)
    if photo.infrared is not None:
        return photo.infrared
    pixels = photo.pixels
    if pixels.shape[2] == 3 and np.abs(np.ptp(photo.proxy(), axis=2)).max() > GREY_ENOUGH:
        raise ReadError(f"{path}: expected an infrared plane in grey, got a color picture")
    return pixels[:, :, 1] if pixels.shape[2] == 3 else pixels[:, :, 0]


def with_infrared(
    photo: Photo,
    path: str | os.PathLike[str],
    *,
    allocate: Allocate = np.empty,
    strips: Strips | None = None,
) -> Photo:
    """Give a photo the infrared plane of another file; it is not written with the photo.

    Raises:
        ReadError: It cannot be read as in `read_infrared`, or is of another size.
    """
    plane = read_infrared(path, allocate=allocate, strips=strips)
    if plane.shape != photo.size:
        raise ReadError(
            f"{path}: the infrared plane must be {photo.size[1]} x {photo.size[0]} pixels like the "
            f"photo, got {plane.shape[1]} x {plane.shape[0]}; scan or export it at the same size"
        )
    fields = {**photo.metadata.fields, INFRARED: ("file", None)}
    metadata = dataclasses.replace(photo.metadata, fields=fields)
    return dataclasses.replace(photo, infrared=plane, metadata=metadata)


def _metadata(source: Source, turn: int) -> Metadata:
    bits = BITS[source.image.format]
    with refusing(source.path):
        metadata = read_metadata(
            source.image, source.path, source.kind, bits, source.directory, turn
        )
    told: dict[str, Any] = {"pages": source.pages} if source.pages > 1 else {}
    if source.converted:
        told["converted"] = source.converted
    encoding = {**metadata.encoding, **told}
    fields = without_color(metadata.fields) if source.converted else metadata.fields
    return dataclasses.replace(
        metadata, profile=profile_of(source), encoding=encoding, fields=fields
    )


def _infrared_page(
    source: Source, max_pixels: int, allocate: Allocate, strips: Strips
) -> tuple[NDArray[np.float32] | None, dict[str, Any]]:
    """The plane that lies on a page or sub-image of its own, and what that says for writing."""
    if source.kind != "tiff" or source.colors != 3:
        return None, {}
    with refusing(source.path), source.path.open("rb") as file:
        place = infrared_place(file, source.page)
    if place is None:
        return None, {}
    where, number = place
    page, below = (number, None) if where == "page" else (source.page, number)
    plane = open_source(source.path, max_pixels, page, below)
    # A plane without an orientation of its own lies as its photo does.
    own = plane.directory is not None and ORIENTATION in plane.directory.tags
    turn = _turn(plane if own else source)
    pixels, _ = _decode(plane, allocate, strips, turn)
    return pixels[:, :, 0], {INFRARED: (where, _metadata(plane, turn))}


def read_mask(
    path: str | os.PathLike[str],
    size: tuple[int, int],
    *,
    allocate: Allocate = np.empty,
    strips: Strips | None = None,
) -> Mask:
    """Read any picture as a mask: white is damage, black is not, values between are kept.

    A colored mark counts with its brightest channel, a transparent one with its opacity. What is
    darker than 8/255, in a lossy format 32/255, is black.

    Args:
        path: A picture that `read` can read.
        size: (height, width) of the photo it belongs to.
        allocate: Makes the full-size arrays.
        strips: Walks over the rows while they are decoded.
    Returns:
        (H, W) float32 in [0, 1].
    Raises:
        ReadError: It cannot be read, or is of another size.
    """
    photo = read(path, allocate=allocate, strips=strips)
    if photo.size != size:
        raise ReadError(
            f"{path}: the mask must be {size[1]} x {size[0]} pixels like the photo, got "
            f"{photo.size[1]} x {photo.size[0]}; export it at the photo's own size"
        )
    plain = photo.pixels.shape[2] == 1 and photo.alpha is None
    mask: Mask = photo.pixels[:, :, 0] if plain else allocate(size, np.float32)
    alpha = None if is_associated(photo.metadata) else photo.alpha
    black = np.float32(LOSSY_BLACK if _is_lossy(photo.metadata) else NEARLY_BLACK)

    def strip(rows: slice) -> None:
        marked = photo.pixels[rows].max(axis=2)
        marked = marked if alpha is None else marked * alpha[rows]
        mask[rows] = np.where(marked < black, 0, marked)

    (strips or walk)(strip, size)
    return mask


def _is_lossy(metadata: Metadata) -> bool:
    stored = metadata.encoding
    if metadata.format in ("tiff", "png"):
        return bool(stored.get("compression") == "jpeg")
    return not stored.get("lossless", False)


def walk(fn: Callable[[slice], None], size: tuple[int, int]) -> None:
    """Call `fn(rows)` for strips of full rows from top to bottom."""
    rows = max(1, STRIP_PIXELS // size[1])
    for top in range(0, size[0], rows):
        fn(slice(top, min(top + rows, size[0])))


def _turn(source: Source) -> int:
    return int(said(source.image, "orientation") or 1)


def _decode(
    source: Source, allocate: Allocate, strips: Strips, turn: int
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Fill pixels and further planes, turned upright."""
    stored = source.image.height, source.image.width
    size = stored[::-1] if turn >= 5 else stored
    pixels = allocate((*size, source.colors), np.float32)
    extra = {name: allocate(size, np.float32) for name in source.planes}
    views = [_as_stored(array, turn) for array in (pixels, *extra.values())]
    region = pyvips.Region.new(source.image)

    def strip(rows: slice) -> None:
        block = np.divide(fetch(source, region, rows), np.float32(source.top), dtype=np.float32)
        views[0][rows] = block[:, :, : source.colors]
        for plane, view in enumerate(views[1:], source.colors):
            view[rows] = block[:, :, plane]

    strips(strip, stored)
    return pixels, extra


def _as_stored(array: NDArray[Any], turn: int) -> NDArray[Any]:
    """A view of an upright array in which row and column are those of the file.

    `turn` is the EXIF orientation, 1 to 8: which sides of the picture the stored first row and
    first column are.
    """
    if turn >= 5:
        array = array.swapaxes(0, 1)
    upside_down = turn in (3, 4, 6, 7)
    mirrored = turn in (2, 3, 7, 8)
    return array[:: -1 if upside_down else 1, :: -1 if mirrored else 1]
