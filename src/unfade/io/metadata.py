"""What a file says beside its pixels: tags, profile, resolution, and how it was stored.

libvips carries ICC, EXIF, XMP and IPTC as raw blocks. What it leaves out is read here from the
file's own header: the tags of a TIFF (as an EXIF block, which has the same grammar), its
compression and extra samples, the quality of a JPEG, whether a WebP is lossless.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import io
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

import numpy as np
import pyvips

from ..photo import Metadata

MM_PER_INCH = 25.4
BLOCKS = ("icc-profile-data", "exif-data", "xmp-data", "iptc-data", "photoshop-data")
EXIF_MARK = b"Exif\0\0"
MAX_EXIF = 60_000

IMAGE_WIDTH, IMAGE_HEIGHT, BITS_PER_SAMPLE, SAMPLES_PER_PIXEL = 256, 257, 258, 277
COMPRESSION, PHOTOMETRIC, ORIENTATION, PREDICTOR, SAMPLE_FORMAT = 259, 262, 274, 317, 339
STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT = 273, 278, 279, 322, 323
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
SOFTWARE, EXTRA_SAMPLES = 305, 338
EXIF_TAGS, GPS_TAGS, INTEROPERABILITY_TAGS = 34665, 34853, 40965
POINTERS = (EXIF_TAGS, GPS_TAGS, INTEROPERABILITY_TAGS)

COMPRESSIONS = {
    1: "none",
    5: "lzw",
    7: "jpeg",
    8: "deflate",
    32773: "packbits",
    32946: "deflate",
    50000: "zstd",
}
PREDICTORS = {1: "none", 2: "horizontal", 3: "float"}

# Where and how pixels are stored, and blocks that libvips carries by itself: not for the EXIF.
_STRUCTURE = frozenset(
    {*range(254, 260), 262, *range(263, 267), 273, 274, *range(277, 285), *range(290, 294), 296}
    | {301, *range(317, 326), 330, *range(332, 335), *range(338, 342), 347, *range(512, 522)}
    | {529, 530, 531, 532, 700, 33723, 34377, 34675}
)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_MAX_TAG_BYTES = 2**26
_SCRATCH_STRIP_BYTES = 2**18

# ITU-T T.81, table K.1; its order does not matter here, only the sum of the scaled table does.
_LUMA_TABLE = np.fromstring(
    """
    16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55
    14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
    18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92
    49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99
    """,
    dtype=np.int64,
    sep=" ",
)


class TagError(ValueError):
    """A directory of tags that does not follow the TIFF grammar, or lies outside the file."""


@dataclasses.dataclass(frozen=True)
class Tag:
    """One entry of a directory.

    Attributes:
        kind: TIFF field type, 1 to 18.
        count: Number of values of that type.
        value: The values, little-endian whatever the file's order was.
        at: Position of the value in the file it was read from.
        inside: The directory it points to, for EXIF, GPS and interoperability.
    """

    kind: int
    count: int
    value: bytes
    at: int = 0
    inside: Mapping[int, Tag] | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values as integers; empty for text, fractions and floats."""
        code = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(self.kind)
        return struct.unpack(f"<{self.count}{code}", self.value) if code else ()


@dataclasses.dataclass(frozen=True)
class Directory:
    """The first directory of a TIFF file or EXIF block.

    Attributes:
        order: `<` or `>`, as `struct` writes it.
        big: Whether the file is a BigTIFF, with offsets of 64 bits.
        tags: Entries by number.
        entries: The same as raw bytes, for a copy within the same file.
        next_at: Position of the offset of the next directory.
    """

    order: str
    big: bool
    tags: Mapping[int, Tag]
    entries: Mapping[int, bytes]
    next_at: int

    def number(self, tag: int, default: int) -> int:
        """The first value of a tag, or the default of the format."""
        numbers = self.tags[tag].numbers if tag in self.tags else ()
        return numbers[0] if numbers else default


