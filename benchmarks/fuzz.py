"""Mutated files against the reader: does any of them crash it, hang it or fill the memory?

    python benchmarks/fuzz.py [--files 100000] [--processes 2] [--seed 0] [--keep FOLDER]

Small pictures of every format, depth, layout and way of storing are made, with EXIF, XMP, IPTC and
ICC, and mutated: bits and bytes, numbers that are too large or negative, pieces cut out, doubled,
swapped with another file, ends cut off; checksums of PNG are put right again in half of the files,
so that the mutation is read at all. Each file is looked at as a batch does: its pages are counted,
each is read, and what could be read is written in its own format. A file may be read or refused.
Counted as faults are a process that dies, an error that is not a `ReadError` (or `WriteError` in
writing) of one line with the file's name, more than 10 s of processor time, more memory than the
budget, and anything on stderr. `--only N` tries one number again in this process.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import resource
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np
import pyvips
import tifffile

from unfade.errors import ReadError, WriteError
from unfade.io.icc import write_profile
from unfade.io.pages import join_pages
from unfade.io.proxy import read_proxy
from unfade.io.read import count_pages, read
from unfade.io.write import write
from unfade.photo import Metadata, Photo
from unfade.profile import ADOBE_RGB

SLOWEST_S, HANGING_S = 10.0, 600.0
"""Processor time that a file may take, and time on the clock after which its process is killed."""

BUDGET = 512 * 2**20
"""Bytes a process may hold at any moment, itself with all libraries counted (about 150 MiB)."""

SIZE = (24, 32)
ODD = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>Oma, 1955</a></x:xmpmeta>'
MARK = b"\x89PNG\r\n\x1a\n"

Seeds = dict[str, bytes]


def make_seeds(folder: Path) -> Seeds:
    """Whole files of every kind, by name."""
    for name, options in TIFFS.items():
        bits, samples, told = options
        array = noise(bits, samples)
        tifffile.imwrite(folder / f"{name}.tif", array, **{"metadata": None, **told})
    for name, (bits, samples, told) in OTHERS.items():
        image = pyvips.Image.new_from_array(noise(bits, samples)).copy(
            interpretation={(8, 1): "b-w", (8, 2): "b-w", (16, 1): "grey16", (16, 3): "rgb16"}.get(
                (bits, samples), "cmyk" if "cmyk" in name else "srgb"
            )
        )
        for field, block in (("xmp-data", XMP), ("iptc-data", IPTC)):
            image.set_type(pyvips.GValue.blob_type, field, block)
        if samples >= 3 and "cmyk" not in name:
            block = write_profile(ADOBE_RGB)
            image.set_type(pyvips.GValue.blob_type, "icc-profile-data", block)
        image.write_to_file(str(folder / name), **told)
    made = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    for name, data in list(made.items()):
        (folder / name).write_bytes(data)
        if name in ("strips.tif", "tiles.tif"):
            # Written by this library, with EXIF and several pages.
            photo = read(folder / name)
            resolved = Photo(photo.pixels, metadata=Metadata(bits=8, resolution_ppi=(300, 300)))
            write(resolved, folder / f"own-{name}")
    both = [folder / "own-strips.tif", folder / "own-tiles.tif"]
    join_pages(both, folder / "pages.tif")
    join_pages(both, folder / "pages-big.tif", big=True)
    join_pages(both[:1], folder / "below.tif", both[1:])
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


RGB = {"photometric": "rgb"}
TIFFS = {
    "strips": (8, 3, RGB | {"rowsperstrip": 5}),
    "tiles": (8, 3, RGB | {"tile": (16, 16), "compression": "zlib"}),
    "float": (32, 3, RGB | {"compression": "zlib"}),
    "big-endian": (16, 3, RGB | {"byteorder": ">"}),
    "bigtiff": (16, 3, RGB | {"bigtiff": True}),
    "rgbi": (16, 4, RGB | {"extrasamples": [0], "compression": "zlib"}),
    "rgba": (8, 4, RGB | {"extrasamples": [1]}),
    "planar": (8, 3, RGB | {"planarconfig": "separate"}),
    "cmyk": (8, 4, {"photometric": "separated"}),
    "lab": (16, 3, {"photometric": "cielab"}),
    "icc": (8, 3, RGB | {"iccprofile": write_profile(ADOBE_RGB), "software": "VueScan 9.8"}),
}
OTHERS = {
    "lzw.tif": (16, 1, {"compression": "lzw", "predictor": "horizontal"}),
    "big-lzw.tif": (16, 3, {"compression": "lzw", "bigtiff": True}),
    "packbits.tif": (8, 3, {"compression": "packbits"}),
    "jpeg.tif": (8, 3, {"compression": "jpeg", "tile": True, "tile_width": 16, "tile_height": 16}),
    "one-bit.tif": (8, 1, {"bitdepth": 1, "compression": "ccittfax4"}),
    "rgb.jpg": (8, 3, {"Q": 90}),
    "progressive.jpg": (8, 3, {"Q": 80, "interlace": True}),
    "grey.jpg": (8, 1, {}),
    "cmyk.jpg": (8, 4, {}),
    "rgb.png": (8, 3, {}),
    "rgb16.png": (16, 3, {}),
    "grey-alpha.png": (8, 2, {}),
    "interlaced.png": (8, 4, {"interlace": True}),
    "palette.png": (8, 3, {"palette": True}),
    "lossy.webp": (8, 3, {"Q": 80}),
    "lossless.webp": (8, 4, {"lossless": True}),
    "eight.avif": (8, 3, {"compression": "av1", "effort": 0}),
    "ten.avif": (16, 3, {"compression": "av1", "bitdepth": 10, "effort": 0}),
}
IPTC = b"\x1c\x02\x00\x00\x02\x00\x02\x1c\x02\x78\x00\x0aThe garden"


def noise(bits: int, samples: int) -> np.ndarray:
    """(H, W) or (H, W, samples), smooth enough to be compressed."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    waves = np.stack([np.sin(x / (3 + k)) + np.cos(y / (2 + k)) for k in range(samples)], axis=2)
    values = np.clip(0.5 + waves / 4, 0, 1)
    array = values.astype(np.float32) if bits == 32 else (values * (2**bits - 1)).round()
    array = array.astype({8: np.uint8, 16: np.uint16, 32: np.float32}[bits])
    return array[:, :, 0] if samples == 1 else array


