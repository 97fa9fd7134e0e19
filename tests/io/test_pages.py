from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from unfade.errors import ReadError
from unfade.io import pages as module
from unfade.io.pages import join_pages
from unfade.io.read import count_pages, read, read_infrared
from unfade.io.tiff import pack_directory, read_directory
from unfade.io.write import write
from unfade.photo import Photo

RNG = np.random.default_rng(4)


def noise(height: int, width: int, samples: int, dtype: type = np.uint16) -> np.ndarray:
    shape = (height, width, samples) if samples > 1 else (height, width)
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def hdri(path: Path, below: bool = False, turn: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A scan as SilverFast's HDRi: colors, and infrared as second page or as sub-image."""
    colors, infrared = noise(30, 40, 3), noise(30, 40, 1)
    tags = [(274, "H", 1, turn, True)]
    with tifffile.TiffWriter(path) as file:
        file.write(colors, photometric="rgb", metadata=None, extratags=tags, subifds=int(below))
        file.write(infrared, photometric="minisblack", metadata=None, description="infrared")
    return colors, infrared


@pytest.mark.parametrize("below", [False, True], ids=["page", "sub-image"])
def test_infrared_on_its_own_page_is_read_and_written_where_it_was(
    tmp_path: Path, below: bool
) -> None:
    colors, infrared = hdri(tmp_path / "a.tif", below)
    photo = read(tmp_path / "a.tif")
    assert count_pages(tmp_path / "a.tif") == (1,) and "pages" not in photo.metadata.encoding
    assert np.array_equal(photo.infrared, infrared / np.float32(65535))
    assert write(photo, tmp_path / "b.tif", before=photo) == 30 * 40
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert len(file.pages) == (1 if below else 2)
        assert np.array_equal(file.pages[0].asarray(), colors)
        plane = file.pages[0].pages[0] if below else file.pages[1]
        assert np.array_equal(plane.asarray(), infrared) and plane.description == "infrared"
    assert np.array_equal(read(tmp_path / "b.tif").infrared, photo.infrared)


@pytest.mark.parametrize("turn", [3, 6])
def test_infrared_is_turned_with_its_photo(tmp_path: Path, turn: int) -> None:
    colors, infrared = hdri(tmp_path / "a.tif", turn=turn)
    photo = read(tmp_path / "a.tif")
    times = {3: 2, 6: 3}[turn]
    assert np.array_equal(photo.to_array(), np.rot90(colors, times))
    assert np.array_equal(photo.infrared, np.rot90(infrared, times) / np.float32(65535))
    write(photo, tmp_path / "b.tif")
    assert np.array_equal(read(tmp_path / "b.tif").infrared, photo.infrared)


def test_infrared_of_a_scanner_program_is_read_with_eight_bits_too(tmp_path: Path) -> None:
    array = noise(20, 30, 4, np.uint8)
    for program, found in (("VueScan 9 x64", True), ("GIMP", False)):
        tifffile.imwrite(
            tmp_path / "a.tif", array, photometric="rgb", extrasamples=[0], software=program,
            metadata=None,
        )  # fmt: skip
        photo = read(tmp_path / "a.tif")
        assert (photo.infrared is not None) == found and (photo.alpha is None) == found
        write(photo, tmp_path / "b.tif")
        assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), array)


def test_infrared_of_a_file_of_its_own(tmp_path: Path) -> None:
    plane = noise(20, 30, 1)
    tifffile.imwrite(tmp_path / "grey.tif", plane, photometric="minisblack")
    tifffile.imwrite(tmp_path / "rgb.tif", np.dstack([plane] * 3), photometric="rgb")
    tifffile.imwrite(tmp_path / "color.tif", noise(20, 30, 3), photometric="rgb")
    for name in ("grey.tif", "rgb.tif"):
        assert np.array_equal(read_infrared(tmp_path / name), plane / np.float32(65535))
    with pytest.raises(ReadError, match="color picture"):
        read_infrared(tmp_path / "color.tif")


