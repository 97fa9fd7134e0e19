"""Bytes on disk become a `Photo`: every sample exactly as stored, every bad file one clear line.

Pixels are decoded strip by strip into arrays that the caller makes, so a scan larger than memory
can go straight into a scratch file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import DTypeLike, NDArray

from ..errors import ReadError
from ..photo import Mask, Photo
from ..profile import ADOBE_RGB, Profile
from .icc import ProfileError, needs_tables, read_profile, write_profile
from .metadata import read_metadata
from .tiff import EXTRA_SAMPLES, Directory, Tag, TagError, read_directory

Allocate = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]
"""Makes a full-size array: `numpy.empty`, or `Darkroom.empty`."""

Strips = Callable[[Callable[[slice], None], tuple[int, int]], None]
"""Walks over full rows of a (height, width) from top to bottom: `Darkroom.strips`."""

MAX_PIXELS = 1_000_000_000
STRIP_PIXELS = 2**20
LOADERS = {
    "Jpeg": ("jpegload", "jpeg"),
    "Png": ("pngload", "png"),
    "Tiff": ("tiffload", "tiff"),
    "Webp": ("webpload", "webp"),
    "Heif": ("heifload", "heif"),
}
PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp"}
    | {".heic", ".heif", ".avif"}
)
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
KNOWN = "JPEG, PNG, TIFF, WebP, HEIF or AVIF"

_BITS = {"uchar": 8, "ushort": 16, "float": 32}
_DTYPES = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
_GREY = ("b-w", "grey16")
_COLOR = ("srgb", "rgb16", "scrgb", "rgb")
_LAB = ("lab", "labs", "labq", "lch", "xyz", "yxy", "oklab", "oklch")


@dataclasses.dataclass(frozen=True)
class _Opened:
    """A file whose header is read: its image in sRGB or grey, and what the planes mean.

    `source` is only held: libvips calls back into it while pixels are fetched.
    """

    image: Any
    source: Any
    path: Path
    kind: str
    top: float
    colors: int
    planes: tuple[str, ...]
    converted: str
    directory: Directory | None


def can_read(path: str | os.PathLike[str]) -> bool:
    """Whether a file's suffix is that of a photo; looks at the name only, for walks of folders."""
    path = Path(path)
    return path.suffix.lower() in PHOTO_SUFFIXES and not path.name.startswith("._")


def read(
    path: str | os.PathLike[str],
    *,
    allocate: Allocate = np.empty,
    max_pixels: int = MAX_PIXELS,
    strips: Strips | None = None,
) -> Photo:
    """Read a photo.

    8- and 16-bit samples become k / 255 and k / 65535 exactly; floats stay as they are. The
    profile is kept, not applied (`metadata.profile` says what the numbers mean); the orientation
    is applied and its tag reset. CMYK and Lab become sRGB and pictures with a profile of tables
    Adobe RGB, through ICC, and `metadata.encoding["converted"]` says so. Of several pages the
    first is read, and `metadata.encoding["pages"]` gives their number. A fourth sample of a
    16-bit RGB TIFF that is not marked as alpha is taken as the scanner's infrared plane.

    Args:
        path: A JPEG, PNG, TIFF, WebP, HEIF or AVIF file, whatever its name.
        allocate: Makes the full-size arrays.
        max_pixels: Larger pictures are refused before they are decoded.
        strips: Walks over the rows while they are decoded.
    Returns:
        The photo; no damage, origin or history.
    Raises:
        ReadError: The file is missing, empty, damaged, too large, or not such a picture.
    """
    path = Path(path)
    opened = _open(path, max_pixels)
    with _refusing(path):
        metadata = read_metadata(
            opened.image, path, opened.kind, _BITS[opened.image.format], opened.directory
        )
    if opened.converted:
        encoding = {**metadata.encoding, "converted": opened.converted}
        metadata = dataclasses.replace(metadata, encoding=encoding)
    metadata = dataclasses.replace(metadata, profile=_profile(opened))
    pixels, extra = _decode(opened, allocate, strips or walk)
    return Photo(
        pixels, alpha=extra.get("alpha"), infrared=extra.get("infrared"), metadata=metadata
    )


