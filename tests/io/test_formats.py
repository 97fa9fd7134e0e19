"""What the libvips at hand can do is found out by trying."""

from __future__ import annotations

import numpy as np
import pyvips

from unfade.io.formats import _HEIC, codecs, tiff_compressions


def test_what_every_build_has_is_found() -> None:
    found = codecs()
    assert found["JPEG"] == found["PNG"] == found["TIFF"] == (True, True)
    held = tiff_compressions()
    assert all(held[name] for name in ("none", "LZW", "Deflate", "PackBits"))


def test_a_compression_is_said_to_be_read_only_where_it_is_written_too() -> None:
    image = pyvips.Image.black(16, 16)
    try:
        image.tiffsave_buffer(compression="zstd")
        has_zstd = True
    except pyvips.Error:
        has_zstd = False
    assert tiff_compressions()["ZSTD"] == has_zstd


def test_the_heic_that_is_tried_is_one() -> None:
    image = pyvips.Image.new_from_buffer(_HEIC, "")
    assert (image.width, image.height, image.get("heif-compression")) == (64, 64, "hevc")
    if codecs()["HEIC"][0]:
        assert np.ptp(image.numpy(), axis=(0, 1)).max() < 8
