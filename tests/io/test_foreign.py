"""Files that are whole and cannot be read here: each is named, and nobody is told to scan anew."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile

from unfade.errors import ReadError
from unfade.io import source
from unfade.io.formats import _HEIC, codecs
from unfade.io.read import read

FILTERS = ((33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\0\1\1\2", True))
"""Tags of a mosaic of color filters."""


def refusal(path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        read(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: expected ") and "\n" not in text
    assert "scan it again" not in text
    return text


@pytest.mark.parametrize(
    "start, words",
    [
        (b"BM~0\x0f\0\0\0\0\0", "got a BMP file; convert it to TIFF or PNG"),
        (b"8BPS\0\1\0\0", "got a Photoshop file"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "got a JPEG 2000 file"),
        (b"\xff\x0a\0\0\0\0\0\0", "got a JPEG XL file"),
        (b"%PDF-1.4\n", "got a PDF file"),
        (b"P6\n80 64\n255\n\x80\x80", "got a PNM file"),
        (b"II*\0\x10\0\0\0CR\2\0", "got a camera's RAW file; develop it to a TIFF first"),
        (b"FUJIFILMCCD-RAW 0201", "got a camera's RAW file"),
        (b"hi\n", "got a text file"),
        ("größer".encode()[:-2], "got a text file"),
        ("größer".encode()[:3], "got a text file"),  # cut within a letter
        (b"\xff\xfeh\0i\0", "got a text file"),
        (b"\0\0\0\1Bud1\0\0\x10\0", "begins with the bytes 00 00 00 01 42 75 64 31; convert"),
    ],
)
def test_a_format_is_named(tmp_path: Path, start: bytes, words: str) -> None:
    (tmp_path / "a.jpg").write_bytes(start)
    assert words in refusal(tmp_path / "a.jpg")


def with_compression(path: Path, number: int) -> Path:
    """A TIFF that claims a compression."""
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), metadata=None)
    data = bytearray(path.read_bytes())
    entry = data.index(struct.pack("<HHI", 259, 3, 1))
    struct.pack_into("<H", data, entry + 8, number)
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("number, name", [(50002, "JPEG XL"), (34661, "JBIG"), (12345, "12345")])
def test_a_tiff_whose_compression_is_unknown_is_not_called_damaged(
    tmp_path: Path, number: int, name: str
) -> None:
    told = refusal(with_compression(tmp_path / "a.tif", number))
    assert name in told and "save it uncompressed or with LZW or Deflate" in told


def test_an_lzma_tiff_is_read_or_refused_by_its_compression(tmp_path: Path) -> None:
    array = np.arange(256, dtype=np.uint8).reshape(16, 16)
    pytest.importorskip("lzma")  # which tifffile needs
    tifffile.imwrite(tmp_path / "a.tif", array, compression="lzma")
    try:
        assert np.array_equal(read(tmp_path / "a.tif").to_array()[:, :, 0], array)
    except ReadError as error:
        assert "got LZMA" in str(error)


def test_heic_without_a_decoder_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(_HEIC)
    if codecs()["HEIC"][0]:
        assert read(tmp_path / "a.heic").size == (64, 64)
    else:
        assert "got HEVC (as in HEIC); save it as JPEG or TIFF" in refusal(tmp_path / "a.heic")


def test_damaged_data_is_still_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="broke off"):
        read(with_compression(tmp_path / "a.tif", 8))


@pytest.mark.parametrize(
    "dtype, words",
    [
        (np.float64, "64-bit floats; save it with 16 bits or as 32-bit floats"),
        (np.uint64, "64-bit integers"),
        (np.complex64, "complex numbers"),
        (np.uint32, "32-bit integers; save it as a 16-bit TIFF"),
        (np.int16, "signed 16-bit integers"),
    ],
)
def test_samples_that_nobody_reads_are_named(tmp_path: Path, dtype: type, words: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((16, 16), dtype), metadata=None)
    assert f"got {words}" in refusal(tmp_path / "a.tif")


def test_the_mosaic_of_a_raw_file_is_no_photo(tmp_path: Path) -> None:
    mosaic = np.zeros((64, 64), np.uint16)
    tifffile.imwrite(tmp_path / "a.dng", mosaic, photometric=32803, extratags=FILTERS)
    assert "got a camera's RAW file" in refusal(tmp_path / "a.dng")


def test_the_thumbnail_of_a_raw_file_is_not_taken_for_the_photo(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.nef") as file:
        file.write(np.zeros((16, 16, 3), np.uint8), photometric="rgb", subifds=1, metadata=None)
        file.write(np.zeros((64, 64), np.uint16), photometric=32803, extratags=FILTERS)
    assert "got a camera's RAW file" in refusal(tmp_path / "a.nef")


def test_a_picture_that_is_too_large_says_what_to_do_on_the_command_line_too(
    tmp_path: Path,
) -> None:
    pyvips.Image.black(20, 20).write_to_file(str(tmp_path / "a.png"))
    with pytest.raises(ReadError, match=r"cut it into parts, or, .*from Python with read\(path"):
        source.open_source(tmp_path / "a.png", 100)