def read_directory(file: BinaryIO) -> Directory:
    """Read the first directory of a TIFF file, or of an EXIF block without its mark.

    Raises:
        TagError: It is no TIFF, or what it points to lies outside the file.
    """
    start = _take(file, 0, 8)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None:
        raise TagError("the header is not that of a TIFF")
    big = struct.unpack(order + "H", start[2:4])[0] == 43
    if big:
        (at,) = struct.unpack(order + "Q", _take(file, 8, 8))
    else:
        (at,) = struct.unpack(order + "I", start[4:8])
    return _directory(file, at, order, big)


def _directory(file: BinaryIO, at: int, order: str, big: bool, depth: int = 0) -> Directory:
    length, entry = ("Q", 20) if big else ("H", 12)
    head = struct.calcsize(order + length)
    (count,) = struct.unpack(order + length, _take(file, at, head))
    if count > 4096:
        raise TagError(f"a directory of {count} tags")
    table = _take(file, at + head, count * entry)
    tags: dict[int, Tag] = {}
    entries: dict[int, bytes] = {}
    for index in range(count):
        raw = table[index * entry : (index + 1) * entry]
        (number,) = struct.unpack(order + "H", raw[:2])
        entries[number] = raw
        # One bad tag does not spoil the others, nor the photo.
        with contextlib.suppress(TagError):
            tag = _tag(file, at + head + index * entry, raw, order, big)
            if number in POINTERS and depth < 2 and tag.numbers:
                inside = _directory(file, tag.numbers[0], order, big, depth + 1).tags
                tag = dataclasses.replace(tag, inside=inside)
            tags[number] = tag
    return Directory(order, big, tags, entries, at + head + count * entry)


def _tag(file: BinaryIO, at: int, raw: bytes, order: str, big: bool) -> Tag:
    room, word = (8, "Q") if big else (4, "I")
    kind, count = struct.unpack(order + "H" + word, raw[2 : 4 + room])
    size = _SIZES.get(kind, 1) * count
    if size > _MAX_TAG_BYTES:
        raise TagError(f"a tag of {size} bytes")
    if size <= room:
        at = at + len(raw) - room
        value = raw[len(raw) - room :][:size]
    else:
        (at,) = struct.unpack(order + word, raw[len(raw) - room :])
        value = _take(file, at, size)
    return Tag(kind, count, _little(value, kind) if order == ">" else value, at)


def _little(value: bytes, kind: int) -> bytes:
    unit = 4 if kind in (5, 10) else _SIZES.get(kind, 1)
    return np.frombuffer(value, f">u{unit}").astype(f"<u{unit}").tobytes()


def _take(file: BinaryIO, at: int, size: int) -> bytes:
    length = file.seek(0, os.SEEK_END)
    data = b""
    if at + size <= length:
        file.seek(at)
        data = file.read(size)
    if len(data) < size:
        raise TagError(f"{size} bytes are expected at byte {at} of a file of {length} bytes")
    return data


def pack_directory(
    tags: Mapping[int, Tag], at: int, big: bool = False, kept: Mapping[int, bytes] | None = None
) -> bytes:
    """Write a little-endian directory that will lie at byte `at`, the last of its file.

    Args:
        tags: New entries.
        kept: Raw entries of the same file, taken over as they are.
    """
    kept = kept or {}
    number, word, room = ("<Q", "<Q", 8) if big else ("<H", "<I", 4)
    numbers = sorted({*tags, *kept})
    head = struct.pack(number, len(numbers))
    free = at + len(head) + (4 + 2 * room) * len(numbers) + room
    entries, rest = b"", b""
    for key in numbers:
        if key not in tags:
            entries += kept[key]
            continue
        tag, value = tags[key], tags[key].value
        kind, count = tag.kind, tag.count
        if tag.inside is not None or len(value) > room:
            rest += b"\0" * (len(rest) % 2)
            where = free + len(rest)
            if tag.inside is not None:
                kind, count = (18, 1) if big else (4, 1)
                rest += pack_directory(tag.inside, where, big)
            else:
                rest += value
            value = struct.pack(word, where)
        entries += struct.pack("<HH" + word[1], key, kind, count) + value.ljust(room, b"\0")
    return head + entries + bytes(room) + rest


