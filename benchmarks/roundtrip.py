"""Does a file come back as it was: pixels to the bit, and everything exiftool sees?

    python benchmarks/roundtrip.py [--huge]

Every format x depth x channel layout x profile x way of storing is made, read, and written with
nothing done to it (by `io.write`, not copied). Pixels are decoded by tifffile and libvips, not by
this library; metadata is compared tag by tag with exiftool, except how pixels are stored, Software
and orientation. `--huge` writes a single picture of 4.3 GB instead, which only a BigTIFF holds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pyvips
import tifffile

from unfade.io.icc import write_profile
from unfade.io.read import read
from unfade.io.write import write
from unfade.photo import Metadata, Photo
from unfade.profile import ADOBE_RGB, SRGB, Curve, Profile

RNG = np.random.default_rng(0)
SIZE = (37, 53)
DEPTHS = {8: np.uint8, 16: np.uint16, 32: np.float32}
LAYOUTS = {"grey": 1, "grey+alpha": 2, "RGB": 3, "RGBA": 4, "RGBI": 4}
ROMM = ((0.79767, 0.13519, 0.03135), (0.28804, 0.71187, 0.00009), (0.0, 0.0, 0.82491))
PROFILES = {
    "none": None,
    "sRGB": SRGB,
    "Adobe RGB": ADOBE_RGB,
    "ProPhoto": Profile("ROMM RGB", (Curve(1.8, 1, 0, 1 / 16, 1 / 32),) * 3, ROMM),
    "linear": Profile("linear", (Curve(),) * 3, SRGB.primaries),
    "gray 2.2": Profile("Gray gamma 2.2", (Curve(2.2),)),
}
STORED = {
    "none": {},
    "deflate": {"compression": "zlib"},
    "tiles": {"tile": (16, 16)},
    "big-endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
}
TOLD = ["-IFD0:Artist=Oma", "-IFD0:Software=VueScan 9.8", "-XMP-dc:Title=Garden"]
TOLD += ["-IFD0:XResolution=2400", "-IFD0:YResolution=2400", "-IFD0:ResolutionUnit=inches"]
LEFT = ("SourceFile", "System:", "ExifTool:", "File:", "Composite:", "PNG:Image", "PNG:Bit")
LEFT += ("PNG:Color", "PNG:Compression", "PNG:Filter", "PNG:Interlace", "IFD0:Strip", "IFD0:Tile")
LEFT += ("IFD0:RowsPerStrip", "IFD0:Compression", "IFD0:Predictor", "IFD0:Planar", "IFD0:Image")
LEFT += ("IFD0:SampleFormat", "IFD0:Photometric", "IFD0:Software", "IFD0:Orientation")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--huge", action="store_true", help="write a TIFF of more than 4 GiB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.huge:
            write_huge(folder)
            return
        sources = [*tiffs(folder), *pngs(folder)]
        subprocess.run(
            ["exiftool", "-q", "-overwrite_original", *TOLD, "-ext", "tif", "-ext", "png", name],
            check=False, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        pixels = 0
        for source in sources:
            back = write(read(source), target_of(source), before=read(source))
            same = np.array_equal(decode(source), decode(target_of(source)))
            pixels += same and back == SIZE[0] * SIZE[1]
            if not same:
                print(f"pixels differ: {source.name}")
        tags = compare(sources)
        print(f"{len(sources)} files: {pixels} with the same pixels, {tags} with the same metadata")


def tiffs(folder: Path) -> list[Path]:
    made = []
    every = itertools.product(DEPTHS, LAYOUTS, PROFILES, STORED)
    for bits, layout, profile, stored in every:
        if fits(layout, profile) and (layout != "RGBI" or bits == 16):
            path = folder / f"{bits} {layout} {profile} {stored}.tif"
            options = dict(STORED[stored])
            if LAYOUTS[layout] in (2, 4):
                options["extrasamples"] = [0 if layout == "RGBI" else 2]
            kind = "rgb" if LAYOUTS[layout] > 2 else "minisblack"
            chosen = PROFILES[profile]
            icc = write_profile(chosen) if chosen else None
            tifffile.imwrite(
                path, noise(bits, LAYOUTS[layout]), photometric=kind, iccprofile=icc,
                metadata=None, **options,
            )  # fmt: skip
            made.append(path)
    return made


def write_huge(folder: Path) -> None:
    """Write more than 32-bit offsets reach, and read some rows with libvips."""
    size = (12_000, 30_000, 3)
    pixels = np.memmap(folder / "raw", np.float32, "w+", shape=size)
    rows = [0, 1, 5_999, size[0] - 2, size[0] - 1]
    for row in rows:
        pixels[row] = RNG.random(size[1:], np.float32)
    metadata = Metadata(format="tiff", bits=32, encoding={"compression": "none"})
    photo, path = Photo(pixels, metadata=metadata), folder / "huge.tif"
    proven = write(photo, path, before=photo)
    region = pyvips.Region.new(pyvips.Image.new_from_file(str(path)))
    same = all(
        np.array_equal(
            np.frombuffer(region.fetch(0, row, size[1], 1), np.float32), pixels[row].ravel()
        )
        for row in rows
    )
    with path.open("rb") as file:
        big = file.read(4) == b"II+\0"
    print(f"{path.stat().st_size:,} bytes, BigTIFF: {big}, {proven:,} pixels read back")
    print(f"rows read by libvips are the same: {same}")


def pngs(folder: Path) -> list[Path]:
    made = []
    for bits, layout, profile in itertools.product((8, 16), LAYOUTS, PROFILES):
        if fits(layout, profile) and layout != "RGBI":
            path = folder / f"{bits} {layout} {profile}.png"
            samples = LAYOUTS[layout]
            space = {8: ("b-w", "srgb"), 16: ("grey16", "rgb16")}[bits][samples > 2]
            image = pyvips.Image.new_from_array(noise(bits, samples)).copy(interpretation=space)
            if chosen := PROFILES[profile]:
                block = write_profile(chosen)
                image.set_type(pyvips.GValue.blob_type, "icc-profile-data", block)
            image.pngsave(str(path))
            made.append(path)
    return made


def fits(layout: str, profile: str) -> bool:
    chosen = PROFILES[profile]
    return chosen is None or chosen.channels == (1 if layout.startswith("grey") else 3)


def noise(bits: int, samples: int) -> np.ndarray:
    if bits == 32:
        array = RNG.random((*SIZE, samples), np.float32)
    else:
        array = RNG.integers(0, 2**bits, (*SIZE, samples)).astype(DEPTHS[bits])
    return array[:, :, 0] if samples == 1 else array


def decode(path: Path) -> np.ndarray:
    if path.suffix == ".tif":
        return tifffile.imread(path)
    return pyvips.Image.new_from_file(str(path)).numpy()


def target_of(source: Path) -> Path:
    return source.with_name(f"out {source.name}")


def compare(sources: list[Path]) -> int:
    """Count the files in which exiftool sees the same; others are printed."""
    paths = [*sources, *map(target_of, sources)]
    done = subprocess.run(
        ["exiftool", "-j", "-a", "-G1", "-s", "-u", "-b", "-n", *map(str, paths)],
        capture_output=True, check=True,
    )  # fmt: skip
    seen = [
        {name: value for name, value in table.items() if not name.startswith(LEFT)}
        for table in json.loads(done.stdout)
    ]
    same = 0
    for source, before, after in zip(
        sources, seen[: len(sources)], seen[len(sources) :], strict=True
    ):
        wrong = {name for name in before.keys() | after if before.get(name) != after.get(name)}
        same += not wrong
        if wrong:
            print(f"metadata differ: {source.name}: {', '.join(sorted(wrong)[:4])}")
    return same


if __name__ == "__main__":
    main()
