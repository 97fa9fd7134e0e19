"""What the libvips at hand can read and write, by trying: its builds differ in their codecs."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import pyvips

from .foreign import unread_compression
from .tiff import COMPRESSION, read_directory

SAVERS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("jpegsave", {}),
    "PNG": ("pngsave", {}),
    "TIFF": ("tiffsave", {}),
    "WebP": ("webpsave", {}),
    "HEIC": ("heifsave", {"compression": "hevc"}),
    "AVIF": ("heifsave", {"compression": "av1"}),
}
TIFF_CODES = {
    "none": 1,
    "LZW": 5,
    "Deflate": 8,
    "PackBits": 32773,
    "JPEG": 7,
    "WebP": 50001,
    "ZSTD": 50000,
    "LZMA": 34925,
}
"""Values of the tag Compression."""

_HEIC = zlib.decompress(
    base64.b64decode(
        "eNpjYGCQSSupLMhIzUxmAILczDRDEDs3MzGNgYExLDe1JJEBAhQzUnKKoGyGgszkEgY0oJSZkw82xMWBgREIgYCxCkID"
        "gTgQK2dm5qWBeSBRUSAnlQnKyyhLNgQx+QoyS3LhSq5lFhQVAOntmQXJ+UC6AqjMmZEZJDQBrEjuA8Ofvz9+MDDwMycA"
        "dUg4MPIw/v8PUsAMUsEMQnK7mBwSgZLaToyMaDILFBpZp73y1FyXxyTFwwESOgEiOBySgOrZXRgPFm1QcgBaI5ycn1OU"
        "l5xTARTmZWBrAAqJZBYXpEL95gDFAgWZFZkgAWYODg6QnzMLcmHBBwwRlkYmZhYgUz43JREUesIajOtZZvw58+xb/feT"
        "884+aQy74gAAq39Lkw=="
    )
)
"""64 x 64 pixels of brown: where nothing can write HEIC, there is none to try."""


def codecs() -> dict[str, tuple[bool, bool]]:
    """Whether each format can be read, and whether it can be written."""
    return {name: _codec(name, saver, options) for name, (saver, options) in SAVERS.items()}


def tiff_compressions() -> dict[str, bool]:
    """Whether a TIFF of each compression can be read."""
    plain = _small().tiffsave_buffer(compression="none")
    return {name: _has_decoder(plain, code) for name, code in TIFF_CODES.items()}


def _small() -> Any:
    return pyvips.Image.black(16, 16, bands=3).copy(interpretation="srgb")


def _codec(name: str, saver: str, options: dict[str, Any]) -> tuple[bool, bool]:
    try:
        data = pyvips.Operation.call(f"{saver}_buffer", _small(), **options)
    except pyvips.Error:
        return name == "HEIC" and not _complaint(_HEIC), False
    return not _complaint(data), True


def _has_decoder(plain: bytes, code: int) -> bool:
    """Whether libtiff has a decoder, told by how it refuses what is not so compressed."""
    directory = read_directory(io.BytesIO(plain))
    entry = directory.entries[COMPRESSION]
    claimed = entry[:8] + struct.pack(directory.order + "HH", code, 0)
    return not unread_compression(_complaint(plain.replace(entry, claimed)), None)


def _complaint(data: bytes) -> str:
    """What libvips says when it decodes a picture; empty if it can."""
    try:
        pyvips.Image.new_from_buffer(data, "", fail_on="error").avg()
    except pyvips.Error as error:
        return str(error)
    return ""
