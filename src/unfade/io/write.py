"""A `Photo` becomes bytes on disk: same size, format, depth and channels out as came in.

The file appears whole or not at all, and never in place of the photo it came from.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import WriteError
from ..photo import Metadata, Photo
from .alpha import Straight, is_associated
from .libvips import reason
from .metadata import INFRARED, Blocks, attach, blocks_of, embed
from .pages import join_pages
from .read import Strips, walk
from .tiff import scratch_header
from .verify import check_untouched, why_not_exact
from .whole import whole, why

Plane = NDArray[np.float32] | Straight
"""(H, W) or (H, W, C) in [0, 1], from which rows are taken."""

Finish = Callable[[Path], None]
"""Called with a file that is written but has not got its name yet; may change it in place."""

FORMATS = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".jpe": "jpeg",
    ".jfif": "jpeg",
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
    ".heic": "heif",
    ".heif": "heif",
    ".avif": "avif",
}
DEPTHS = {
    "jpeg": (8,),
    "png": (8, 16),
    "tiff": (8, 16, 32),
    "webp": (8,),
    "heif": (8, 16),
    "avif": (8, 16),
}
QUALITY = 90
IN_MEMORY = 32 * 2**20
"""Pictures of more bytes than this go to libvips through a scratch file beside the target."""

_SPACES = {
    (8, 1): "b-w",
    (8, 3): "srgb",
    (16, 1): "grey16",
    (16, 3): "rgb16",
    (32, 1): "b-w",
    (32, 3): "scrgb",
}
_STORED = {8: ("uchar", np.uint8), 16: ("ushort", np.uint16), 32: ("float", np.float32)}
_BIGTIFF_BYTES = 3_900_000_000
_STRIP_BYTES = 2**24
_JPEG_PIXELS = 2**24


def write(
    photo: Photo,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    bits: int | None = None,
    quality: int | None = None,
    xmp: bytes | None = None,
    strips: Strips | None = None,
    finish: Finish | None = None,
    before: Photo | None = None,
    replace: bool = True,
) -> int | None:
    """Write a photo.

    Pixels are rounded to the nearest integer, so unchanged ones leave with the very integer they
    came with; colors that a TIFF has multiplied by its alpha are divided by it for another format.
    Profile, EXIF, XMP, IPTC, resolution and the way of storing (compression, tiles,
    chroma) are those the photo came with, where the format has them. The infrared plane is kept in
    TIFF only, where it was (a sample, a page or a sub-image), and so are tags that no standard
    names or that are longer than an EXIF block can be.

    Args:
        photo: What to write; its `metadata` says how.
        path: Where to; the suffix chooses the format.
        format: `jpeg`, `png`, `tiff`, `webp`, `heif` or `avif`, where the suffix shall not choose.
        bits: 8, 16 or 32 (float); by default the photo's own, as far as the format can hold it.
        quality: 1 to 100, of JPEG, WebP, HEIF and AVIF; by default the estimate of what the photo
            came with, but at least 90.
        xmp: Packet that takes the place of the photo's own.
        strips: Walks over the rows while they are rounded.
        finish: Called with the finished file while it still has a temporary name.
        before: The photo as it was read. Where the file can hold its integers, it is read back
            before it gets its name, and every untouched pixel must be the one that was read.
        replace: Take the place of a file that has this name when all is written.
    Returns:
        The number of pixels proven untouched, or None where that was not asked or cannot be.
    Raises:
        WriteError: The target is the source, or there and not to be replaced, the folder or disk
            does not let us, the format cannot hold the photo, or an untouched pixel did not come
            back.
        ValueError: An argument outside its range, pixels that are not numbers, or no `Photo`.
    """
    if not isinstance(photo, Photo):
        raise ValueError(
            f"the photo must be a Photo, got {type(photo).__name__}; an array becomes one with "
            "Photo.from_array(array)"
        )
    path = Path(path)
    _check_target(path, photo.metadata.source)
    kind = _format(path, format)
    depth = _depth(path, kind, bits, photo.metadata)
    if quality is not None and not 1 <= quality <= 100:
        raise ValueError(f"quality must be within 1 to 100, got {quality}")
    options = _options(kind, photo, depth, quality)
    with _refusing(path), whole(path, replace) as temporary:
        height, width, channels = photo.pixels.shape
        blocks = blocks_of(photo.metadata, (height, width, channels), xmp)
        _save(photo, path, temporary, kind, depth, options, blocks, strips or walk)
        proven = None
        if before is not None and not exactness(photo, before, kind, depth, options):
            proven = check_untouched(temporary, path, before, photo, strips or walk)
        if finish is not None:
            finish(temporary)
    return proven


def _save(
    photo: Photo,
    path: Path,
    temporary: Path,
    kind: str,
    depth: int,
    options: Mapping[str, Any],
    blocks: Blocks,
    strips: Strips,
) -> None:
    """Write all that goes into the file; `path` is only its name in errors."""
    planes = _planes(photo, path, kind)
    with _image(planes, depth, temporary, strips) as image:
        _check_saver(path, kind, image)
        image = attach(image, kind, photo.metadata, blocks)
        pyvips.Operation.call(f"{_saver(kind)}save", image, str(temporary), **options)
    embed(temporary, kind, photo.metadata, blocks, _extra_samples(photo))
    if kind == "tiff" and infrared_home(photo) in ("page", "below"):
        _add_infrared(photo, path, temporary, strips)


def why_loss(
    photo: Photo,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    bits: int | None = None,
    quality: int | None = None,
) -> str:
    """Say why `write` would not keep a photo's untouched pixels to the last bit; empty if it does.

    Raises:
        WriteError: No such format, or one that does not hold so many bits.
    """
    kind = _format(Path(path), format)
    depth = _depth(Path(path), kind, bits, photo.metadata)
    return exactness(photo, photo, kind, depth, _options(kind, photo, depth, quality))


def infrared_home(photo: Photo) -> str:
    """Where a photo's infrared plane belongs: `sample`, `page`, `below`, `file`, or empty."""
    if photo.infrared is None:
        return ""
    where: str = photo.metadata.fields.get(INFRARED, ("sample",))[0]
    return where


