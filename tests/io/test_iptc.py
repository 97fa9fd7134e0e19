"""IPTC between its two shapes."""

import struct

import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from unfade.io.iptc import MARK, THUMBNAILS, bare_iptc, enveloped_iptc, without_resources
from unfade.io.jpeg import APP13, MOST_BYTES, kept_segments
from unfade.io.read import read
from unfade.io.write import write

RECORDS = b"\x1c\x02\x78\x00\x0aThe garden"


# What begins with the mark is an envelope already.
@given(st.binary(max_size=60).filter(lambda records: not records.startswith(MARK)))
def test_an_envelope_gives_back_what_went_in(records):
    filled = records + bytes(-len(records) % 4)
    assert bare_iptc(enveloped_iptc(records)) == filled


def test_other_resources_before_it_are_passed_over():
    path = struct.pack(">4sH", b"8BIM", 2000) + b"\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    block = MARK + path + enveloped_iptc(RECORDS)[len(MARK) :]
    assert bare_iptc(block) == RECORDS + b"\0"


@pytest.mark.parametrize("cut", [3, 9, 14, 20, 27])
def test_a_block_that_breaks_off_has_no_records(cut):
    assert bare_iptc(enveloped_iptc(RECORDS)[: len(MARK) + cut - 3]) == b""


def test_what_a_jpeg_had_stays_as_it_is():
    block = enveloped_iptc(RECORDS)
    assert enveloped_iptc(block) == block


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["I", "B"])
@pytest.mark.parametrize("target", [".tif", ".jpg"])
def test_records_of_a_tiff_are_bytes_whatever_its_order_and_their_type(
    tmp_path, order, kind, target
):
    records = bare_iptc(RECORDS)
    # Photoshop declares the records as 32-bit numbers, in which they are bytes all the same.
    numbers = tuple(map(int, np.frombuffer(records, f"{order}u{struct.calcsize(kind)}")))
    tag = (33723, kind, len(numbers), numbers if kind == "I" else records, True)
    grey = np.zeros((16, 16), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", grey, byteorder=order, extratags=[tag], metadata=None)
    write(read(tmp_path / "a.tif"), tmp_path / f"b{target}")
    assert bare_iptc(read(tmp_path / f"b{target}").metadata.fields["iptc-data"]) == records
    assert records in (tmp_path / f"b{target}").read_bytes()


def resource(number, body, name=b""):
    head = struct.pack(">4sHB", b"8BIM", number, len(name)) + name + bytes((1 + len(name)) % 2)
    return head + struct.pack(">I", len(body)) + body + bytes(len(body) % 2)


PATH = resource(2000, b"xyz", b"outline")
SMALL = [resource(0x0409, b"BGR of old"), resource(0x040C, b"JPEG of unrestored")]


@pytest.mark.parametrize("thumbnail", SMALL)
@pytest.mark.parametrize("mark", [MARK, b""])
def test_thumbnails_are_left_out_of_the_resources(thumbnail, mark):
    caption = resource(0x0404, RECORDS)
    assert without_resources(mark + PATH + thumbnail + caption, THUMBNAILS) == mark + PATH + caption
    assert without_resources(mark + PATH + thumbnail[:-7], THUMBNAILS) == mark + PATH


@given(st.binary(max_size=60))
def test_what_has_no_thumbnail_stays_as_it_is(data):
    for block in (data, MARK + data, MARK + PATH + data):
        assert without_resources(block, THUMBNAILS) == block


def jpeg_with(path, *resources):
    image = pyvips.Image.black(16, 16).jpegsave_buffer(keep="none")
    bodies = [MARK + data for data in resources]
    segments = [struct.pack(">BBH", 0xFF, APP13, len(body) + 2) + body for body in bodies]
    path.write_bytes(image[:2] + b"".join(segments) + image[2:])
    return path


@pytest.mark.parametrize("target", [".jpg", ".tif"])
def test_no_thumbnail_of_photoshop_outlives_the_picture_it_shows(tmp_path, target):
    jpeg_with(tmp_path / "a.jpg", PATH + SMALL[1] + resource(0x0404, RECORDS))
    tag = (34377, "B", len(PATH + SMALL[1]), PATH + SMALL[1], True)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((16, 16), np.uint8), extratags=[tag])
    for source in (".jpg", ".tif"):
        write(read(tmp_path / f"a{source}"), tmp_path / f"b{target}")
        data = (tmp_path / f"b{target}").read_bytes()
        assert b"unrestored" not in data
        assert (PATH in data) == (source == target)
        assert (RECORDS in data) == (source == ".jpg")


def test_resources_over_several_segments_are_one_block(tmp_path):
    block = PATH + resource(0x040C, bytes(100_000)) + resource(3000, bytes(range(256)) * 300)
    room = MOST_BYTES - len(MARK)
    parts = [block[at : at + room] for at in range(0, len(block), room)]
    kept = [s for s in kept_segments(jpeg_with(tmp_path / "a.jpg", *parts)) if s.marker == APP13]
    assert len(kept) == 2 and all(segment.body.startswith(MARK) for segment in kept)
    assert b"".join(s.body[len(MARK) :] for s in kept) == PATH + block[-76_812:]
