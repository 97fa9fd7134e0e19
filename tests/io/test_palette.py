import struct
import zlib

import cv2
import numpy as np
import pytest

from unfade.errors import WriteError
from unfade.io.palette import write_palette

COLORS = [(0, 0, 0), (255, 0, 0), (0, 128, 255)]


def chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG by name, each with its checksum checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert data[at + 8 + length : at + 12 + length] == struct.pack(
            ">I", zlib.crc32(name + body)
        )
        found[name], at = body, at + 12 + length
    return found


def test_a_palette_png_keeps_numbers_and_shows_colors(tmp_path):
    codes = np.random.default_rng(0).integers(0, 3, (5, 7))
    write_palette(codes, COLORS, tmp_path / "c.png")
    parts = chunks((tmp_path / "c.png").read_bytes())
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(5, 8)
    np.testing.assert_array_equal(rows[:, 1:], codes)
    seen = cv2.imread(str(tmp_path / "c.png"))[:, :, ::-1]
    np.testing.assert_array_equal(seen, np.array(COLORS)[codes])


def test_numbers_without_a_color_are_refused(tmp_path):
    with pytest.raises(ValueError, match="3 colors holds 0 to 2, got 3 to 3"):
        write_palette(np.full((2, 2), 3), COLORS, tmp_path / "c.png")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(WriteError, match="cannot be written"):
        write_palette(np.zeros((2, 2), int), COLORS, tmp_path / "no" / "c.png")
