from __future__ import annotations

import dataclasses
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unfade.errors import WriteError
from unfade.io import write as module
from unfade.io.read import read, read_mask
from unfade.io.whole import put_back
from unfade.io.write import write, write_plane
from unfade.photo import Photo

RNG = np.random.default_rng(11)


def noise(height: int, width: int, samples: int, dtype: type = np.uint8) -> np.ndarray:
    if dtype == np.float32:
        return RNG.random((height, width, samples), np.float32)
    return RNG.integers(0, np.iinfo(dtype).max, (height, width, samples), dtype, endpoint=True)


def tree(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "suffix, dtype",
    [
        (".png", np.uint8),
        (".png", np.uint16),
        (".tif", np.uint8),
        (".tif", np.uint16),
        (".tif", np.float32),
    ],
)
def test_every_channel_and_depth_comes_back_exactly(
    tmp_path: Path, suffix: str, dtype: type, samples: int
) -> None:
    array = noise(23, 41, samples, dtype)
    write(Photo.from_array(array), tmp_path / f"a{suffix}")
    back = read(tmp_path / f"a{suffix}")
    assert back.metadata.bits == array.itemsize * 8
    assert np.array_equal(back.to_array(), array)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw"},
        {"compression": "lzw", "predictor": "horizontal"},
        {"compression": "deflate", "predictor": "horizontal", "tile": True},
        {"compression": "packbits"},
        {"tile": True, "tile_width": 64, "tile_height": 32, "bigtiff": True},
        {"tile_height": 5, "compression": "deflate"},
        {"bigtiff": True, "compression": "lzw"},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiff_is_stored_as_it_was(tmp_path: Path, options: dict[str, Any], dtype: type) -> None:
    array = noise(70, 90, 3, dtype)
    space = {np.uint8: "srgb", np.uint16: "rgb16", np.float32: "scrgb"}[dtype]
    image = pyvips.Image.new_from_array(array).copy(interpretation=space)
    image.tiffsave(str(tmp_path / "a.tif"), **options)
    photo = read(tmp_path / "a.tif")
    for name, value in options.items():
        assert photo.metadata.encoding[name] == value
    write(photo, tmp_path / "b.tif")
    back = read(tmp_path / "b.tif")
    assert dict(back.metadata.encoding) == dict(photo.metadata.encoding)
    assert np.array_equal(back.to_array(), array)
    if "compression" not in options:
        assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), array)


@given(arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
@settings(max_examples=15, deadline=None)
def test_any_sixteen_bit_photo_survives(tmp_path_factory: Any, array: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("any") / "a.tif"
    write(Photo.from_array(array), path)
    assert np.array_equal(read(path).to_array(), array)


@given(st.integers(1, 6), st.integers(1, 40), st.sampled_from([8, 16]))
@settings(max_examples=10, deadline=None)
def test_strips_do_not_change_the_file(
    tmp_path_factory: Any, height: int, rows: int, bits: int
) -> None:
    folder = tmp_path_factory.mktemp("strips")
    photo = Photo(RNG.random((height * 7, 13, 3), np.float32))

    def strips(fn: Any, size: tuple[int, int]) -> None:
        for top in range(0, size[0], rows):
            fn(slice(top, min(top + rows, size[0])))

    for name, how in (("a.tif", None), ("b.tif", strips)):
        write(photo, folder / name, bits=bits, strips=how)
    assert (folder / "a.tif").read_bytes() == (folder / "b.tif").read_bytes()


def test_every_sixteen_bit_integer_survives_the_way_through_floats(tmp_path: Path) -> None:
    array = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    write(Photo.from_array(array), tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png").to_array(), array)


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_large_photo_goes_through_a_scratch_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: int, dtype: type
) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 0)
    array = noise(60, 5001, samples, dtype)
    write(Photo.from_array(array), tmp_path / "a.tif")
    assert np.array_equal(read(tmp_path / "a.tif").to_array(), array)
    assert tree(tmp_path) == ["a.tif"]
    links = map(os.path.realpath, Path("/proc/self/fd").glob("*"))
    assert not [link for link in links if ".raw" in link]


def test_infrared_and_alpha_come_back_as_what_they_were(tmp_path: Path) -> None:
    for kind in (0, 1, 2):
        array = noise(30, 20, 4, np.uint16)
        tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=[kind])
        photo = read(tmp_path / "a.tif")
        write(photo, tmp_path / "b.tif")
        with tifffile.TiffFile(tmp_path / "b.tif") as file:
            assert [int(v) for v in file.pages[0].tags["ExtraSamples"].value] == [kind]
        back = read(tmp_path / "b.tif")
        plane = "infrared" if kind == 0 else "alpha"
        assert np.array_equal(getattr(back, plane), getattr(photo, plane))
        assert np.array_equal(back.pixels, photo.pixels)