def exif_from_tags(tags: Mapping[int, Tag]) -> bytes | None:
    """Make an EXIF block of what a TIFF's tags say about the photo, or None if they say nothing."""
    told = _told(tags)
    return EXIF_MARK + b"II*\0" + struct.pack("<I", 8) + pack_directory(told, 8) if told else None


def tags_from_exif(block: bytes) -> dict[int, Tag]:
    """Read what an EXIF block says about the photo; empty if it is damaged."""
    try:
        return _told(read_directory(io.BytesIO(block.removeprefix(EXIF_MARK))).tags)
    except TagError:
        return {}


def _told(tags: Mapping[int, Tag]) -> dict[int, Tag]:
    return {
        number: tag
        for number, tag in tags.items()
        if number not in _STRUCTURE and (number not in POINTERS or tag.inside is not None)
    }


def upright_exif(block: bytes) -> bytes:
    """Set the orientation in an EXIF block to 1 and drop its thumbnail, in place.

    Nothing else moves, so that a maker note keeps its offsets. The thumbnail shows the photo
    neither turned nor restored. A damaged block comes back as it is.
    """
    mark = EXIF_MARK if block.startswith(EXIF_MARK) else b""
    body = bytearray(block[len(mark) :])
    try:
        directory = read_directory(io.BytesIO(bytes(body)))
    except TagError:
        return block
    tag = directory.tags.get(ORIENTATION)
    if tag is not None and tag.kind == 3:
        struct.pack_into(directory.order + "H", body, tag.at, 1)
    if len(body) >= directory.next_at + 4:
        struct.pack_into(directory.order + "I", body, directory.next_at, 0)
    return mark + bytes(body)


def read_metadata(
    image: Any, path: Path, kind: str, bits: int, directory: Directory | None
) -> Metadata:
    """Collect what a file says beside its pixels.

    Args:
        image: The opened `pyvips.Image`.
        path: Where it came from.
        kind: `jpeg`, `png`, `tiff`, `webp`, `heif` or `avif`.
        bits: 8, 16 or 32.
        directory: First directory of a TIFF.
    """
    fields = _fields(image, directory)
    return Metadata(
        source=str(path),
        format=kind,
        bits=bits,
        resolution_ppi=_resolution(image, fields.get("exif-data", b"")),
        fields=fields,
        encoding=_encoding(image, path, kind, directory),
    )


def _resolution(image: Any, exif: bytes) -> tuple[float, float] | None:
    # One pixel per millimetre is what libvips says, and writes, for a file that says nothing.
    # For WebP and HEIF it does not look into the EXIF.
    if (image.xres, image.yres) != (1.0, 1.0):
        return round(image.xres * MM_PER_INCH, 3), round(image.yres * MM_PER_INCH, 3)
    found = _exif_resolution(exif)
    return None if found == (MM_PER_INCH, MM_PER_INCH) else found


def _exif_resolution(exif: bytes) -> tuple[float, float] | None:
    try:
        directory = read_directory(io.BytesIO(exif.removeprefix(EXIF_MARK)))
    except TagError:
        return None
    sides = [directory.tags.get(number) for number in (X_RESOLUTION, Y_RESOLUTION)]
    pairs = [
        struct.unpack("<II", tag.value) for tag in sides if tag and (tag.kind, tag.count) == (5, 1)
    ]
    if len(pairs) < 2 or 0 in pairs[0] + pairs[1]:
        return None
    unit = {2: 1.0, 3: MM_PER_INCH / 10}.get(directory.number(RESOLUTION_UNIT, 2))
    x, y = (round(above / below * (unit or 0), 3) for above, below in pairs)
    return (x, y) if unit else None


def _fields(image: Any, directory: Directory | None) -> dict[str, Any]:
    names = [name for name in image.get_fields() if name in BLOCKS or _is_comment(name)]
    fields = {name: image.get(name) for name in names}
    exif = exif_from_tags(directory.tags) if directory else fields.get("exif-data")
    if exif:
        fields["exif-data"] = upright_exif(exif)
    return fields


def _is_comment(name: str) -> bool:
    return name.startswith("png-comment-")


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
    pages = int(_value(image, "n-pages", 1))
    return encoding | ({"pages": pages} if pages > 1 else {})


