"""A photo's file, opened: which page, which planes, and in which colors libvips hands it out.

The format is told by a file's first bytes and never by its name. Whatever is wrong with a file
becomes a `ReadError` of one line.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyvips

from ..errors import ReadError
from ..profile import ADOBE_RGB, Profile
from .bounds import check_size, check_whole
from .exif import text_of
from .foreign import (
    CONVERT,
    DEVELOP,
    HEAD_BYTES,
    describe,
    is_raw,
    recognize,
    unread_samples,
)
from .icc import ProfileError, needs_tables, read_profile, write_profile
from .libvips import reason, said
from .pages import count_directories, photo_pages
from .tiff import (
    EXTRA_SAMPLES,
    PHOTOMETRIC,
    SOFTWARE,
    Directory,
    Tag,
    TagError,
    read_page,
    sub_directories,
)

LOADERS = {
    "Jpeg": ("jpegload", "jpeg"),
    "Png": ("pngload", "png"),
    "Tiff": ("tiffload", "tiff"),
    "Webp": ("webpload", "webp"),
    "Heif": ("heifload", "heif"),
}
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
KNOWN = "JPEG, PNG, TIFF, WebP, HEIF or AVIF"
SCANNER_PROGRAMS = ("VueScan", "SilverFast")
"""Programs that store infrared as a fourth sample, also with 8 bits."""

SAMPLES = "samples of 8 or 16 bits or 32-bit floats"
_NAMES = {
    "char": "signed 8-bit integers",
    "short": "signed 16-bit integers",
    "uint": "32-bit integers",
    "int": "signed 32-bit integers",
}
BITS = {"uchar": 8, "ushort": 16, "float": 32}

_GREY = ("b-w", "grey16")
_COLOR = ("srgb", "rgb16", "scrgb", "rgb")
_LAB = ("lab", "labs", "labq", "lch", "xyz", "yxy", "oklab", "oklch")


@dataclasses.dataclass(frozen=True)
class Source:
    """A file whose header is read: its image in sRGB or grey, and what the planes mean.

    `held` is only held: libvips calls back into it while pixels are fetched. `page` and `below`
    count from 0; `pages` is the number of pages that are photos.
    """

    image: Any
    held: Any
    path: Path
    kind: str
    top: float
    colors: int
    planes: tuple[str, ...]
    converted: str
    directory: Directory | None
    page: int
    below: int | None
    pages: int


@contextlib.contextmanager
def refusing(path: Path) -> Iterator[None]:
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
        raise ReadError(f"{path}: the name is not valid text; rename the file") from error


def open_source(
    path: Path, max_pixels: int, page: int | None = None, below: int | None = None
) -> Source:
    """Open a photo's file; nothing is decoded yet.

    Args:
        path: The file.
        max_pixels: Larger pictures are refused.
        page: Page of a TIFF, from 0; None is the first that is a photo.
        below: Directory below that page, from 0; None is the page itself.
    Raises:
        ReadError: It is missing, damaged, too large, or not such a picture.
    """
    with refusing(path):
        check_file(path)
        loader, kind = loader_of(path)
        if kind != "tiff" and page:
            raise ReadError(f"{path}: expected a TIFF to take page {page + 1} of; leave it out")
        page, pages, directory = _tiff_page(path, page, below) if kind == "tiff" else (0, 1, None)
        image, held = load(loader, path, directory, page, below)
    check_size(image, path, max_pixels)
    check_whole(image, path, kind)
    with refusing(path):
        if kind == "heif" and said(image, "heif-compression") == "av1":
            kind = "avif"
        image, converted = _to_rgb(_with_black_as_zero(image, directory))
    if image.format not in BITS:
        raise ReadError(
            f"{path}: expected {SAMPLES}, got {_NAMES.get(image.format, image.format)}; "
            "save it as a 16-bit TIFF"
        )
    colors = 3 if image.interpretation in _COLOR else 1
    if image.bands < colors or image.interpretation not in (*_GREY, *_COLOR, "multiband"):
        raise ReadError(
            f"{path}: expected grey, RGB, CMYK or Lab, got {image.bands} samples of "
            f"{image.interpretation}; save it as RGB"
        )
    return Source(
        image=image,
        held=held,
        path=path,
        kind=kind,
        top=_top(image, kind),
        colors=colors,
        planes=_planes(image, path, colors, directory),
        converted=converted,
        directory=directory,
        page=page,
        below=below,
        pages=pages if kind == "tiff" else int(said(image, "n-pages") or 1),
    )


def _tiff_page(path: Path, page: int | None, below: int | None) -> tuple[int, int, Directory]:
    """Which page, how many are photos, and the directory that describes it."""
    with path.open("rb") as file:
        try:
            pages, photos = count_directories(file), photo_pages(file)
            chosen = photos[0] if page is None else page
            if chosen >= pages:
                raise ReadError(f"{path}: expected a page from 1 to {pages}, got {chosen + 1}")
            directory = read_page(file, chosen)
            lower = sub_directories(file, directory)
        except TagError as error:
            raise ReadError(
                f"{path}: the TIFF is cut short: {error}; copy or scan it again"
            ) from error
    # What lies above the sensor's data is no photo but a thumbnail of it.
    if any(map(is_raw, (directory, *lower))):
        raise ReadError(f"{path}: expected {KNOWN}, got a camera's RAW file; {DEVELOP}")
    directory = directory if below is None else lower[below]
    if found := unread_samples(directory):
        raise ReadError(
            f"{path}: expected {SAMPLES}, got {found}; save it with 16 bits or as 32-bit floats"
        )
    return chosen, len(photos), directory


def check_file(path: Path) -> None:
    """Refuse what is no file, before anybody opens it: an empty pipe keeps its reader waiting.

    Raises:
        ReadError: It is missing, empty, a folder, a device or a pipe.
    """
    if path.is_dir():
        raise ReadError(f"{path}: expected a photo, got a folder; name a file in it")
    if not path.exists():
        raise ReadError(f"{path}: no such file; check the path")
    if not path.is_file():
        raise ReadError(f"{path}: expected a photo, got a device or pipe; copy it to a file first")
    if path.stat().st_size == 0:
        raise ReadError(f"{path}: expected a photo, got an empty file; copy it again")


def loader_of(path: Path) -> tuple[str, str]:
    """Loader and name of a file's format, told by its first bytes and never by its name."""
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    found, advice = recognize(start)
    if found:
        raise ReadError(f"{path}: expected {KNOWN}, got {found}; {advice}")
    source = pyvips.Source.new_from_file(str(path))
    pointer = pyvips.vips_lib.vips_foreign_find_load_source(source.pointer)
    if pointer == pyvips.ffi.NULL:
        pyvips.vips_lib.vips_error_clear()
        if start[:4] in TIFF_MARKS:
            _tiff_page(path, None, None)
        raise ReadError(
            f"{path}: expected {KNOWN}, got {describe(start)}; {CONVERT}, or copy it again"
        )
    name = pyvips.ffi.string(pointer).decode()
    match = re.fullmatch(r"VipsForeignLoad(.*?)(Source|File)?", name)
    family = match[1] if match else name
    if family not in LOADERS:
        other = family.removeprefix("Ns").removesuffix("File") or name
        raise ReadError(f"{path}: expected {KNOWN}, got {other}; {CONVERT}")
    return LOADERS[family]