def test_alpha_and_infrared_together(tmp_path: Path) -> None:
    photo = Photo.from_array(noise(30, 20, 4, np.uint16))
    photo = dataclasses.replace(photo, infrared=photo.alpha[::-1].copy())
    write(photo, tmp_path / "a.tif")
    back = read(tmp_path / "a.tif")
    assert np.array_equal(back.alpha, photo.alpha)
    assert np.array_equal(back.infrared, photo.infrared)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".avif", ".tif"])
def test_colors_multiplied_by_alpha_are_divided_by_it_where_no_format_says_so(
    tmp_path: Path, suffix: str
) -> None:
    array = np.zeros((32, 40, 4), np.uint8)
    array[:, :20] = (102, 51, 0, 128)  # What shows 204, 102, 0 by half.
    array[:, 20:30] = (204, 102, 0, 255)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=[1])
    photo = read(tmp_path / "a.tif")
    proven = write(photo, tmp_path / f"b{suffix}", before=photo)
    back = read(tmp_path / f"b{suffix}").to_array()
    if suffix == ".tif":
        assert np.array_equal(back, array) and proven == 32 * 40
    else:
        assert proven is None
        assert np.abs(back[4:28, 4:16] - np.float32([203, 102, 0, 128])).max() < 6
        assert np.abs(back[4:28, 24:26] - np.float32([204, 102, 0, 255])).max() < 6


def test_sixteen_bits_become_eight_in_a_jpeg(tmp_path: Path) -> None:
    smooth = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64, 1)
    photo = Photo.from_array(smooth)
    write(photo, tmp_path / "a.jpg")
    back = read(tmp_path / "a.jpg")
    assert back.metadata.bits == 8 and np.abs(back.pixels - photo.pixels).max() < 4 / 255