def exactness(
    photo: Photo, before: Photo, kind: str, depth: int, options: Mapping[str, Any]
) -> str:
    """Say why a photo's untouched pixels cannot be compared; empty where they can."""
    if photo.pixels.shape != before.pixels.shape:
        return f"it became {photo.size[1]} x {photo.size[0]} pixels, or another color space"
    return why_not_exact(before.metadata, kind, depth, bool(options.get("lossless")))


def _add_infrared(photo: Photo, path: Path, temporary: Path, strips: Strips) -> None:
    """Put the infrared plane into a TIFF as the page or sub-image that it was."""
    assert photo.infrared is not None
    where, metadata = photo.metadata.fields[INFRARED]
    plane = Photo(photo.infrared[:, :, None], metadata=metadata)
    page = temporary.with_name(temporary.name + ".infrared")
    joined = temporary.with_name(temporary.name + ".joined")
    try:
        options = _options("tiff", plane, metadata.bits, None)
        blocks = blocks_of(metadata, (*plane.size, 1), None)
        _save(plane, path, page, "tiff", metadata.bits, options, blocks, strips)
        check_untouched(page, path, plane, plane, strips)
        pages, below = ([temporary], [page]) if where == "below" else ([temporary, page], [])
        join_pages(pages, joined, below, photo.metadata.encoding.get("bigtiff") or None)
        joined.replace(temporary)
    finally:
        page.unlink(missing_ok=True)
        joined.unlink(missing_ok=True)


def copy(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str],
    finish: Finish | None = None,
    replace: bool = True,
) -> None:
    """Give a file on byte for byte: a photo in which nothing was changed loses nothing.

    Args:
        source: The file.
        path: Where to.
        finish, replace: As in `write`.

    Raises:
        WriteError: The target is the source, or there and not to be replaced, or the folder or
            disk does not let us.
    """
    path = Path(path)
    _check_target(path, str(source))
    with _refusing(path), whole(path, replace) as temporary:
        shutil.copyfile(source, temporary)
        if finish is not None:
            finish(temporary)


def write_plane(array: NDArray[np.floating[Any]], path: str | os.PathLike[str]) -> None:
    """Write a mask or other plane as an 8-bit grey picture.

    Args:
        array: (H, W) in [0, 1].
        path: A PNG or TIFF file.
    Raises:
        WriteError: It cannot be written, or the suffix is of a format that loses something.
        ValueError: The array has another shape, or values that are not numbers.
    """
    if array.ndim != 2:
        raise ValueError(f"a plane must be (H, W), got {array.shape}")
    if _format(Path(path), None) not in ("png", "tiff"):
        raise WriteError(f"{path}: a mask is written as .png or .tif, got {Path(path).suffix}")
    write(Photo(np.asarray(array, np.float32)[:, :, None]), path)