def read_mask(path: str | os.PathLike[str], size: tuple[int, int]) -> Mask:
    """Read any picture as a mask: white is damage, black is not, values between are kept.

    A colored mark counts with its brightest channel, a transparent one with its opacity.

    Args:
        path: A picture that `read` can read.
        size: (height, width) of the photo it belongs to.
    Returns:
        (H, W) float32 in [0, 1].
    Raises:
        ReadError: It cannot be read, or is of another size.
    """
    photo = read(path)
    if photo.size != size:
        raise ReadError(
            f"{path}: the mask must be {size[1]} x {size[0]} pixels like the photo, got "
            f"{photo.size[1]} x {photo.size[0]}; export it at the photo's own size"
        )
    mask: Mask = photo.pixels.max(axis=2)
    return mask if photo.alpha is None else mask * photo.alpha


def walk(fn: Callable[[slice], None], size: tuple[int, int]) -> None:
    """Call `fn(rows)` for strips of full rows from top to bottom."""
    rows = max(1, STRIP_PIXELS // size[1])
    for top in range(0, size[0], rows):
        fn(slice(top, min(top + rows, size[0])))


def reason(error: Exception) -> str:
    """What libvips complained about, in one line without its own names."""
    text = getattr(error, "detail", "") or str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    told = [line for line in lines if "bad seek" not in line and "unable to call" not in line]
    return "; ".join(dict.fromkeys(re.sub(r"^\w+: ", "", line) for line in told[:2])) or "damaged"


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (pyvips.Error, TagError) as error:
        raise ReadError(
            f"{path}: expected a whole picture, got a damaged one ({reason(error)}); "
            "copy or scan it again"
        ) from error
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeEncodeError as error:
        raise ReadError(f"{path!r}: the name is not valid text; rename the file") from error


def _open(path: Path, max_pixels: int) -> _Opened:
    with _refusing(path):
        _check_file(path)
        loader, kind = _recognize(path)
        directory = _tiff_directory(path) if kind == "tiff" else None
        image, source = _load(loader, path, directory)
    _check_size(image, path, max_pixels)
    with _refusing(path):
        if kind == "heif" and _said(image, "heif-compression") == "av1":
            kind = "avif"
        image, converted = _to_rgb(image)
    if image.format not in _BITS:
        raise ReadError(
            f"{path}: expected samples of 8 or 16 bits or 32-bit floats, got {image.format}; "
            "save it as a 16-bit TIFF"
        )
    colors = 3 if image.interpretation in _COLOR else 1
    if image.bands < colors or image.interpretation not in (*_GREY, *_COLOR, "multiband"):
        raise ReadError(
            f"{path}: expected grey, RGB, CMYK or Lab, got {image.bands} samples of "
            f"{image.interpretation}; save it as RGB"
        )
    planes = _planes(image, path, colors, directory)
    return _Opened(
        image, source, path, kind, _top(image, kind), colors, planes, converted, directory
    )


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ReadError(f"{path}: expected a photo, got a folder; name a file in it")
    if not path.exists():
        raise ReadError(f"{path}: no such file; check the path")
    if not path.is_file():
        raise ReadError(f"{path}: expected a photo, got a device or pipe; copy it to a file first")
    if path.stat().st_size == 0:
        raise ReadError(f"{path}: expected a photo, got an empty file; copy it again")


def _recognize(path: Path) -> tuple[str, str]:
    """Loader and name of a file's format, told by its first bytes and never by its name."""
    with path.open("rb") as file:
        start = file.read(24)
    source = pyvips.Source.new_from_file(str(path))
    pointer = pyvips.vips_lib.vips_foreign_find_load_source(source.pointer)
    if pointer == pyvips.ffi.NULL:
        pyvips.vips_lib.vips_error_clear()
        if start[:4] in TIFF_MARKS:
            _tiff_directory(path)
        raise ReadError(f"{path}: expected {KNOWN}, got a file that begins with {start!r}")
    name = pyvips.ffi.string(pointer).decode()
    found = re.fullmatch(r"VipsForeignLoad(.*?)(Source|File)?", name)
    family = found[1] if found else name
    if family not in LOADERS:
        other = family.removeprefix("Ns").removesuffix("File") or name
        raise ReadError(f"{path}: expected {KNOWN}, got {other}; convert it first")
    return LOADERS[family]


def _tiff_directory(path: Path) -> Directory:
    with path.open("rb") as file:
        try:
            return read_directory(file)
        except TagError as error:
            raise ReadError(
                f"{path}: the TIFF is cut short: {error}; copy or scan it again"
            ) from error


def _load(loader: str, path: Path, directory: Directory | None) -> tuple[Any, Any]:
    """The image, and the source that must outlive it or None."""
    # `revalidate`: a file that changed under its old name must not come from libvips's cache.
    options = {"access": "sequential", "fail_on": "error", "revalidate": True}
    extra = directory.tags.get(EXTRA_SAMPLES) if directory else None
    if directory is not None and extra is not None and 1 in extra.numbers:
        source = _unassociated(path, extra, directory.order)
        options.pop("revalidate")
        return pyvips.Operation.call("tiffload_source", source, **options), source
    return pyvips.Operation.call(loader, str(path), **options), None


def _unassociated(path: Path, extra: Tag, order: str) -> Any:
    """A TIFF as it would be if its associated alpha were marked as unassociated.

    libvips divides colors by associated alpha, which rounds; stored samples shall stay as stored.
    """
    file = path.open("rb")
    kinds = np.array([2 if kind == 1 else kind for kind in extra.numbers], order + "u2").tobytes()

    def read(size: int) -> bytes:
        at = file.tell()
        data = bytearray(file.read(size))
        left, right = max(at, extra.at), min(at + len(data), extra.at + len(kinds))
        if left < right:
            data[left - at : right - at] = kinds[left - extra.at : right - extra.at]
        return bytes(data)

    source = pyvips.SourceCustom()
    source.on_read(read)
    source.on_seek(lambda offset, whence: file.seek(offset, whence))
    return source


def _check_size(image: Any, path: Path, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise ReadError(
            f"{path}: expected at most {max_pixels:,} pixels, got {image.width:,} x "
            f"{image.height:,} = {pixels:,}; raise max_pixels if you trust the file"
        )


def _top(image: Any, kind: str) -> float:
    """The stored value that stands for 1."""
    if image.format == "float":
        return 1.0
    bits = int(_said(image, "bits-per-sample") or 0)
    # libvips shifts the 10 or 12 bits of a HEIF to the upper end of 16.
    if kind in ("heif", "avif") and image.format == "ushort" and 8 < bits < 16:
        return float((2**bits - 1) << (16 - bits))
    return 255.0 if image.format == "uchar" else 65535.0


def _to_rgb(image: Any) -> tuple[Any, str]:
    space = image.interpretation
    depth = 8 if image.format == "uchar" else 16
    profile = _said(image, "icc-profile-data")
    if space == "cmyk":
        options = {"embedded": bool(profile), "input_profile": "cmyk", "intent": "relative"}
        image = image.icc_transform("srgb", depth=depth, **options)
        return image, f"CMYK to sRGB through {'its own' if profile else 'a generic'} profile"
    if space in _LAB:
        image = image.colourspace("lab").icc_export(output_profile="srgb", pcs="lab", depth=depth)
        return image, f"{space} to sRGB"
    if space in _COLOR and image.bands >= 3 and profile and needs_tables(profile):
        return _through_tables(image), "a profile of tables to Adobe RGB, 16 bit"
    return image, ""


def _through_tables(image: Any) -> Any:
    """Bring the colors of a picture whose profile has only tables to a matrix profile."""
    top = 65535 if image.format == "float" else 1
    colors, further = image[:3] * top, image[3:] if image.bands > 3 else None
    colors = colors.cast(image.format if top == 1 else "ushort")
    with tempfile.NamedTemporaryFile(suffix=".icc", delete=False) as file:
        file.write(write_profile(ADOBE_RGB))
    try:
        colors = colors.icc_transform(file.name, embedded=True, depth=16, intent="relative")
    finally:
        Path(file.name).unlink()
    if further is None:
        return colors
    scale = {"uchar": 257, "ushort": 1, "float": 65535}[image.format]
    return colors.bandjoin((further * scale).cast("ushort"))


def _profile(opened: _Opened) -> Profile | None:
    block = _said(opened.image, "icc-profile-data")
    if block is None:
        return None
    try:
        return read_profile(block, opened.colors)
    except ProfileError as error:
        raise ReadError(
            f"{opened.path}: expected a color profile that can be read: {error}; assign the right "
            "one, or remove it (exiftool -icc_profile:all= FILE)"
        ) from error


def _planes(image: Any, path: Path, colors: int, directory: Directory | None) -> tuple[str, ...]:
    """What the samples after the colors are: `alpha` or `infrared`, each at most once."""
    extra = directory.tags.get(EXTRA_SAMPLES) if directory else None
    kinds = extra.numbers if extra else ()
    scanner = directory is not None and colors == 3 and image.format == "ushort"
    names = tuple(
        "infrared" if scanner and (kinds[at : at + 1] or (0,))[0] == 0 else "alpha"
        for at in range(image.bands - colors)
    )
    if len(names) != len(set(names)):
        raise ReadError(
            f"{path}: expected grey or RGB with at most alpha and infrared, got "
            f"{image.bands} samples per pixel; flatten the picture first"
        )
    return names


def _said(image: Any, name: str) -> Any:
    return image.get(name) if image.get_typeof(name) else None


def _decode(
    opened: _Opened, allocate: Allocate, strips: Strips
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Fill pixels and further planes, turned upright."""
    stored = opened.image.height, opened.image.width
    turn = int(_said(opened.image, "orientation") or 1)
    size = stored[::-1] if turn >= 5 else stored
    pixels = allocate((*size, opened.colors), np.float32)
    extra = {name: allocate(size, np.float32) for name in opened.planes}
    views = [_as_stored(array, turn) for array in (pixels, *extra.values())]
    region = pyvips.Region.new(opened.image)

    def strip(rows: slice) -> None:
        block = _fetch(opened, region, rows)
        views[0][rows] = block[:, :, : opened.colors]
        for plane, view in enumerate(views[1:], opened.colors):
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


def _fetch(opened: _Opened, region: Any, rows: slice) -> NDArray[np.float32]:
    image, height = opened.image, rows.stop - rows.start
    try:
        data = region.fetch(0, rows.start, image.width, height)
    except pyvips.Error as error:
        raise _cut_short(opened, rows.start, error) from error
    block = np.frombuffer(data, _DTYPES[image.format]).reshape(height, image.width, image.bands)
    if image.format == "float":
        _check_floats(block, opened.path)
        return block
    return np.divide(block, np.float32(opened.top), dtype=np.float32)


def _check_floats(block: NDArray[np.float32], path: Path) -> None:
    low, high = float(block.min()), float(block.max())
    if not (low >= 0 and high <= 1):
        found = "values that are not numbers" if np.isnan(low) else f"{low:g} to {high:g}"
        raise ReadError(
            f"{path}: expected floats within 0 to 1, got {found}; scale it, or save it as 16 bit"
        )


def _cut_short(opened: _Opened, row: int, error: pyvips.Error) -> ReadError:
    """Say how much of a damaged picture can be decoded, down to a hundredth of its height."""
    height = opened.image.height
    step = max(1, height // 100)
    try:
        loader, _ = _recognize(opened.path)
        image, _source = _load(loader, opened.path, opened.directory)
        region = pyvips.Region.new(image)
        for row in range(0, height, step):
            region.fetch(0, row, image.width, min(step, height - row))
    except (pyvips.Error, OSError):
        pass
    return ReadError(
        f"{opened.path}: expected {height} rows, got {row} before the data broke off "
        f"({reason(error)}); copy or scan it again"
    )
