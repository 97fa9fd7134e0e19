"""Files made to do harm: each is read or refused in one line and within little memory.

`benchmarks/fuzz.py` does the same with 100,000 mutated files.
"""

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

from unfade.darkroom import Darkroom
from unfade.errors import ReadError
from unfade.io.read import read
from unfade.io.write import write
from unfade.jobs.job import Job
from unfade.jobs.outcome import State
from unfade.jobs.run import run_job
from unfade.photo import Photo
from unfade.report.papers import Papers

SIZES = [(1, 1), (1, 50_000), (50_000, 1), (2, 3)]
BUDGET = 512 * 2**20


def chunk(name: bytes, data: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + crc


def png(
    width: int, height: int, interlaced: int = 0, body: bytes = b"", extra: bytes = b""
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced)
    pixels = extra + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels


def resized_jpeg(path: Path, width: int, height: int, **options: object) -> Path:
    """A small JPEG whose header claims another size."""
    image = pyvips.Image.black(64, 64, bands=3).copy(interpretation="srgb")
    data = bytearray(image.jpegsave_buffer(**options))
    mark = b"\xff\xc2" if options else b"\xff\xc0"
    struct.pack_into(">HH", data, data.index(mark) + 5, height, width)
    path.write_bytes(bytes(data))
    return path


def lying(folder: Path) -> list[Path]:
    """Files whose header claims far more than there is, up to the largest picture allowed."""
    bombs = {
        "wide.png": png(2**31 - 1, 1),
        "rows.png": png(30_000_000, 24, body=bytes(10_000)),
        "bomb.png": png(31_000, 31_000, body=bytes(10_000)),
        "interlaced.png": png(31_000, 31_000, 1, bytes(10_000)),
    }
    for name, data in bombs.items():
        (folder / name).write_bytes(data)
    tiff = folder / "bomb.tif"
    tifffile.imwrite(tiff, np.zeros((16, 16, 3), np.uint8), photometric="rgb", metadata=None)
    for name, tag, value in (
        ("high.tif", 257, 31_000),
        ("wide.tif", 256, 31_000),
        ("many.tif", 258, 2**31),
        ("strips.tif", 278, 2**32 - 1),
    ):
        data = bytearray(tiff.read_bytes())
        (at,) = struct.unpack_from("<I", data, 4)
        (count,) = struct.unpack_from("<H", data, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            if struct.unpack_from("<H", data, entry)[0] == tag:
                struct.pack_into("<HII", data, entry + 2, 4, 1, value)
        (folder / name).write_bytes(bytes(data))
    resized_jpeg(folder / "bomb.jpg", 65_000, 15_000)
    resized_jpeg(folder / "progressive.jpg", 65_000, 15_000, interlace=True)
    return sorted(path for path in folder.iterdir() if path != tiff)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_header_that_claims_too_much_costs_no_memory(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from unfade.io.read import read\n"
        "from unfade.errors import ReadError\n"
        "for name in sys.argv[1:]:\n"
        "    try: read(name); said = 'read'\n"
        "    except ReadError as error: said = str(error)\n"
        "    assert '\\n' not in said and (name in said or said == 'read'), said\n"
        # Not `ru_maxrss`, in which a child is charged for what its parent held.
        "    status = open('/proc/self/status').read()\n"
        f"    assert int(status.split('VmHWM:')[1].split()[0]) * 1024 < {BUDGET}, name\n"
        "    print(name, said)\n"
    )
    paths = lying(tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(paths)
    # What lies about the rows of a strip is whole all the same.
    assert [line.split()[0] for line in done.stdout.splitlines() if line.endswith(" read")] == [
        str(tmp_path / "strips.tif")
    ]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
def test_the_smallest_and_the_thinnest_are_restored(
    tmp_path: Path, size: tuple[int, int], suffix: str
) -> None:
    pixels = np.random.default_rng(0).random((*size, 3), np.float32)
    write(Photo(pixels), tmp_path / f"a{suffix}")
    job = Job(
        str(tmp_path / f"a{suffix}"),
        str(tmp_path / f"b{suffix}"),
        save_mask=True,
        save_origin=True,
        report=True,
        papers=Papers(sidecar=True),
    )
    outcome = run_job(job, Darkroom(threads=1))
    assert outcome.state is State.DONE, outcome.message
    assert read(outcome.files[0]).size == size


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -0.001, 1.001, 1e38])
def test_floats_that_are_no_tones_are_refused(tmp_path: Path, bad: float) -> None:
    array = np.full((40, 50, 3), 0.5, np.float32)
    array[39, 49, 2] = bad
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    with pytest.raises(ReadError, match="within 0 to 1"):
        read(tmp_path / "a.tif")


NAMES = [
    "-o.png",
    "--help.png",
    "a[page=1].png",
    "%s%n%d.png",
    "~.png",
    "$(touch x).png",
    "a;b|c&d.png",
    "a\nb.png",
    "a..png",
    "a'\"b.png",
    "Omas Hände, 1955 — 第3.png",
    "e\u0301.png",
    " .png",
    "*?.png",
    "x" * 200 + ".png",
]


def test_names_are_only_names(tmp_path: Path) -> None:
    """Through the command, with its ledger, sidecars and an album."""
    scans = tmp_path / "scans"
    scans.mkdir()
    pixels = np.random.default_rng(0).random((16, 20, 3), np.float32)
    write(Photo(pixels), tmp_path / "plain.png")
    for name in NAMES:
        (scans / name).write_bytes((tmp_path / "plain.png").read_bytes())
    words = ["restore", "scans", "-o", "out", "--threads", "1", "--save-mask", "--only", "damage"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", "unfade", *words, "--album", "album"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    results = {path.name for path in (tmp_path / "out").iterdir() if path.suffix == ".png"}
    assert results - {name for name in results if name.endswith(".mask.png")} == set(NAMES)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "album",
        "out",
        "plain.png",
        "scans",
    ]


def test_a_link_out_of_the_folder_does_not_lead_the_result_out(tmp_path: Path) -> None:
    inside, outside = tmp_path / "scans", tmp_path / "elsewhere"
    inside.mkdir()
    outside.mkdir()
    write(Photo(np.full((16, 20, 3), 0.5, np.float32)), outside / "a.png")
    content = (outside / "a.png").read_bytes()
    (inside / "link.png").symlink_to(outside / "a.png")
    job = Job(str(inside / "link.png"), str(inside / "out.png"))
    assert run_job(job, Darkroom(threads=1)).state is State.DONE
    assert (outside / "a.png").read_bytes() == content
    assert [path.name for path in outside.iterdir()] == ["a.png"]


def test_mutated_files_do_no_harm() -> None:
    """A small part of the campaign, through its own program."""
    program = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(program), "--files", "170", "--processes", "1", "--seed", "7"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "170 files" in done.stdout and "0 faults" in done.stdout


@pytest.mark.parametrize(("height", "rows"), [(16, 5), (16, 1), (4, 3), (128, 127)])
def test_a_last_strip_of_one_row_is_written(tmp_path: Path, height: int, rows: int) -> None:
    array = np.random.default_rng(0).integers(0, 256, (height, 32, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", rowsperstrip=rows)
    photo = read(tmp_path / "a.tif")
    assert write(photo, tmp_path / "b.tif", before=photo) == height * 32


@pytest.mark.parametrize("keyword", [b"Title", b"\xff\xe9"])
def test_a_comment_in_another_encoding_is_kept_as_it_was(tmp_path: Path, keyword: bytes) -> None:
    body = keyword + b"\0Gr\xfc\xdfe"
    chunk = struct.pack(">I", len(body)) + b"tEXt" + body
    chunk += struct.pack(">I", zlib.crc32(b"tEXt" + body))
    data = png(2, 2, body=bytes(14))
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    write(read(tmp_path / "a.png"), tmp_path / "b.png")
    assert chunk in (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("interlaced", [0, 1])
def test_a_png_too_short_for_its_size_is_refused(tmp_path: Path, interlaced: int) -> None:
    (tmp_path / "a.png").write_bytes(png(16_000, 16_000, interlaced, bytes(10_000)))
    with pytest.raises(ReadError, match="pixels that it claims"):
        read(tmp_path / "a.png")
    (tmp_path / "black.png").write_bytes(png(2_000, 2_000, body=bytes(6_001 * 2_000)))
    assert read(tmp_path / "black.png").size == (2_000, 2_000)


def test_a_warning_that_quotes_latin_1_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = chunk(b"iCCP", b"f\xe4rg\0\0" + zlib.compress(bytes([0, 0, 1, 0] + [255] * 252), 0))
    path = tmp_path / "latin.png"
    path.write_bytes(png(2, 2, body=bytes(2 * 7), extra=profile))
    with caplog.at_level("WARNING", "pyvips"):
        assert not read(path).pixels.any()
    assert "f\\xe4rg" in caplog.text
    assert "Traceback" not in capsys.readouterr().err


def test_an_error_that_quotes_latin_1_is_text() -> None:
    said = pyvips.ffi.new("char[]", b"bad f\xe4rg")
    assert pyvips.error._to_string(said) == "bad f\\xe4rg"
    assert pyvips.error._to_string(pyvips.ffi.NULL) == "NULL"