def load(
    loader: str, path: Path, directory: Directory | None, page: int, below: int | None
) -> tuple[Any, Any]:
    """The image, and the source that must outlive it or None."""
    options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
    if directory is not None:
        options |= {"page": page, "subifd": -1 if below is None else below}
    extra = directory.tags.get(EXTRA_SAMPLES) if directory else None
    if directory is not None and extra is not None and 1 in extra.numbers:
        source = _unassociated(path, extra, directory.order)
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

    def seek(offset: int, whence: int) -> int:
        try:
            return file.seek(offset, whence)
        except (OSError, OverflowError, ValueError):
            return -1

    source = pyvips.SourceCustom()
    source.on_read(read)
    source.on_seek(seek)
    return source


def _top(image: Any, kind: str) -> float:
    """The stored value that stands for 1."""
    if image.format == "float":
        return 1.0
    bits = int(said(image, "bits-per-sample") or 0)
    # libvips shifts the 10 or 12 bits of a HEIF to the upper end of 16.
    if kind in ("heif", "avif") and image.format == "ushort" and 8 < bits < 16:
        return float((2**bits - 1) << (16 - bits))
    return 255.0 if image.format == "uchar" else 65535.0


def _with_black_as_zero(image: Any, directory: Directory | None) -> Any:
    """Turn around grey floats whose 0 is white; libvips does so with integers only."""
    if directory is None or directory.number(PHOTOMETRIC, 1) != 0 or image.format != "float":
        return image
    others = image.bands - 1
    return image.linear([-1, *[1] * others], [1, *[0] * others])


def _to_rgb(image: Any) -> tuple[Any, str]:
    space = image.interpretation
    depth = 8 if image.format == "uchar" else 16
    profile = said(image, "icc-profile-data")
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


def profile_of(source: Source) -> Profile | None:
    """What the numbers of an opened photo mean; None is sRGB.

    Raises:
        ReadError: The profile is damaged, or of a kind that cannot be read.
    """
    block = said(source.image, "icc-profile-data")
    if block is None:
        return None
    try:
        return read_profile(block, source.colors)
    except ProfileError as error:
        raise ReadError(
            f"{source.path}: expected a color profile that can be read: {error}; assign the right "
            "one, or remove it (exiftool -icc_profile:all= FILE)"
        ) from error


def _planes(image: Any, path: Path, colors: int, directory: Directory | None) -> tuple[str, ...]:
    """What the samples after the colors are: `alpha` or `infrared`, each at most once."""
    extra = directory.tags.get(EXTRA_SAMPLES) if directory else None
    kinds = extra.numbers if extra else ()
    scanner = directory is not None and colors == 3 and _from_scanner(image, directory)
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


def _from_scanner(image: Any, directory: Directory) -> bool:
    """Whether a fourth sample without a name is infrared: 16 bits, or a scanner's program."""
    if image.format == "ushort":
        return True
    program = text_of(directory.tags, SOFTWARE)
    return image.format == "uchar" and program.startswith(SCANNER_PROGRAMS)
