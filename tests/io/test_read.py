from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile

from unfade.errors import ReadError
from unfade.io.read import can_read, count_pages, read, read_mask, walk
from unfade.io.write import write
from unfade.profile import SRGB, SRGB_CURVE

RNG = np.random.default_rng(7)


def noise(height: int, width: int, samples: int, dtype: type = np.uint8) -> np.ndarray:
    return RNG.integers(0, np.iinfo(dtype).max, (height, width, samples), dtype, endpoint=True)


def save(path: Path, array: np.ndarray, **options: object) -> Path:
    pyvips.Image.new_from_array(array).write_to_file(str(path), **options)
    return path


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


def test_sixteen_bit_tiff_comes_back_exactly(tmp_path: Path) -> None:
    array = noise(37, 53, 3, np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", byteorder=">")
    photo = read(tmp_path / "a.tif")
    assert photo.metadata.bits == 16 and photo.metadata.format == "tiff"
    assert np.array_equal(photo.pixels, array.astype(np.float32) / np.float32(65535))
    assert np.array_equal(photo.to_array(), array)


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_of_any_channels_is_read_exactly(tmp_path: Path, samples: int, dtype: type) -> None:
    array = noise(20, 30, samples, dtype)
    space = {1: "b-w", 2: "b-w", 3: "srgb", 4: "srgb"}[samples]
    if dtype == np.uint16:
        space = {"b-w": "grey16", "srgb": "rgb16"}[space]
    image = pyvips.Image.new_from_array(array).copy(interpretation=space)
    image.write_to_file(str(tmp_path / "a.png"))
    photo = read(tmp_path / "a.png")
    assert photo.pixels.shape[2] == (1 if samples < 3 else 3)
    assert (photo.alpha is not None) == (samples in (2, 4))
    assert np.array_equal(photo.to_array(), array)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
def test_orientation_is_applied_once(tmp_path: Path, turn: int, suffix: str) -> None:
    image = pyvips.Image.new_from_array(noise(32, 48, 3)).gaussblur(2).cast("uchar").copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", turn)
    path = tmp_path / f"a{suffix}"
    image.write_to_file(str(path))
    upright = pyvips.Image.new_from_file(str(path)).autorot().numpy()
    assert np.array_equal(read(path).to_array(), upright)


@pytest.mark.parametrize("kind, plane", [(0, "infrared"), (1, "alpha"), (2, "alpha")])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_fourth_sample_of_sixteen_bits(
    tmp_path: Path, kind: int, plane: str, byteorder: str
) -> None:
    array = noise(40, 50, 4, np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, array, photometric="rgb", extrasamples=[kind], byteorder=byteorder, rowsperstrip=7
    )
    photo = read(path)
    other = {"infrared": "alpha", "alpha": "infrared"}[plane]
    assert np.array_equal(photo.pixels, array[:, :, :3].astype(np.float32) / np.float32(65535))
    assert np.array_equal(
        getattr(photo, plane), array[:, :, 3].astype(np.float32) / np.float32(65535)
    )
    assert getattr(photo, other) is None


def test_unspecified_fourth_sample_of_eight_bits_is_carried_as_alpha(tmp_path: Path) -> None:
    array = noise(16, 16, 4)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=[0])
    photo = read(tmp_path / "a.tif")
    assert photo.infrared is None and np.array_equal(photo.to_array(), array)


def test_floats_within_zero_to_one_stay_as_they_are(tmp_path: Path) -> None:
    array = RNG.random((20, 30, 3), np.float32)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    photo = read(tmp_path / "a.tif")
    assert photo.metadata.bits == 32 and np.array_equal(photo.pixels, array)


