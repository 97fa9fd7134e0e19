from __future__ import annotations

import contextlib
import dataclasses
import io
import struct
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unfade.io.exif import EXIF_MARK, exif_from_tags, tags_from_exif, upright_exif
from unfade.io.jpeg import jpeg_quality
from unfade.io.read import read
from unfade.io.tiff import ORIENTATION, Tag, TagError, pack_directory, read_directory
from unfade.io.write import write
from unfade.io.xmp import updated_xmp
from unfade.photo import Photo

RNG = np.random.default_rng(3)
MAKE, COPYRIGHT, TAKEN, NOTE, EXIF = 271, 33432, 36867, 37500, 34665
SRGB = pyvips.Operation.call("profile_load", "srgb")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>Oma, 1955</a></x:xmpmeta>'


def text(value: str) -> Tag:
    data = value.encode() + b"\0"
    return Tag(2, len(data), data)


def exif(turn: int = 1) -> bytes:
    inside = {TAKEN: text("1955:07:01 12:00:00"), NOTE: Tag(7, 40, bytes(range(40)))}
    tags = {MAKE: text("Nikon"), COPYRIGHT: text("(c) Oma"), EXIF: Tag(4, 1, bytes(4), 0, inside)}
    tags[ORIENTATION] = Tag(3, 1, struct.pack("<H", turn))
    return EXIF_MARK + b"II*\0" + struct.pack("<I", 8) + pack_directory(tags, 8)


def old_photo(path: Path, turn: int = 1) -> Path:
    array = RNG.integers(0, 256, (32, 48, 3), np.uint8)
    image = pyvips.Image.new_from_array(array).copy(xres=300 / 25.4, yres=600 / 25.4)
    for name, block in (("exif-data", exif(turn)), ("xmp-data", XMP), ("icc-profile-data", SRGB)):
        image.set_type(pyvips.GValue.blob_type, name, block)
    image.set_type(pyvips.GValue.gint_type, "orientation", turn)
    image.write_to_file(str(path))
    return path


@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".webp", ".avif"])
def test_blocks_are_carried_from_any_format_to_any(
    tmp_path: Path, source: str, target: str
) -> None:
    photo = read(old_photo(tmp_path / f"a{source}"))
    write(photo, tmp_path / f"b{target}")
    back = read(tmp_path / f"b{target}").metadata
    assert back.fields["icc-profile-data"] == SRGB
    assert b"Oma, 1955" in back.fields["xmp-data"]
    tags = tags_from_exif(back.fields["exif-data"])
    assert tags[MAKE].value == b"Nikon\0" and tags[COPYRIGHT].value == b"(c) Oma\0"
    assert tags[EXIF].inside[TAKEN].value == b"1955:07:01 12:00:00\0"
    assert tags[EXIF].inside[NOTE].value == bytes(range(40))
    assert back.resolution_ppi == pytest.approx((300, 600), abs=0.05)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("target", [".tif", ".jpg"])
def test_tags_of_a_tiff_are_carried(
    tmp_path: Path, byteorder: str, bigtiff: bool, target: str
) -> None:
    tags = [(271, "s", 0, "Nikon", True), (315, "s", 0, "Oma", True)]
    tags += [(33432, "s", 0, "(c) Oma, all rights", True)]
    array = RNG.integers(0, 65536, (32, 48, 3), np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", array, photometric="rgb", byteorder=byteorder, bigtiff=bigtiff,
        extratags=tags, description="the garden", software="VueScan 9", metadata=None,
        datetime="2020:01:02 03:04:05", resolution=(2400, 2400), resolutionunit=2,
    )  # fmt: skip
    write(read(tmp_path / "a.tif"), tmp_path / f"b{target}")
    back = read(tmp_path / f"b{target}").metadata
    told = tags_from_exif(back.fields["exif-data"])
    words = [told[n].value.decode().rstrip("\0") for n in (270, 271, 306, 315, 33432)]
    assert words == ["the garden", "Nikon", "2020:01:02 03:04:05", "Oma", "(c) Oma, all rights"]
    assert told[305].value.startswith(b"VueScan 9; unfade")
    assert back.resolution_ppi == pytest.approx((2400, 2400), abs=0.01)
    if target == ".tif":
        assert back.encoding["bigtiff"] == bigtiff
        assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), array)


@pytest.mark.parametrize("target", [".jpg", ".png"])
def test_one_overlong_tag_does_not_cost_the_others(tmp_path: Path, target: str) -> None:
    tags = [(271, "s", 0, "Nikon", True)]
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((16, 16, 3), np.uint8), photometric="rgb",
        description="x" * 100_000, metadata=None, extratags=tags,
    )  # fmt: skip
    photo = read(tmp_path / "a.tif")
    write(photo, tmp_path / f"b{target}")
    told = tags_from_exif(read(tmp_path / f"b{target}").metadata.fields["exif-data"])
    assert told[MAKE].value == b"Nikon\0" and 270 not in told
    write(photo, tmp_path / "b.tif")
    told = tags_from_exif(read(tmp_path / "b.tif").metadata.fields["exif-data"])
    assert told[270].count == 100_001


