"""What a file is that cannot be read here: by its name, so that nobody scans anew what is whole."""

from __future__ import annotations

import codecs
import re

from .tiff import BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, SAMPLE_FORMAT, Directory

HEAD_BYTES = 512
"""Of the start of a file, by which its format is told."""

CONVERT = "convert it to TIFF or PNG"
DEVELOP = "develop it to a TIFF first"

_RAW = (
    (8, b"CR\2"),
    (6, b"HEAPCCDR"),
    (4, b"ftypcrx "),
    (0, b"FUJIFILMCCD-RAW"),
    (0, b"IIRO"),
    (0, b"IIRS"),
    (0, b"MMOR"),
    (0, b"IIU\0"),
    (0, b"FOVb"),
    (0, b"\0MRM"),
)
"""Canon, Fujifilm, Olympus, Panasonic, Sigma, Minolta; others are TIFFs by their first bytes."""

_FORMATS = (
    ("Photoshop", 0, b"8BPS"),
    ("GIF", 0, b"GIF8"),
    ("JPEG 2000", 0, b"\0\0\0\x0cjP  "),
    ("JPEG 2000", 0, b"\xff\x4f\xff\x51"),
    ("JPEG XL", 0, b"\0\0\0\x0cJXL "),
    ("JPEG XL", 0, b"\xff\x0a"),
    ("JPEG XR", 0, b"II\xbc\1"),
    ("OpenEXR", 0, b"v/1\1"),
    ("Radiance HDR", 0, b"#?RADIANCE"),
    ("GIMP", 0, b"gimp xcf"),
    ("FITS", 0, b"SIMPLE  ="),
    ("PDF", 0, b"%PDF"),
    ("PostScript", 0, b"%!PS"),
    ("PostScript", 0, b"\xc5\xd0\xd3\xc6"),
    ("ZIP", 0, b"PK\3\4"),
    ("QuickTime", 4, b"ftypqt  "),
    ("MP4", 4, b"ftypmp4"),
    ("MP4", 4, b"ftypisom"),
)
_LETTER_AND_DIGIT = re.compile(rb"P[1-7]\s")

_READABLE_BITS = (1, 2, 4, 8, 16, 32)
_COMPLEX = (5, 6)
_RAW_COLORS = (32803, 34892)
"""PhotometricInterpretation of a mosaic of color filters and of linear sensor data; DNG 1.7."""

_COMPRESSIONS = {
    6: "old-style JPEG",
    32909: "PixarLog",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy DNG",
    34925: "LZMA",
    34926: "ZSTD",
    50000: "ZSTD",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_NO_DECODER = re.compile(r"support is not configured|is not implemented|has not been built in")


def recognize(start: bytes) -> tuple[str, str]:
    """Tell a format that is not read here.

    Args:
        start: The first `HEAD_BYTES` of a file, or all of a shorter one.
    Returns:
        What it is and what to do with it: `a BMP file`, `convert it to TIFF or PNG`; both empty
        where nothing is known.
    """
    if any(start[at:].startswith(mark) for at, mark in _RAW):
        return "a camera's RAW file", DEVELOP
    for name, at, mark in _FORMATS:
        if start[at:].startswith(mark):
            return f"a {name} file", CONVERT
    if _LETTER_AND_DIGIT.match(start):
        return "a PNM file", CONVERT
    if b"<svg" in start:
        return "an SVG drawing", CONVERT
    if _is_text(start):
        return "a text file", "name a photo, or copy it again"
    return ("a BMP file", CONVERT) if start.startswith(b"BM") else ("", "")


def describe(start: bytes) -> str:
    """The first bytes of a file of which nothing is known, as a person can look them up."""
    return f"a file that begins with the bytes {start[:8].hex(' ')}"


def _is_text(start: bytes) -> bool:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    try:
        # The last character may be cut.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(letter.isprintable() or letter in "\t\n\r\f" for letter in text)


def is_raw(directory: Directory) -> bool:
    """Whether a directory of a TIFF holds what a camera's sensor saw, not yet a picture."""
    return directory.number(PHOTOMETRIC, 0) in _RAW_COLORS


def unread_samples(directory: Directory) -> str:
    """Name the samples of a TIFF if they are of a kind that no reader here takes; else empty."""
    bits, form = directory.number(BITS_PER_SAMPLE, 1), directory.number(SAMPLE_FORMAT, 1)
    if form in _COMPLEX:
        return "complex numbers"
    if bits in _READABLE_BITS:
        return ""
    return f"{bits}-bit floats" if form == 3 else f"{bits}-bit integers"


def unread_compression(text: str, directory: Directory | None) -> str:
    """Name the compression for which a decoder is missing; empty if something else is wrong.

    Args:
        text: What libvips complained about.
        directory: The page of a TIFF; None for a HEIF.
    """
    if not _NO_DECODER.search(text):
        return ""
    if directory is None:
        return "HEVC (as in HEIC)" if "HEVC" in text else "one without a decoder"
    number = directory.number(COMPRESSION, 1)
    return _COMPRESSIONS.get(number, f"number {number}")