@pytest.mark.parametrize("bad, told", [(1.5, "0 to 1.5"), (np.nan, "not numbers")])
def test_floats_outside_zero_to_one_are_refused(tmp_path: Path, bad: float, told: str) -> None:
    array = np.zeros((20, 30, 3), np.float32)
    array[9, 9, 1] = bad
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    with pytest.raises(ReadError, match=told):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
@pytest.mark.parametrize("samples", [1, 2])
def test_a_tiff_whose_zero_is_white_is_no_negative(
    tmp_path: Path, dtype: type, samples: int
) -> None:
    whole = noise(20, 30, samples, np.uint8)
    top = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    array = (whole * (top / 255)).astype(dtype)
    extra = {"extrasamples": [2]} if samples == 2 else {}
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite", **extra)
    photo = read(tmp_path / "a.tif")
    assert photo.pixels[:, :, 0] == pytest.approx(1 - whole[:, :, 0] / 255, abs=1e-3)
    assert photo.alpha is None or photo.alpha == pytest.approx(whole[:, :, 1] / 255, abs=1e-3)
    assert write(photo, tmp_path / "b.tif", before=photo) == 20 * 30
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].photometric.name == "MINISBLACK"


def test_one_bit_tiff_becomes_grey(tmp_path: Path) -> None:
    array = np.where(RNG.random((16, 24)) < 0.5, 0, 255).astype(np.uint8)
    save(tmp_path / "a.tif", array, bitdepth=1)
    photo = read(tmp_path / "a.tif")
    assert photo.metadata.bits == 8 and np.array_equal(photo.to_array()[:, :, 0], array)


def test_palette_becomes_rgb(tmp_path: Path) -> None:
    array = np.kron(noise(2, 2, 3), np.ones((8, 8, 1), np.uint8))
    save(tmp_path / "a.png", array, palette=True, dither=0)
    assert np.abs(read(tmp_path / "a.png").to_array().astype(int) - array).max() <= 8


def test_cmyk_becomes_srgb_and_says_so(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_array(np.full((16, 16, 3), (200, 120, 60), np.uint8))
    image.icc_transform("cmyk").write_to_file(str(tmp_path / "a.tif"))
    photo = read(tmp_path / "a.tif")
    assert "CMYK" in photo.metadata.encoding["converted"]
    assert photo.metadata.fields["icc-profile-data"][16:20] == b"RGB "
    assert np.abs(photo.pixels[8, 8] * 255 - (200, 120, 60)).max() < 12


@pytest.mark.parametrize("space", ["lab", "labs"])
def test_lab_becomes_srgb_by_its_white_d50(tmp_path: Path, space: str) -> None:
    light = np.asarray(SRGB.primaries) @ SRGB_CURVE.decode(np.float32([200, 120, 60]) / 255)
    root = np.cbrt(light / (0.9642, 1, 0.8249))
    lab = np.float32([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])
    image = pyvips.Image.new_from_array(np.full((16, 16, 3), lab)).copy(interpretation="lab")
    image.colourspace(space).write_to_file(str(tmp_path / "a.tif"))
    photo = read(tmp_path / "a.tif")
    assert photo.metadata.bits == 16 and photo.metadata.encoding["converted"]
    assert np.abs(photo.pixels[8, 8] * 255 - (200, 120, 60)).max() < 1.5


def test_first_of_several_pages_is_read_and_their_number_noted(tmp_path: Path) -> None:
    pages = noise(16, 3 * 20, 3).reshape(3, 16, 20, 3)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="rgb")
    photo = read(tmp_path / "a.tif")
    assert photo.metadata.encoding["pages"] == 3
    assert np.array_equal(photo.to_array(), pages[0])


def test_ten_bit_avif_reaches_white(tmp_path: Path) -> None:
    white = pyvips.Image.new_from_array(np.full((64, 64, 3), 65535, np.uint16))
    white.copy(interpretation="rgb16").write_to_file(str(tmp_path / "a.avif"), bitdepth=10, Q=95)
    photo = read(tmp_path / "a.avif")
    assert photo.metadata.format == "avif" and photo.metadata.bits == 16
    assert photo.pixels.min() > 0.995 and photo.pixels.max() == 1