def test_writing_twice_signs_once(tmp_path: Path) -> None:
    photo = read(old_photo(tmp_path / "a.jpg"))
    write(photo, tmp_path / "b.tif")
    write(read(tmp_path / "b.tif"), tmp_path / "c.tif")
    write(read(tmp_path / "c.tif"), tmp_path / "d.jpg")
    software = tags_from_exif(read(tmp_path / "d.jpg").metadata.fields["exif-data"])[305].value
    assert software.count(b"unfade") == 1


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif"])
def test_a_turned_photo_is_not_turned_again(tmp_path: Path, suffix: str, target: str) -> None:
    photo = read(old_photo(tmp_path / f"a{suffix}", turn=6))
    assert photo.size == (48, 32)
    write(photo, tmp_path / f"b{target}")
    assert read(tmp_path / f"b{target}").size == (48, 32)
    with Image.open(tmp_path / f"b{target}") as image:
        assert image.size == (32, 48)
        assert image.getexif().get(ORIENTATION, 1) == 1


def test_a_thumbnail_does_not_outlive_the_picture_it_shows() -> None:
    first = pack_directory({ORIENTATION: Tag(3, 1, b"\6\0")}, 8)
    linked = first[:-4] + struct.pack("<I", 8 + len(first))
    second = pack_directory({513: Tag(4, 1, bytes(4)), 514: Tag(4, 1, bytes(4))}, 8 + len(first))
    block = EXIF_MARK + b"II*\0" + struct.pack("<I", 8) + linked + second
    after = upright_exif(block)
    directory = read_directory(io.BytesIO(after[6:]))
    assert directory.number(ORIENTATION, 0) == 1 and len(after) == len(block)
    assert after[6 + directory.next_at :][:4] == bytes(4)


def test_an_unknown_resolution_stays_unknown(tmp_path: Path) -> None:
    for suffix in (".png", ".tif", ".jpg"):
        write(Photo(np.zeros((8, 8, 3), np.float32)), tmp_path / f"a{suffix}")
        assert read(tmp_path / f"a{suffix}").metadata.resolution_ppi is None


@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".webp", ".tif"])
def test_another_resolution_takes_the_place_of_the_one_that_was(
    tmp_path: Path, source: str, target: str
) -> None:
    photo = read(old_photo(tmp_path / f"a{source}"))
    photo = dataclasses.replace(
        photo, metadata=dataclasses.replace(photo.metadata, resolution_ppi=(50.0, 100.0))
    )
    write(photo, tmp_path / f"b{target}")
    assert read(tmp_path / f"b{target}").metadata.resolution_ppi == pytest.approx((50, 100), 1e-3)
    block = read(tmp_path / f"b{target}").metadata.fields["exif-data"].removeprefix(EXIF_MARK)
    tags = read_directory(io.BytesIO(block)).tags
    for number, ppi in ((282, 50), (283, 100)):
        if target != ".tif":
            assert np.divide(*struct.unpack("<II", tags[number].value)) == pytest.approx(ppi)


def test_jfif_and_photoshop_do_not_go_on_with_another_resolution(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "a.jpg", dpi=(300, 300))
    data = (tmp_path / "a.jpg").read_bytes()
    told = struct.pack(">4sHHI IHHIHH", b"8BIM", 0x03ED, 0, 16, 300 << 16, 1, 1, 300 << 16, 1, 1)
    segment = struct.pack(">HH", 0xFFED, 2 + 14 + len(told)) + b"Photoshop 3.0\0" + told
    (tmp_path / "a.jpg").write_bytes(data[:20] + segment + data[20:])
    photo = read(tmp_path / "a.jpg")
    write(photo, tmp_path / "b.jpg")
    data = (tmp_path / "b.jpg").read_bytes()
    assert told in data and struct.pack(">BHH", 1, 300, 300) in data[:20]
    changed = dataclasses.replace(photo.metadata, resolution_ppi=(75.0, 75.0))
    write(dataclasses.replace(photo, metadata=changed), tmp_path / "c.jpg")
    data = (tmp_path / "c.jpg").read_bytes()
    assert told not in data and struct.pack(">BHH", 1, 75, 75) in data[:20]


@pytest.mark.parametrize("turn, expected", [(1, (204, 98)), (3, (204, 98)), (6, (98, 204))])
@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".tif"])
def test_the_resolution_is_turned_with_the_photo(
    tmp_path: Path, source: str, target: str, turn: int, expected: tuple[int, int]
) -> None:
    image = pyvips.Image.black(48, 32).copy(xres=204 / 25.4, yres=98 / 25.4)
    image.set_type(pyvips.GValue.gint_type, "orientation", turn)
    image.write_to_file(str(tmp_path / f"a{source}"))
    photo = read(tmp_path / f"a{source}")
    assert photo.metadata.resolution_ppi == pytest.approx(expected, rel=1e-3)
    write(photo, tmp_path / f"b{target}")
    assert read(tmp_path / f"b{target}").metadata.resolution_ppi == pytest.approx(expected, 1e-3)