def test_every_page_can_be_read_and_thumbnails_are_not_photos(tmp_path: Path) -> None:
    first, second, small = noise(20, 30, 3), noise(25, 18, 1), noise(5, 7, 3, np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(first, photometric="rgb", metadata=None)
        file.write(small, photometric="rgb", subfiletype=1, metadata=None)
        file.write(second, photometric="minisblack", metadata=None)
    assert count_pages(tmp_path / "a.tif") == (1, 3)
    assert np.array_equal(read(tmp_path / "a.tif").to_array(), first)
    assert np.array_equal(read(tmp_path / "a.tif", page=3).to_array()[:, :, 0], second)
    assert read(tmp_path / "a.tif").metadata.encoding["pages"] == 2
    with pytest.raises(ReadError, match="a page from 1 to 3, got 4"):
        read(tmp_path / "a.tif", page=4)


def test_a_page_of_what_has_no_pages_is_refused(tmp_path: Path) -> None:
    write(Photo.from_array(noise(8, 8, 3, np.uint8)), tmp_path / "a.png")
    assert count_pages(tmp_path / "a.png") == (1,)
    with pytest.raises(ReadError, match="expected a TIFF"):
        read(tmp_path / "a.png", page=2)


@pytest.mark.parametrize("big", [False, True, None])
@pytest.mark.parametrize("tile", [False, True])
def test_pages_are_laid_together_without_touching_them(
    tmp_path: Path, big: bool | None, tile: bool
) -> None:
    arrays = [noise(40 + 16 * k, 50, 3) for k in range(3)]
    parts = [tmp_path / f"{k}.tif" for k in range(3)]
    for array, part in zip(arrays, parts, strict=True):
        options = {"tile": (16, 32)} if tile else {"rowsperstrip": 7}
        tifffile.imwrite(part, array, photometric="rgb", bigtiff=array is arrays[1], **options)
    join_pages(parts, tmp_path / "all.tif", big=big)
    with tifffile.TiffFile(tmp_path / "all.tif") as file:
        assert file.is_bigtiff == bool(big)
        for page, array in zip(file.pages, arrays, strict=True):
            assert np.array_equal(page.asarray(), array)


@pytest.mark.parametrize("big", [False, True])
def test_sub_images_move_along_with_their_pages(tmp_path: Path, big: bool) -> None:
    parts = [tmp_path / "1.tif", tmp_path / "2.tif"]
    planes = [hdri(part, below=True) for part in parts]
    join_pages(parts, tmp_path / "all.tif", big=big)
    assert count_pages(tmp_path / "all.tif") == (1, 2)
    for number, (colors, infrared) in enumerate(planes, 1):
        photo = read(tmp_path / "all.tif", page=number)
        assert np.array_equal(photo.to_array(), colors)
        assert photo.infrared is not None
        assert np.array_equal(photo.infrared, infrared / np.float32(65535))
    with tifffile.TiffFile(tmp_path / "all.tif") as file:
        assert [page.pages[0].description for page in file.pages] == ["infrared"] * 2


def test_pages_that_need_it_become_a_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(2):
        write(Photo.from_array(noise(30, 40, 3)), tmp_path / f"{k}.tif")
    parts = [tmp_path / "0.tif", tmp_path / "1.tif"]
    for limit, kind in ((2**20, 42), (5_000, 43)):
        monkeypatch.setattr(module, "LARGEST_CLASSIC", limit)
        join_pages(parts, tmp_path / "all.tif")
        assert (tmp_path / "all.tif").read_bytes()[2] == kind
        assert count_pages(tmp_path / "all.tif") == (1, 2)


def test_a_ring_of_pages_ends(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for _ in range(2):
            file.write(noise(8, 9, 3), photometric="rgb", metadata=None)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        first, second = (page.offset for page in file.pages)
    count = int.from_bytes(data[second : second + 2], "little")
    at = second + 2 + 12 * count
    data[at : at + 4] = first.to_bytes(4, "little")
    (tmp_path / "ring.tif").write_bytes(data)
    assert count_pages(tmp_path / "ring.tif") == (1, 2)


def test_many_pages_that_share_one_huge_tag_are_refused_at_once(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "one.tif", noise(8, 9, 3), photometric="rgb", metadata=None)
    data = bytearray((tmp_path / "one.tif").read_bytes())
    with (tmp_path / "one.tif").open("rb") as file:
        page = read_directory(file)
    # Each page claims the same 4 MiB, so that the pages together claim 50 times the file.
    value = len(data)
    data += bytes(2**22)
    entry = struct.pack("<HHII", 50_000, 7, 2**22, value)
    link = 4
    for _ in range(50):
        at = len(data)
        data[link : link + 4] = at.to_bytes(4, "little")
        data += pack_directory(page.tags, at, kept={50_000: entry})
        data += b"\0" * (len(data) % 2)
        link = at + 2 + 12 * (len(page.tags) + 1)
    (tmp_path / "many.tif").write_bytes(data)
    with pytest.raises(ReadError, match="lie over each other"):
        read(tmp_path / "many.tif")