def test_full_size_arrays_come_from_the_caller_and_strips_change_nothing(tmp_path: Path) -> None:
    array = noise(50, 40, 4, np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, photometric="rgb", extrasamples=[2], tile=(16, 16))
    made, walked = [], []

    def allocate(shape: tuple[int, ...], dtype: object) -> np.ndarray:
        made.append(np.memmap(tmp_path / f"{len(made)}", dtype, "w+", shape=shape))
        return made[-1]

    def strips(fn: object, size: tuple[int, int]) -> None:
        for top in range(0, size[0], 7):
            walked.append(top)
            fn(slice(top, min(top + 7, size[0])))

    photo = read(path, allocate=allocate, strips=strips)
    assert photo.pixels is made[0] and photo.alpha is made[1] and len(made) == 2
    assert walked == list(range(0, 50, 7))
    assert np.array_equal(photo.to_array(), array)


def test_walk_covers_every_row_once() -> None:
    seen = np.zeros(5000, int)

    def mark(rows: slice) -> None:
        seen[rows] += 1

    walk(mark, (5000, 3000))
    assert (seen == 1).all()


@pytest.mark.parametrize("name", ["a[1].tif", "a[page=3].png", "with space.jpg", "Großmütter.png"])
def test_names_are_taken_literally(tmp_path: Path, name: str) -> None:
    plain = save(tmp_path / f"plain{Path(name).suffix}", noise(16, 16, 3))
    plain.rename(tmp_path / name)
    assert read(tmp_path / name).size == (16, 16)


def test_a_file_that_changed_under_its_name_is_read_anew(tmp_path: Path) -> None:
    for value in (10, 200):
        save(tmp_path / "a.png", np.full((16, 16, 3), value, np.uint8))
        assert read(tmp_path / "a.png").to_array()[0, 0, 0] == value


def test_the_name_does_not_decide_the_format(tmp_path: Path) -> None:
    save(tmp_path / "a.png", noise(16, 16, 3)).rename(tmp_path / "a.jpg")
    assert read(tmp_path / "a.jpg").metadata.format == "png"


def test_a_folder_of_bad_files_gives_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / ".DS_Store").write_bytes(b"\0\0\0\1Bud1\0\0\x10\0")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "bomb.png").write_bytes(png(60_000, 60_000))
    (tmp_path / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    save(tmp_path / "animation.gif", noise(16, 16, 3))
    told = {
        "missing.jpg": "no such file",
        "text.jpg": "got a text file",
        "empty.jpg": "empty file",
        ".DS_Store": "begins with",
        "folder.jpg": "got a folder",
        "bomb.png": "60,000 x 60,000 = 3,600,000,000",
        "drawing.svg": "expected JPEG, PNG",
        "animation.gif": "got a GIF file; convert it to",
    }
    for name, words in told.items():
        with pytest.raises(ReadError) as caught:
            read(tmp_path / name)
        text = str(caught.value)
        assert words in text and "\n" not in text and str(tmp_path / name) in text


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(ReadError, match="pipe"):
        read(tmp_path / "a.jpg")


def test_the_pages_of_a_pipe_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    # Who opens it all the same reads what this writer left, and does not hang.
    writer = os.open(tmp_path / "a.jpg", os.O_RDWR)
    os.write(writer, b"four")
    with pytest.raises(ReadError, match="pipe"):
        count_pages(tmp_path / "a.jpg")
    os.close(writer)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, part: float) -> None:
    path = save(tmp_path / f"a{suffix}", noise(64, 64, 3))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(ReadError) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_jpeg_says_how_much_is_there(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", noise(800, 200, 3))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ReadError, match=r"expected 800 rows, got \d+") as caught:
        read(path)
    rows = int(str(caught.value).split("got ")[1].split()[0])
    assert 300 < rows < 500


def test_a_tiff_cut_before_its_directory_says_where(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", noise(100, 100, 3))
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(ReadError, match="file of 20000 bytes"):
        read(path)


def test_too_many_samples_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(16, 16, 6), photometric="rgb", extrasamples=[0] * 3)
    with pytest.raises(ReadError, match="6 samples"):
        read(tmp_path / "a.tif")


def test_large_integers_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((16, 16, 3), np.uint32), photometric="rgb")
    with pytest.raises(ReadError, match="got 32-bit integers"):
        read(tmp_path / "a.tif")


