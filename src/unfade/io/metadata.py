"""What a file says beside its pixels: tags, profile, resolution, and how it was stored.

libvips carries ICC, EXIF, XMP and IPTC as raw blocks. What it leaves out is read here from the
file itself: the segments of a JPEG, the chunks of a PNG and the tags of a TIFF, which go into a
file of the same format byte for byte; and how it was stored: the compression and extra samples of
a TIFF, the quality of a JPEG, whether a WebP is lossless.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyvips

from ..photo import Metadata
from .exif import (
    EXIF_MARK,
    exif_from_tags,
    resolution_tags,
    short_exif,
    signed_exif,
    tags_from_exif,
    upright_exif,
)
from .iptc import RESOLUTION_INFO, bare_iptc, enveloped_iptc
from .jpeg import (
    finish_jpeg,
    jfif_resolution,
    jpeg_quality,
    kept_segments,
    resolved_segments,
)
from .pages import COLOR_TAGS, RESOLUTION, finish_tiff, kept_tags, without_photoshop
from .png import COLOR, finish_png, kept_chunks, png_resolution, resolved_chunks
from .tiff import (
    COMPRESSION,
    COMPRESSIONS,
    EXIF_TAGS,
    EXTRA_SAMPLES,
    ICC_PROFILE,
    IPTC_RECORDS,
    PREDICTOR,
    PREDICTORS,
    RESOLUTION_UNIT,
    ROWS_PER_STRIP,
    SOFTWARE,
    TILE_HEIGHT,
    TILE_WIDTH,
    UNDEFINED,
    X_RESOLUTION,
    XMP,
    Y_RESOLUTION,
    Directory,
    Tag,
    TagError,
    read_directory,
)
from .webp import finish_webp, is_lossless_webp
from .xmp import updated_xmp

MM_PER_INCH = 25.4
MOST_PPI = 1_000_000
IPTC = "iptc-data"
BLOCKS = ("icc-profile-data", "exif-data", "xmp-data", IPTC)
SEGMENTS, CHUNKS, TAGS = "jpeg-segments", "png-chunks", "tiff-tags"
"""Fields with what a file of that format said, piece by piece, for a file of the same format."""

INFRARED = "infrared"
"""Field that says where the infrared plane came from, if not from a fourth sample: (`page` or
`below`, the `Metadata` of that page)."""


def read_metadata(
    image: Any, path: Path, kind: str, bits: int, directory: Directory | None, turn: int = 1
) -> Metadata:
    """Collect what a file says beside its pixels.

    Args:
        image: The opened `pyvips.Image`.
        path: Where it came from.
        kind: `jpeg`, `png`, `tiff`, `webp`, `heif` or `avif`.
        bits: 8, 16 or 32.
        directory: First directory of a TIFF.
        turn: EXIF orientation in which the picture is stored; the resolution is that upright.
    """
    fields = _fields(image, path, kind, directory)
    stated = _resolution(fields)
    return Metadata(
        source=str(path),
        format=kind,
        bits=bits,
        resolution_ppi=stated[::-1] if stated and turn >= 5 else stated,
        fields=fields,
        encoding=_encoding(image, path, kind, directory),
    )


def _resolution(fields: Mapping[str, Any]) -> tuple[float, float] | None:
    """Pixels per inch as a file states them, for the picture as it is stored.

    One pixel per millimetre is what libvips writes for a picture that says nothing.
    """
    stated = (
        png_resolution(fields.get(CHUNKS, ())),
        _exif_resolution(fields.get("exif-data", b"")),
        jfif_resolution(fields.get(SEGMENTS, ())),
    )
    if TAGS in fields:
        stated = (_tagged_resolution(fields[TAGS]), None, None)
    plausible = [ppi for ppi in stated if ppi and all(0 < side < MOST_PPI for side in ppi)]
    return next((ppi for ppi in plausible if ppi != (MM_PER_INCH, MM_PER_INCH)), None)


def _is_new(ppi: tuple[float, float] | None, fields: Mapping[str, Any]) -> bool:
    """Whether a resolution is another than a photo's file states."""
    stated = _resolution(fields)
    return ppi is not None and (stated is None or not np.allclose(ppi, stated, rtol=1e-5, atol=0))


def _exif_resolution(exif: bytes) -> tuple[float, float] | None:
    try:
        return _tagged_resolution(read_directory(io.BytesIO(exif.removeprefix(EXIF_MARK))).tags)
    except TagError:
        return None


def _tagged_resolution(tags: Mapping[int, Tag]) -> tuple[float, float] | None:
    sides = [tags.get(number) for number in (X_RESOLUTION, Y_RESOLUTION)]
    pairs = [
        struct.unpack("<II", tag.value) for tag in sides if tag and (tag.kind, tag.count) == (5, 1)
    ]
    if len(pairs) < 2 or 0 in pairs[0] + pairs[1]:
        return None
    named = tags[RESOLUTION_UNIT].numbers if RESOLUTION_UNIT in tags else ()
    unit = {2: 1.0, 3: MM_PER_INCH / 10}.get((named or (2,))[0])
    x, y = (round(above / below * (unit or 0), 3) for above, below in pairs)
    return (x, y) if unit else None