def _value(image: Any, name: str, default: Any) -> Any:
    return image.get(name) if image.get_typeof(name) else default


def _jpeg_encoding(image: Any, path: Path) -> dict[str, Any]:
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


def jpeg_quality(path: Path) -> int | None:
    """Estimate the quality of a JPEG on the scale of the IJG from its luminance table.

    Returns:
        1 to 100, or None if no table comes before the picture.
    """
    with path.open("rb") as file:
        file.seek(2)
        while len(start := file.read(4)) == 4 and start[0] == 0xFF and start[1] != 0xDA:
            body = file.read(struct.unpack(">H", start[2:])[0] - 2)
            if start[1] == 0xDB and (table := _first_table(body)) is not None:
                return _nearest_quality(table)
    return None


def _first_table(body: bytes) -> int | None:
    """Sum of quantisation table 0, if this segment holds it."""
    at = 0
    while at < len(body):
        width, number = 1 + (body[at] >> 4), body[at] & 15
        if number == 0 and len(body) >= at + 1 + 64 * width:
            return int(np.frombuffer(body, ">u2" if width == 2 else "u1", 64, at + 1).sum())
        at += 1 + 64 * width
    return None


def _nearest_quality(total: int) -> int:
    qualities = np.arange(1, 101)
    scale = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    tables = np.clip((_LUMA_TABLE[:, None] * scale + 50) // 100, 1, 255)
    return int(qualities[np.abs(tables.sum(axis=0) - total).argmin()])


def is_lossless_webp(path: Path) -> bool:
    """Whether the (first) picture of a WebP file is stored without loss."""
    with path.open("rb") as file:
        file.seek(12)
        while len(start := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", start)
            if name in (b"VP8 ", b"VP8L"):
                return bool(name == b"VP8L")
            # A frame of an animation wraps its picture after a header of 16 bytes.
            file.seek(16 if name == b"ANMF" else size + size % 2, os.SEEK_CUR)
    return False


def attach(image: Any, metadata: Metadata, channels: int, history: str | None) -> Any:
    """Give an image the blocks, the resolution and the signature it is written with.

    Args:
        image: A `pyvips.Image` of the pixels alone.
        metadata: What the photo's file said.
        channels: 1 or 3; a profile for another number of channels is replaced by sRGB.
        history: JSON, written as XMP where the photo has no XMP of its own.
    Returns:
        A copy of the image with the fields set.
    """
    if metadata.resolution_ppi is not None:
        x, y = metadata.resolution_ppi
        image = image.copy(xres=x / MM_PER_INCH, yres=y / MM_PER_INCH)
    else:
        image = image.copy()
    fields = fitting_fields(metadata.fields, channels)
    if "exif-data" in fields:
        fields["exif-data"] = short_exif(fields["exif-data"])
    for name, value in fields.items():
        kind = pyvips.GValue.gstr_type if isinstance(value, str) else pyvips.GValue.blob_type
        image.set_type(kind, name, value)
    if history is not None and "xmp-data" not in metadata.fields:
        image.set_type(pyvips.GValue.blob_type, "xmp-data", history_packet(history))
    software = signature(metadata.fields.get("exif-data", b""))
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Software", software)
    image.set_type(pyvips.GValue.gint_type, "orientation", 1)
    return image


def short_exif(block: bytes) -> bytes:
    """An EXIF block that fits the 64 KiB of a JPEG segment: longest tags left out if it must be.

    libvips would otherwise leave out the whole block. TIFF has no such limit.
    """
    tags = tags_from_exif(block)
    while len(block) > MAX_EXIF and tags:
        del tags[max(tags, key=lambda number: _weight(tags[number]))]
        block = exif_from_tags(tags) or EXIF_MARK
    return block


def _weight(tag: Tag) -> int:
    return len(tag.value) + sum(map(_weight, (tag.inside or {}).values()))


def fitting_fields(fields: Mapping[str, Any], channels: int) -> dict[str, Any]:
    """The fields to write, with a profile that fits the number of channels."""
    fields = dict(fields)
    profile = fields.get("icc-profile-data")
    if profile is not None and profile[16:20] != {1: b"GRAY", 3: b"RGB "}[channels]:
        del fields["icc-profile-data"]
        if channels == 3:
            fields["icc-profile-data"] = pyvips.Operation.call("profile_load", "srgb")
    return fields


def signature(exif: bytes) -> str:
    """What the Software tag shall say: who wrote the file before, and this library."""
    tag = tags_from_exif(exif).get(SOFTWARE)
    before = tag.value.rstrip(b"\0 ").decode("utf-8", "replace") if tag else ""
    ours = software()
    return before if ours in before else "; ".join(filter(None, [before, ours]))


def software() -> str:
    """Name and version of this library, as installed."""
    try:
        return f"unfade {importlib.metadata.version('unfade')}"
    except importlib.metadata.PackageNotFoundError:
        return "unfade"


def history_packet(history: str) -> bytes:
    """Wrap a history in JSON as an XMP packet."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:unfade="https://unfade.invalid/ns/1.0/">'
        f"<unfade:History>{escape(history)}</unfade:History>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def finish_tiff(path: Path, exif: bytes, extra_samples: tuple[int, ...]) -> None:
    """Add to a TIFF that libvips wrote what libvips cannot write.

    A second directory is put at the end, with the old entries, the photo's tags and the kinds of
    its extra samples, and the header is pointed to it.

    Args:
        path: The file, changed in place.
        exif: The photo's EXIF block, or empty.
        extra_samples: Kinds of the planes after the colors: 0 unspecified, 1 and 2 alpha.
    """
    text = signature(exif).encode() + b"\0"
    tags = {**tags_from_exif(exif), SOFTWARE: Tag(2, len(text), text)}
    if extra_samples:
        kinds = struct.pack(f"<{len(extra_samples)}H", *extra_samples)
        tags[EXTRA_SAMPLES] = Tag(3, len(extra_samples), kinds)
    with path.open("r+b") as file:
        old = read_directory(file)
        at = file.seek(0, os.SEEK_END)
        at += file.write(b"\0" * (at % 2))
        file.write(pack_directory(tags, at, old.big, old.entries))
        file.seek(8 if old.big else 4)
        file.write(struct.pack("<Q" if old.big else "<I", at))


def scratch_header(shape: tuple[int, int, int], depth: int, colors: int) -> bytes:
    """Make the header of an uncompressed BigTIFF whose rows follow it without a gap.

    Args:
        shape: (height, width, samples).
        depth: Bits per sample: 8, 16 or 32 (float).
        colors: 1 or 3; further samples are unspecified.
    """
    height, width, samples = shape
    row_bytes = width * samples * depth // 8
    rows = max(1, _SCRATCH_STRIP_BYTES // row_bytes)
    tops = np.arange(0, height, rows)
    counts = np.minimum(rows, height - tops) * row_bytes

    def shorts(*values: int) -> Tag:
        return Tag(3, len(values), struct.pack(f"<{len(values)}H", *values))

    def longs(values: Any) -> Tag:
        return Tag(16, len(values), np.asarray(values, "<u8").tobytes())

    tags = {
        IMAGE_WIDTH: longs([width]),
        IMAGE_HEIGHT: longs([height]),
        BITS_PER_SAMPLE: shorts(*[depth] * samples),
        COMPRESSION: shorts(1),
        PHOTOMETRIC: shorts(1 if colors == 1 else 2),
        STRIP_OFFSETS: longs(tops),
        SAMPLES_PER_PIXEL: shorts(samples),
        ROWS_PER_STRIP: longs([rows]),
        STRIP_BYTES: longs(counts),
        SAMPLE_FORMAT: shorts(*[3 if depth == 32 else 1] * samples),
    }
    if samples > colors:
        tags[EXTRA_SAMPLES] = shorts(*[0] * (samples - colors))
    start = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16)
    length = len(start) + len(pack_directory(tags, len(start), big=True))
    tags[STRIP_OFFSETS] = longs(length + tops * row_bytes)
    return start + pack_directory(tags, len(start), big=True)