def test_nothing_reaches_stderr(tmp_path: Path) -> None:
    data = save(tmp_path / "a.jpg", noise(100, 100, 3)).read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    odd = [(65001, "s", 0, "private", True)]
    tifffile.imwrite(tmp_path / "b.tif", noise(16, 16, 3), photometric="rgb", extratags=odd)
    code = (
        "import sys; from unfade.io.read import read; from unfade.errors import ReadError\n"
        "for name in sys.argv[1:]:\n"
        "    try: read(name)\n"
        "    except ReadError: pass\n"
    )
    names = [str(tmp_path / "a.jpg"), str(tmp_path / "b.tif")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, env=environment, check=True
    )
    assert done.stderr == b"" and done.stdout == b""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")
def test_no_file_stays_open(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", noise(64, 64, 3))
    read(path)
    links = [fd for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()]
    assert str(path) not in [os.path.realpath(link) for link in links]


def test_can_read_looks_at_the_suffix_only() -> None:
    assert can_read("nowhere/A.JPG") and can_read(Path("b.tiff")) and can_read("c.heic")
    assert not any(map(can_read, ["a.svg", "b.pdf", "c.txt", ".DS_Store", "jpg", "._a.jpg"]))


def test_mask_keeps_its_values(tmp_path: Path) -> None:
    array = np.maximum(noise(20, 30, 1), 8)
    save(tmp_path / "m.png", array)
    mask = read_mask(tmp_path / "m.png", (20, 30))
    assert mask.shape == (20, 30)
    assert np.array_equal(mask, array[:, :, 0].astype(np.float32) / np.float32(255))


@pytest.mark.parametrize(
    "suffix, options",
    [
        (".png", {}),
        (".jpg", {"Q": 95}),
        (".jpg", {"Q": 85}),
        (".tif", {"compression": "jpeg"}),
        (".webp", {}),
    ],
)
def test_what_is_nearly_black_in_a_mask_is_not_damage(
    tmp_path: Path, suffix: str, options: dict[str, object]
) -> None:
    true = np.zeros((128, 160), np.uint8)
    for x, y in RNG.integers(10, 118, (20, 2)):
        true[y : y + RNG.integers(2, 8), x : x + RNG.integers(2, 8)] = 255
    shown = np.where(true, true, RNG.integers(0, 4, true.shape)).astype(np.uint8)
    save(tmp_path / f"m{suffix}", shown, **options)
    mask = read_mask(tmp_path / f"m{suffix}", true.shape)
    assert (mask[true > 0] > 0.8).all()
    assert np.count_nonzero(mask[true == 0]) <= 0.001 * true.size


def test_a_mask_of_any_kind_lies_where_the_caller_wants_it(tmp_path: Path) -> None:
    array = noise(50, 40, 4) | 16
    for name, expected in (
        ("grey.png", array[:, :, 0].astype(np.float32) / 255),
        ("color.png", array[:, :, :3].max(axis=2).astype(np.float32) / 255),
        ("clear.png", array[:, :, :3].max(axis=2) / np.float32(255) * array[:, :, 3] / 255),
    ):
        samples = {"grey.png": np.s_[:, :, 0], "color.png": np.s_[:, :, :3]}.get(name, np.s_[:])
        save(tmp_path / name, np.ascontiguousarray(array[samples]))
        made: list[np.ndarray] = []

        def allocate(
            shape: tuple[int, ...], dtype: object, made: list[np.ndarray] = made
        ) -> np.ndarray:
            made.append(np.empty(shape, dtype))  # type: ignore[call-overload]
            return made[-1]

        mask = read_mask(tmp_path / name, (50, 40), allocate=allocate)
        assert any(np.shares_memory(mask, own) for own in made)
        np.testing.assert_allclose(mask, expected * (expected >= 8 / 255), atol=1e-6)


def test_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "m.png", noise(20, 30, 1))
    with pytest.raises(ReadError, match="30 x 40 pixels like the photo, got 30 x 20"):
        read_mask(tmp_path / "m.png", (40, 30))