def _format(path: Path, asked: str | None) -> str:
    kind = asked.lower() if asked is not None else FORMATS.get(path.suffix.lower(), "")
    if kind not in DEPTHS:
        raise WriteError(
            f"{path}: expected a format of {', '.join(DEPTHS)}, got {asked or path.suffix!r}; "
            "choose another suffix"
        )
    return kind


def _depth(path: Path, kind: str, asked: int | None, metadata: Metadata) -> int:
    if asked is None:
        return max(bits for bits in DEPTHS[kind] if bits <= metadata.bits)
    if asked not in (8, 16, 32):
        raise ValueError(f"bits must be 8, 16 or 32, got {asked}")
    if asked not in DEPTHS[kind]:
        held = " or ".join(str(bits) for bits in DEPTHS[kind])
        raise WriteError(f"{path}: {kind} holds {held} bits, got {asked}; write a TIFF")
    return asked


def _check_target(path: Path, source: str) -> None:
    with _refusing(path):
        is_folder = path.is_dir()  # The first to ask the system about the name.
    if is_folder:
        raise WriteError(f"{path}: expected a file to write, got a folder; name a file in it")
    if not path.parent.is_dir():
        raise WriteError(f"{path}: there is no folder {path.parent}; make it first")
    if source and path.exists() and os.path.exists(source) and os.path.samefile(path, source):  # noqa: PTH110, PTH121
        raise WriteError(f"{path}: this is the photo it was read from; choose another name")


def _planes(photo: Photo, path: Path, kind: str) -> list[Plane]:
    """Colors, alpha and infrared, as far as the format has them."""
    planes: list[Plane] = [photo.pixels]
    if photo.alpha is not None and kind != "tiff" and is_associated(photo.metadata):
        planes = [Straight(photo.pixels, photo.alpha)]
    if photo.alpha is not None and kind != "jpeg":
        planes.append(photo.alpha)
    elif photo.alpha is not None and float(photo.alpha.min()) < 1:
        raise WriteError(f"{path}: JPEG cannot hold transparency; write a PNG, TIFF or WebP")
    if infrared_home(photo) == "sample" and kind == "tiff":
        assert photo.infrared is not None
        planes.append(photo.infrared)
    return planes


def _samples(plane: Plane) -> int:
    return plane.shape[2] if len(plane.shape) == 3 else 1


def _extra_samples(photo: Photo) -> tuple[int, ...]:
    """Kinds of the planes after the colors, as TIFF counts them: alpha as it was, infrared 0."""
    before = [*photo.metadata.encoding.get("extra_samples", ())]
    infrared = infrared_home(photo) == "sample"
    alpha = before[0] if len(before) == 1 and not infrared else 2
    if len(before) == 2:
        alpha = max(before)
    return (() if photo.alpha is None else (alpha,)) + ((0,) if infrared else ())


def _saver(kind: str) -> str:
    return "heif" if kind == "avif" else kind


def _check_saver(path: Path, kind: str, image: Any) -> None:
    limit = {"jpeg": 65535, "webp": 16383, "heif": 16384, "avif": 16384}.get(kind, 2**31)
    if max(image.width, image.height) > limit:
        raise WriteError(
            f"{path}: {kind} holds at most {limit} pixels a side, got {image.width} x "
            f"{image.height}; write a TIFF"
        )


def _options(kind: str, photo: Photo, depth: int, quality: int | None) -> dict[str, Any]:
    """Options of libvips's saver that store the photo as it was stored."""
    same = photo.metadata.format == kind
    stored: Mapping[str, Any] = photo.metadata.encoding if same else {}
    level = quality if quality is not None else max(QUALITY, stored.get("Q", 0))
    if kind == "jpeg":
        # Both look at the whole picture before the first byte, so both hold it in memory.
        small = photo.size[0] * photo.size[1] <= _JPEG_PIXELS
        return {
            "Q": level,
            "subsample_mode": stored.get("subsample_mode", "off"),
            "interlace": small and stored.get("interlace", False),
            "optimize_coding": small,
        }
    if kind == "png":
        return {"interlace": stored.get("interlace", False), "filter": "all"}
    if kind == "webp":
        lossless = quality is None and stored.get("lossless", False)
        return {"Q": level, "lossless": lossless, "exact": True, "smart_subsample": True}
    if kind in ("heif", "avif"):
        wide = max(10, int(stored.get("bitdepth", 10)))
        compression = "av1" if kind == "avif" else stored.get("compression") or "hevc"
        return {"Q": level, "compression": compression, "bitdepth": wide if depth == 16 else 8}
    samples = photo.pixels.shape[2] + len(_extra_samples(photo))
    return _tiff_options(stored, photo.size, depth, samples)