SIZED_XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:t="http://ns.adobe.com/tiff/1.0/" xmlns:exif='http://ns.adobe.com/exif/1.0/'
 t:Orientation="6" t:ImageWidth = '48' t:XResolution="300/1">
 <t:ImageLength>32</t:ImageLength><exif:PixelXDimension />
 <exif:PixelYDimension>32</exif:PixelYDimension></rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".webp", ".tif"])
def test_xmp_follows_a_photo_that_is_turned(tmp_path: Path, source: str, target: str) -> None:
    image = pyvips.Image.new_from_array(RNG.integers(0, 256, (32, 48, 3), np.uint8)).copy()
    image.set_type(pyvips.GValue.blob_type, "xmp-data", SIZED_XMP)
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.write_to_file(str(tmp_path / f"a{source}"))
    write(read(tmp_path / f"a{source}"), tmp_path / f"b{target}")
    xmp = read(tmp_path / f"b{target}").metadata.fields["xmp-data"]
    expected = SIZED_XMP.replace(b'Orientation="6"', b'Orientation="1"')
    expected = expected.replace(b"32</", b"48</").replace(b"'48'", b"'32'")
    assert xmp == expected
    assert (tmp_path / f"b{target}").read_bytes().count(b"Orientation=") == 1


def test_xmp_of_another_size_or_resolution_says_so_and_other_packets_stay() -> None:
    after = updated_xmp(SIZED_XMP, (3, 7), (75.5, 75.5))
    for told in (b"t:ImageWidth = '7'", b"Length>3</t", b'XResolution="75500/1000"', b"sion />"):
        assert told in after
    for packet in (b"", XMP, SIZED_XMP.decode().encode("utf-16"), b"\xff\0<t:Orientation>6<"):
        assert updated_xmp(packet, (3, 7)) == packet


def test_a_grey_profile_is_not_given_to_a_colored_photo(tmp_path: Path) -> None:
    grey = bytearray(SRGB)
    grey[16:20] = b"GRAY"
    photo = read(old_photo(tmp_path / "a.jpg"))
    photo.metadata.fields["icc-profile-data"] = bytes(grey)  # type: ignore[index]
    write(photo, tmp_path / "b.tif")
    assert read(tmp_path / "b.tif").metadata.fields["icc-profile-data"] == SRGB


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_a_new_packet_takes_the_place_of_the_old(tmp_path: Path, suffix: str) -> None:
    packet = XMP.replace(b"Oma, 1955", b"Opa, 1956")
    write(Photo(np.zeros((8, 8, 3), np.float32)), tmp_path / f"a{suffix}", xmp=packet)
    assert b"Opa, 1956" in read(tmp_path / f"a{suffix}").metadata.fields["xmp-data"]
    write(read(old_photo(tmp_path / "b.jpg")), tmp_path / f"c{suffix}", xmp=packet)
    xmp = read(tmp_path / f"c{suffix}").metadata.fields["xmp-data"]
    assert b"Opa, 1956" in xmp and b"Oma" not in xmp


@pytest.mark.parametrize("quality", [1, 10, 35, 50, 75, 90, 95, 100])
def test_jpeg_quality_is_estimated(tmp_path: Path, quality: int) -> None:
    array = RNG.integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(array).save(tmp_path / "a.jpg", quality=quality)
    assert jpeg_quality(tmp_path / "a.jpg") == pytest.approx(quality, abs=1)


def test_a_damaged_exif_block_does_not_stop_reading(tmp_path: Path) -> None:
    broken = EXIF_MARK + b"II*\0" + struct.pack("<I", 5000) + b"\xff" * 30
    assert upright_exif(broken) == broken and tags_from_exif(broken) == {}
    image = pyvips.Image.black(16, 16)
    data = image.jpegsave_buffer(keep="none")
    segment = b"\xff\xe1" + struct.pack(">H", len(broken) + 2) + broken
    (tmp_path / "a.jpg").write_bytes(data[:2] + segment + data[2:])
    write(read(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").size == (16, 16)


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_bytes_are_tags_or_a_tag_error(data: bytes) -> None:
    for start in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0", b""):
        with contextlib.suppress(TagError):
            read_directory(io.BytesIO(start + data))
        upright_exif(start + data)


@given(
    st.dictionaries(
        st.integers(1000, 30000), st.tuples(st.sampled_from([1, 2, 7]), st.binary(min_size=1)),
        min_size=1,
    ),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_tags_survive_packing(tags: dict[int, tuple[int, bytes]], nested: bool) -> None:
    told = {number: Tag(kind, len(data), data) for number, (kind, data) in tags.items()}
    whole = {**told, EXIF: Tag(4, 1, bytes(4), 0, told)} if nested else told
    block = exif_from_tags(whole)
    assert block is not None
    back = tags_from_exif(block)
    plain = {number: (tag.kind, tag.value) for number, tag in back.items() if number != EXIF}
    assert plain == tags
    if nested:
        inside = {number: (tag.kind, tag.value) for number, tag in back[EXIF].inside.items()}
        assert inside == tags