@pytest.mark.parametrize("before, after", [(60, 90), (96, 96)])
def test_jpeg_keeps_its_quality_but_not_below_90(tmp_path: Path, before: int, after: int) -> None:
    pyvips.Image.new_from_array(noise(32, 32, 3)).jpegsave(str(tmp_path / "a.jpg"), Q=before)
    photo = read(tmp_path / "a.jpg")
    assert photo.metadata.encoding["Q"] == before
    write(photo, tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").metadata.encoding["Q"] == after
    write(photo, tmp_path / "c.jpg", quality=75)
    assert read(tmp_path / "c.jpg").metadata.encoding["Q"] == 75


@pytest.mark.parametrize("mode", ["on", "off"])
def test_jpeg_keeps_its_chroma(tmp_path: Path, mode: str) -> None:
    image = pyvips.Image.new_from_array(noise(32, 32, 3))
    image.jpegsave(str(tmp_path / "a.jpg"), subsample_mode=mode)
    write(read(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").metadata.encoding["subsample_mode"] == mode


def test_lossless_webp_stays_lossless(tmp_path: Path) -> None:
    array = noise(32, 40, 4)
    pyvips.Image.new_from_array(array).webpsave(str(tmp_path / "a.webp"), lossless=True, exact=True)
    photo = read(tmp_path / "a.webp")
    write(photo, tmp_path / "b.webp")
    back = read(tmp_path / "b.webp")
    assert back.metadata.encoding["lossless"] and np.array_equal(back.to_array(), array)


def test_avif_keeps_depth_and_alpha(tmp_path: Path) -> None:
    array = np.full((64, 64, 4), 40000, np.uint16)
    write(Photo.from_array(array), tmp_path / "a.avif")
    back = read(tmp_path / "a.avif")
    assert back.metadata.bits == 16 and back.metadata.encoding["bitdepth"] == 10
    assert np.abs(back.pixels - 40000 / 65535).max() < 0.01
    assert np.abs(back.alpha - 40000 / 65535).max() < 0.01


def test_interlaced_png_stays_interlaced(tmp_path: Path) -> None:
    pyvips.Image.new_from_array(noise(32, 32, 3)).pngsave(str(tmp_path / "a.png"), interlace=True)
    write(read(tmp_path / "a.png"), tmp_path / "b.png")
    assert read(tmp_path / "b.png").metadata.encoding["interlace"]


def test_pixels_outside_the_range_are_clipped(tmp_path: Path) -> None:
    write(Photo(np.array([[[-0.5], [0.5], [1.5]]], np.float32)), tmp_path / "a.png")
    assert read(tmp_path / "a.png").to_array().ravel().tolist() == [0, 128, 255]


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    write(Photo.from_array(noise(16, 16, 3)), tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    photo = read(tmp_path / "a.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    os.link(tmp_path / "a.png", tmp_path / "hard.png")
    for name in ("a.png", "link.png", "hard.png"):
        with pytest.raises(WriteError, match="read from"):
            write(photo, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == before


def test_another_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("old")
    array = noise(16, 16, 3)
    write(Photo.from_array(array), tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png").to_array(), array)
    assert tree(tmp_path) == ["a.png"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, RuntimeError])
@pytest.mark.parametrize("room", [0, 2**30])
def test_nothing_is_left_when_the_work_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], room: int
) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", room)
    (tmp_path / "a.tif").write_text("old")

    def strips(fn: Any, size: tuple[int, int]) -> None:
        fn(slice(0, 4))
        raise error

    with pytest.raises(error):
        write(Photo.from_array(noise(16, 16, 3)), tmp_path / "a.tif", strips=strips)
    assert tree(tmp_path) == ["a.tif"] and (tmp_path / "a.tif").read_text() == "old"


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".webp"])
@pytest.mark.parametrize("room", [0, 2**30])
def test_a_full_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, room: int
) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", room)
    photo = Photo.from_array(noise(300, 300, 3))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(WriteError) as caught:
            write(photo, tmp_path / f"a{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert tree(tmp_path) == []


def test_a_folder_that_is_missing_or_closed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = Photo.from_array(noise(16, 16, 3))
    with pytest.raises(WriteError, match="no folder"):
        write(photo, tmp_path / "missing" / "a.png")
    with pytest.raises(WriteError, match="got a folder"):
        write(photo, tmp_path)

    def closed(self: Path, *args: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(WriteError, match="Permission denied"):
        write(photo, tmp_path / "a.png")


def test_what_a_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    photo = Photo.from_array(noise(16, 16, 4, np.uint16))
    with pytest.raises(WriteError, match="transparency"):
        write(photo, tmp_path / "a.jpg")
    with pytest.raises(WriteError, match="8 bits, got 16"):
        write(photo, tmp_path / "a.webp", bits=16)
    with pytest.raises(WriteError, match="at most 16383"):
        write(Photo(np.zeros((2, 17000, 3), np.float32)), tmp_path / "a.webp")
    with pytest.raises(WriteError, match=r"got '\.gif'"):
        write(photo, tmp_path / "a.gif")
    assert tree(tmp_path) == []


def test_arguments_outside_their_range(tmp_path: Path) -> None:
    photo = Photo.from_array(noise(16, 16, 3))
    with pytest.raises(ValueError, match="quality"):
        write(photo, tmp_path / "a.jpg", quality=0)
    with pytest.raises(ValueError, match="bits"):
        write(photo, tmp_path / "a.png", bits=12)
    with pytest.raises(ValueError, match="numbers"):
        write(Photo(np.full((4, 4, 3), np.nan, np.float32)), tmp_path / "a.png")
    assert tree(tmp_path) == []


def test_names_are_taken_literally(tmp_path: Path) -> None:
    array = noise(16, 16, 3)
    write(Photo.from_array(array), tmp_path / "a[Q=1].png")
    assert tree(tmp_path) == ["a[Q=1].png"]
    assert np.array_equal(read(tmp_path / "a[Q=1].png").to_array(), array)


@pytest.mark.parametrize("letter", ["a", "ü", "写"])
def test_a_name_may_be_as_long_as_the_disk_lets_it(tmp_path: Path, letter: str) -> None:
    name = letter * (251 // len(letter.encode())) + ".png"
    for _ in ("new", "replaced"):
        with put_back(tmp_path / name):
            write(Photo.from_array(noise(16, 16, 3)), tmp_path / name)
    assert tree(tmp_path) == [name]


def test_a_name_that_is_too_long_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"n\.png: .*File name too long; shorten the name$"):
        write(Photo.from_array(noise(16, 16, 3)), tmp_path / ("n" * 252 + ".png"))
    assert tree(tmp_path) == []


def test_format_and_bits_can_be_asked_for(tmp_path: Path) -> None:
    array = noise(16, 16, 3)
    write(Photo.from_array(array), tmp_path / "a.bin", format="tiff", bits=16)
    back = read(tmp_path / "a.bin")
    assert back.metadata.bits == 16 and back.metadata.format == "tiff"
    assert np.array_equal(back.to_array(), array.astype(np.uint16) * 257)


@pytest.mark.parametrize("name", ["m.png", "m.tif"])
def test_a_mask_comes_back(tmp_path: Path, name: str) -> None:
    mask = RNG.integers(8, 256, (20, 30)).astype(np.float32) / np.float32(255)
    write_plane(mask, tmp_path / name)
    assert np.array_equal(read_mask(tmp_path / name, (20, 30)), mask)


def test_a_mask_is_not_written_with_loss(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"\.png"):
        write_plane(np.zeros((4, 4), np.float32), tmp_path / "m.jpg")


@pytest.mark.parametrize(
    "size, depth, samples, big",
    [
        ((20_000, 20_000), 16, 3, False),
        ((26_000, 26_000), 16, 3, True),
        ((20_000, 20_000), 32, 3, True),
        ((31_000, 31_000), 32, 1, False),
        ((40_000, 40_000), 16, 4, True),
    ],
)
def test_what_four_gigabytes_do_not_hold_becomes_a_bigtiff(
    size: tuple[int, int], depth: int, samples: int, big: bool
) -> None:
    assert module._tiff_options({}, size, depth, samples)["bigtiff"] == big
    assert module._tiff_options({"bigtiff": True}, size, depth, samples)["bigtiff"]


def test_an_array_is_refused_with_the_way_to_make_it_a_photo(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got ndarray; .*Photo\.from_array"):
        write(noise(4, 4, 3), tmp_path / "a.png")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