def _tiff_options(
    stored: Mapping[str, Any], size: tuple[int, int], depth: int, samples: int
) -> dict[str, Any]:
    row_bytes = size[1] * samples * depth // 8
    compression = stored.get("compression", "deflate")
    predictor = stored.get("predictor", "horizontal")
    if depth != 32 and predictor == "float":
        predictor = "horizontal"
    options: dict[str, Any] = {
        "compression": "deflate" if compression == "jpeg" else compression,
        "predictor": predictor,
        "bigtiff": stored.get("bigtiff", False) or row_bytes * size[0] > _BIGTIFF_BYTES,
        "tile": stored.get("tile", False),
    }
    if options["tile"]:
        sides = {name: stored.get(name, 256) for name in ("tile_width", "tile_height")}
        return options | sides
    # A strip as high as the picture would be held in memory as a whole.
    rows = min(stored.get("tile_height", 128), 32768, max(1, _STRIP_BYTES // row_bytes))
    # libvips forgets a last strip of one row where the others have an odd number.
    alone = rows % 2 == 1 and size[0] % rows == 1 % rows
    return options | {"tile_height": rows + alone}


@contextlib.contextmanager
def _image(planes: list[Plane], depth: int, beside: Path, strips: Strips) -> Iterator[Any]:
    """A `pyvips.Image` of the rounded planes, in memory or in a scratch file."""
    height, width = planes[0].shape[:2]
    samples = sum(_samples(plane) for plane in planes)
    name, dtype = _STORED[depth]
    space = _SPACES[depth, planes[0].shape[2]]
    if height * width * samples * np.dtype(dtype).itemsize <= IN_MEMORY:
        array: NDArray[Any] = np.empty((height, width, samples), dtype)

        def keep(rows: slice, block: NDArray[Any]) -> None:
            array[rows] = block

        _round(planes, depth, keep, strips)
        data = array.data
        yield pyvips.Image.new_from_memory(data, width, height, samples, name).copy(
            interpretation=space
        )
        return
    raw = beside.with_name(beside.name + ".raw")
    head = scratch_header((height, width, samples), depth, planes[0].shape[2])
    try:
        with raw.open("xb") as file:
            file.write(head)

            def store(rows: slice, block: NDArray[Any]) -> None:
                file.seek(len(head) + rows.start * block[0].nbytes)
                file.write(block.data)

            _round(planes, depth, store, strips)
        # Read in sequence, neither mapped into memory nor kept open in libvips's cache.
        scratch = pyvips.Image.tiffload(str(raw), access="sequential", fail_on="error")
        yield scratch.copy(interpretation=space)
    finally:
        raw.unlink(missing_ok=True)


def _round(
    planes: list[Plane],
    depth: int,
    take: Callable[[slice, NDArray[Any]], None],
    strips: Strips,
) -> None:
    """Hand the rounded rows of all planes to `take(rows, block)`, block (rows, W, samples)."""
    dtype = _STORED[depth][1]
    top = np.float32(2**depth - 1 if depth < 32 else 1)

    def strip(rows: slice) -> None:
        width = planes[0].shape[1]
        block = np.empty((rows.stop - rows.start, width, sum(map(_samples, planes))), dtype)
        at = 0
        for plane in planes:
            part = plane[rows].reshape(block.shape[0], width, -1)
            if not np.isfinite(part).all():
                raise ValueError(f"pixels must be numbers in rows {rows.start} to {rows.stop}")
            whole = part if depth == 32 else np.rint(np.clip(part, 0, 1) * top)
            block[:, :, at : at + part.shape[2]] = whole
            at += part.shape[2]
        take(rows, block)

    strips(strip, (planes[0].shape[0], planes[0].shape[1]))


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except pyvips.Error as error:
        said = reason(error)
        if "compression" in said.lower():
            said += "; this libvips has no encoder for it, choose another format"
        raise WriteError(f"{path}: cannot be written: {said}") from error
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {why(error)}") from error