def mutate(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Change a file in one to eight ways."""
    body = bytearray(data)
    for _ in range(int(rng.integers(1, 9)) if rng.random() < 0.7 else 1):
        MUTATIONS[int(rng.integers(len(MUTATIONS)))](rng, body, other)
        body = body or bytearray(b"\0")
    if body[:8] == MARK and rng.random() < 0.5:
        body = with_sums(bytes(body))
    return bytes(body)


def place(rng: np.random.Generator, body: bytearray, size: int = 1) -> int:
    """A position; half of them are near the beginning, where headers are."""
    most = max(1, len(body) - size + 1)
    return int(rng.integers(min(most, 256) if rng.random() < 0.5 else most))


def flip(rng: np.random.Generator, body: bytearray, other: bytes) -> None:
    body[place(rng, body)] ^= 1 << int(rng.integers(8))


def overwrite(rng: np.random.Generator, body: bytearray, other: bytes) -> None:
    body[place(rng, body)] = int(rng.integers(256))


def odd_number(rng: np.random.Generator, body: bytearray, other: bytes) -> None:
    code = ("B", "<H", ">H", "<I", ">I", "<Q")[int(rng.integers(6))]
    size = struct.calcsize(code)
    if len(body) >= size:
        value = ODD[int(rng.integers(len(ODD)))] & (256**size - 1)
        struct.pack_into(code, body, place(rng, body, size), value)


def cut_end(rng: np.random.Generator, body: bytearray, other: bytes) -> None:
    del body[place(rng, body) :]


def cut_out(rng: np.random.Generator, body: bytearray, other: bytes) -> None:
    at = place(rng, body)
    del body[at : at + int(rng.integers(1, 64))]


def double(rng: np.random.Generator, body: bytearray, other: bytes) -> None:
    at, to = place(rng, body), place(rng, body)
    body[to:to] = body[at : at + int(rng.integers(1, 256))]


def splice(rng: np.random.Generator, body: bytearray, other: bytes) -> None:
    at, start = place(rng, body), int(rng.integers(len(other)))
    piece = other[start : start + int(rng.integers(1, 256))]
    body[at : at + len(piece)] = piece


MUTATIONS: tuple[Callable[[np.random.Generator, bytearray, bytes], None], ...] = (
    *(flip, overwrite, odd_number, odd_number),
    *(cut_end, cut_out, double, splice),
)


def with_sums(data: bytes) -> bytearray:
    """A PNG with the right checksums, as far as its chunks can be followed."""
    body, at = bytearray(data), len(MARK)
    while at + 12 <= len(body):
        (length,) = struct.unpack_from(">I", body, at)
        if at + 12 + length > len(body):
            break
        sum_ = zlib.crc32(body[at + 4 : at + 8 + length])
        struct.pack_into(">I", body, at + 8 + length, sum_)
        at += 12 + length
    return body


def make_file(seeds: Seeds, seed: int, number: int, folder: Path) -> Path:
    """Write the mutated file of a number; the same for the same seed."""
    rng = np.random.default_rng([seed, number])
    names = list(seeds)
    name = names[number % len(names)]
    path = folder / f"fuzz-{name}"
    path.write_bytes(mutate(rng, seeds[name], seeds[names[int(rng.integers(len(names)))]]))
    return path


def try_file(path: Path) -> str:
    """Read a file as a batch does: `read`, `refused`, or what was wrong."""
    try:
        read_proxy(path, 64)
        proxied = True
    except ReadError as error:
        proxied = False
        if wrong := unclear(error, path):
            return wrong
    try:
        pages = count_pages(path)
        photos = [read(path, page=page if len(pages) > 1 else 0) for page in pages[:4]]
    except ReadError as error:
        return unclear(error, path) or ("refused" if not proxied else "refused, with a proxy")
    for photo in photos:
        try:
            write(photo, path.with_name(f"out-{path.name}"), before=photo)
        except WriteError as error:
            if "\n" in str(error):
                return f"unclear: {error}"
            return "read, not written"
    return "read"


def unclear(error: Exception, path: Path) -> str:
    text = str(error)
    clear = "\n" not in text and str(path) in text and 20 < len(text) < 600
    return "" if clear else f"unclear: {text!r}"


def work(seeds: Seeds, seed: int, numbers: range, folder: Path, pipe: Connection) -> None:
    """Try the files of some numbers; says `(number, what became of it, seconds, bytes)`."""
    os.dup2(os.open(folder / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    for number in numbers:
        path = make_file(seeds, seed, number, folder)
        # What is printed is noticed by the length of the file.
        said, start = os.fstat(2).st_size, time.process_time()
        pipe.send((number, "", 0.0, 0))
        forget_peak()
        try:
            became = try_file(path)
        except Exception as error:
            became = f"{type(error).__name__}: {error}"
        seconds = time.process_time() - start
        if os.fstat(2).st_size > said:
            became = "said something on stderr"
        pipe.send((number, became, seconds, peak()))
    pipe.close()


def forget_peak() -> None:
    """Let the kernel count the peak of this process anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Most bytes that this process held since then."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Worker:
    """A process at work, watched from outside."""

    def __init__(self, seeds: Seeds, seed: int, numbers: range, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.seeds, self.seed, self.numbers, self.folder = seeds, seed, numbers, folder
        self.pipe: Connection
        self.begin(numbers)

    def begin(self, numbers: range) -> None:
        self.left, self.at, self.since = numbers, -1, time.monotonic()
        self.pipe, theirs = multiprocessing.Pipe(duplex=False)
        arguments = (self.seeds, self.seed, numbers, self.folder, theirs)
        self.process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
        self.process.start()
        theirs.close()

    def after_death(self) -> None:
        """Go on behind the file at which the process died."""
        self.process.kill()
        self.process.join()
        self.pipe.close()
        at = self.left.index(self.at) + 1 if self.at >= 0 else 1
        self.begin(self.left[at:])


def campaign(seeds: Seeds, options: argparse.Namespace, folder: Path) -> list[str]:
    """Try all files; prints the counts and gives the faults."""
    counts: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    slowest, most = (0.0, -1), (0, -1)
    workers = {
        Worker(
            seeds,
            options.seed,
            range(options.first + k, options.first + options.files, options.processes),
            folder / str(k),
        )
        for k in range(options.processes)
    }

    def fault(worker: Worker, number: int, what: str) -> None:
        faults.append(f"file {number}: {what}")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            path = make_file(seeds, options.seed, number, worker.folder)
            path.rename(options.keep / f"{number}-{path.name}")

    while workers:
        wait([worker.pipe for worker in workers], timeout=1)
        for worker in list(workers):
            while not worker.pipe.closed and worker.pipe.poll():
                try:
                    number, became, seconds, held = worker.pipe.recv()
                except EOFError:
                    worker.process.join()
                    if worker.process.exitcode == 0:
                        workers.discard(worker)
                    else:
                        fault(worker, worker.at, f"died with {worker.process.exitcode}")
                        worker.after_death()
                    break
                worker.at, worker.since = number, time.monotonic()
                if not became:
                    continue
                plain = became in ("read", "read, not written") or became.startswith("refused")
                counts[became if plain else "faults"] += 1
                slowest, most = max(slowest, (seconds, number)), max(most, (held, number))
                if not plain:
                    fault(worker, number, became)
                elif held > BUDGET or seconds > SLOWEST_S:
                    fault(worker, number, f"{seconds:.1f} s, {held / 2**20:.0f} MiB")
            slow = worker.at >= 0 and time.monotonic() - worker.since > HANGING_S
            if slow and worker in workers:
                fault(worker, worker.at, f"more than {HANGING_S:g} s on the clock")
                worker.after_death()
    print(f"{sum(counts.values())} files of {len(seeds)} kinds: {dict(counts.most_common())}")
    print(f"slowest {slowest[0]:.2f} s (file {slowest[1]}), ", end="")
    print(f"most memory {most[0] / 2**20:.0f} MiB (file {most[1]})")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the files that are faults")
    parser.add_argument("--only", type=int, help="try the file of this number alone, here")
    options = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="unfade-fuzz-") as name:
        made = Path(name) / "seeds"
        made.mkdir()
        seeds = make_seeds(made)
        if options.only is not None:
            print(try_file(make_file(seeds, options.seed, options.only, Path(name))))
            return 0
        faults = campaign(seeds, options, Path(name))
    for line in faults:
        print(line)
    print(f"{len(faults)} faults, {time.perf_counter() - start:.0f} s")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