def _fields(image: Any, path: Path, kind: str, directory: Directory | None) -> dict[str, Any]:
    # Comments of a PNG may be in any encoding; they are among its chunks, byte for byte.
    fields = {name: image.get(name) for name in BLOCKS if image.get_typeof(name)}
    if kind == "jpeg":
        fields[SEGMENTS] = kept_segments(path)
    elif kind == "png":
        fields[CHUNKS] = kept_chunks(path)
    elif directory is not None:
        fields[TAGS] = kept_tags(directory)
        # libvips counts the records wrong, and takes them for numbers of the file's byte order.
        fields.pop(IPTC, None)
        if IPTC_RECORDS in directory.tags:
            fields[IPTC] = directory.tags[IPTC_RECORDS].value
    exif = exif_from_tags(directory.tags) if directory else fields.get("exif-data")
    if exif:
        fields["exif-data"] = upright_exif(exif)
    return fields


def without_color(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a picture that was converted on reading, less what said what its colors were."""
    kept = dict(fields)
    if TAGS in kept:
        kept[TAGS] = {n: tag for n, tag in kept[TAGS].items() if n not in COLOR_TAGS}
    if CHUNKS in kept:
        kept[CHUNKS] = tuple(chunk for chunk in kept[CHUNKS] if chunk.name not in COLOR)
    return kept


def _encoding(image: Any, path: Path, kind: str, directory: Directory | None) -> dict[str, Any]:
    encoding: dict[str, Any] = {}
    if kind == "jpeg":
        encoding = _jpeg_encoding(image, path)
    elif kind == "png":
        encoding = {"interlace": bool(_value(image, "interlaced", 0))}
    elif directory is not None:
        encoding = _tiff_encoding(directory)
    elif kind == "webp":
        encoding = {"lossless": is_lossless_webp(path)}
    elif kind in ("heif", "avif"):
        depth = int(_value(image, "bits-per-sample", 8))
        encoding = {"compression": _value(image, "heif-compression", ""), "bitdepth": depth}
    return encoding


def _value(image: Any, name: str, default: Any) -> Any:
    return image.get(name) if image.get_typeof(name) else default


def _jpeg_encoding(image: Any, path: Path) -> dict[str, Any]:
    # libvips writes whole or quartered chroma; 4:2:2 becomes whole, which loses nothing.
    halved = str(_value(image, "jpeg-chroma-subsample", "")).startswith("4:2:0")
    encoding: dict[str, Any] = {
        "subsample_mode": "on" if halved else "off",
        "interlace": bool(_value(image, "jpeg-multiscan", 0)),
    }
    quality = jpeg_quality(path)
    return encoding | ({"Q": quality} if quality else {})


def _tiff_encoding(directory: Directory) -> dict[str, Any]:
    tiled = TILE_WIDTH in directory.tags
    encoding: dict[str, Any] = {
        "compression": COMPRESSIONS.get(directory.number(COMPRESSION, 1), "deflate"),
        "predictor": PREDICTORS.get(directory.number(PREDICTOR, 1), "none"),
        "bigtiff": directory.big,
        "tile": tiled,
    }
    if tiled:
        encoding["tile_width"] = directory.number(TILE_WIDTH, 0)
        encoding["tile_height"] = directory.number(TILE_HEIGHT, 0)
    else:
        encoding["tile_height"] = directory.number(ROWS_PER_STRIP, 2**32 - 1)
    if EXTRA_SAMPLES in directory.tags:
        encoding["extra_samples"] = directory.tags[EXTRA_SAMPLES].numbers
    return encoding


class Blocks(NamedTuple):
    """What is embedded in a file that is written.

    Attributes:
        exif: Block with its mark, signed.
        xmp: Packet, or None for none.
        profile: ICC profile, or None for none.
        resolution_ppi: Pixels per inch, horizontal and vertical, or None if nobody knows.
        new_xmp, new_profile, new_resolution: Whether it is another than that of the photo's file.
    """

    exif: bytes
    xmp: bytes | None
    profile: bytes | None
    resolution_ppi: tuple[float, float] | None
    new_xmp: bool
    new_profile: bool
    new_resolution: bool


def blocks_of(metadata: Metadata, shape: tuple[int, int, int], xmp: bytes | None) -> Blocks:
    """Make the blocks that a photo is written with.

    Args:
        metadata: What the photo's file said.
        shape: (height, width, channels); a profile for other channels is replaced by sRGB.
        xmp: Packet that takes the place of the photo's own.
    """
    fields = metadata.fields
    own, profile = fields.get("xmp-data"), fields.get("icc-profile-data")
    size, ppi = (shape[0], shape[1]), metadata.resolution_ppi
    fitting, new_resolution = fitting_profile(profile, shape[2]), _is_new(ppi, fields)
    packet = xmp if xmp is not None else own
    if packet is not None:
        packet = updated_xmp(packet, size, ppi if new_resolution else None)
    return Blocks(
        exif=signed_exif(fields.get("exif-data", b""), size, ppi, new_resolution),
        xmp=packet,
        profile=fitting,
        resolution_ppi=ppi,
        new_xmp=packet != own,
        new_profile=fitting != profile,
        new_resolution=new_resolution,
    )


def attach(image: Any, kind: str, metadata: Metadata, blocks: Blocks) -> Any:
    """Give an image the blocks, the resolution and the signature it is written with.

    Args:
        image: A `pyvips.Image`.
        kind: Format it is written in.
        metadata: What the photo's file said.
        blocks: As from `blocks_of`.
    Returns:
        A copy of the image with the fields set, for libvips's savers.
    """
    if blocks.resolution_ppi is not None:
        x, y = blocks.resolution_ppi
        image = image.copy(xres=x / MM_PER_INCH, yres=y / MM_PER_INCH)
    else:
        image = image.copy()
    fields = _iptc_fields(metadata, kind) | {
        "exif-data": short_exif(blocks.exif),
        "xmp-data": blocks.xmp,
        "icc-profile-data": blocks.profile,
    }
    for name, value in fields.items():
        if value is not None:
            kind = pyvips.GValue.gstr_type if isinstance(value, str) else pyvips.GValue.blob_type
            image.set_type(kind, name, value)
    image.set_type(pyvips.GValue.gint_type, "orientation", 1)
    return image


def _iptc_fields(metadata: Metadata, kind: str) -> dict[str, bytes]:
    """IPTC as libvips puts it into a JPEG; a TIFF gets it with its other tags."""
    records = metadata.fields.get(IPTC)
    return {IPTC: enveloped_iptc(records)} if records and kind == "jpeg" else {}


def embed(
    path: Path, kind: str, metadata: Metadata, blocks: Blocks, extra: tuple[int, ...]
) -> None:
    """Put into a file that libvips wrote what libvips changes or leaves out.

    Args:
        path: The file, changed in place.
        kind: `jpeg`, `png`, `tiff`, `webp`, `heif` or `avif`; the last two are left as they are.
        metadata: What the photo's file said.
        blocks: As from `blocks_of`.
        extra: Kinds of the samples after the colors of a TIFF: 0 unspecified, 1 and 2 alpha.
    """
    fields = _resolved(metadata.fields, blocks)
    silent = blocks.resolution_ppi is None
    if kind == "jpeg":
        exif = short_exif(blocks.exif)
        finish_jpeg(path, fields.get(SEGMENTS), exif, blocks.xmp, blocks.profile, silent)
    elif kind == "png":
        xmp = blocks.xmp if blocks.new_xmp else None
        own, exif = fields.get(CHUNKS), short_exif(blocks.exif)
        finish_png(path, own, exif, xmp, blocks.new_profile, silent)
    elif kind == "tiff":
        # libvips writes one pixel per millimetre for a file that said nothing.
        left_out = RESOLUTION if silent else ()
        finish_tiff(path, _tiff_tags(fields, blocks), extra, left_out)
    elif kind == "webp":
        finish_webp(path, blocks.exif)


def _resolved(fields: Mapping[str, Any], blocks: Blocks) -> Mapping[str, Any]:
    """The photo's fields with the resolution it has now, where that is another."""
    if blocks.resolution_ppi is None or not blocks.new_resolution:
        return fields
    ppi, resolved = blocks.resolution_ppi, dict(fields)
    if SEGMENTS in fields:
        resolved[SEGMENTS] = resolved_segments(fields[SEGMENTS], ppi)
    if CHUNKS in fields:
        resolved[CHUNKS] = resolved_chunks(fields[CHUNKS], ppi)
    if TAGS in fields:
        kept = without_photoshop(fields[TAGS], [RESOLUTION_INFO])
        resolved[TAGS] = kept | resolution_tags(ppi)
    return resolved


def _tiff_tags(fields: Mapping[str, Any], blocks: Blocks) -> dict[int, Tag]:
    """The photo's tags as they are now; those libvips writes better are left to it."""
    signed = tags_from_exif(blocks.exif)
    if TAGS not in fields:
        records = bare_iptc(fields.get(IPTC, b""))
        return signed | ({IPTC_RECORDS: Tag(UNDEFINED, len(records), records)} if records else {})
    left = {*(XMP,) * blocks.new_xmp, *(ICC_PROFILE,) * blocks.new_profile}
    tags = {number: tag for number, tag in fields[TAGS].items() if number not in left}
    return tags | {n: signed[n] for n in (SOFTWARE, EXIF_TAGS) if n in signed}


def fitting_profile(profile: bytes | None, channels: int) -> bytes | None:
    """The profile to embed: the photo's own, or sRGB where that is for other channels."""
    if profile is None or profile[16:20] == {1: b"GRAY", 3: b"RGB "}[channels]:
        return profile
    return pyvips.Operation.call("profile_load", "srgb") if channels == 3 else None
