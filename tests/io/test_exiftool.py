"""What exiftool, which we did not write, sees in a photo's file and in the file written from it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile

from unfade.io.icc import write_profile
from unfade.io.pages import join_pages
from unfade.io.read import read
from unfade.io.write import write
from unfade.profile import ADOBE_RGB

pytestmark = pytest.mark.skipif(
    shutil.which("exiftool") is None,
    reason="exiftool is not installed (Debian: libimage-exiftool-perl)",
)

RNG = np.random.default_rng(9)
FILE = ("System:", "ExifTool:", "File:FileSize", "SourceFile")
"""Groups of exiftool about the file on this disk."""

CHANGED = {
    "IFD0:Software",
    "IFD0:Orientation",
    "ExifIFD:ExifImageWidth",
    "ExifIFD:ExifImageHeight",
}
TURNED = {
    *("IFD0:XResolution", "IFD0:YResolution"),
    *("PNG-pHYs:PixelsPerUnitX", "PNG-pHYs:PixelsPerUnitY"),
}
"""What is changed besides where a picture that lay on its side is written upright."""

CODED = (
    *("File:", "IFD0:Strip", "IFD0:Tile", "IFD0:RowsPerStrip", "IFD0:Compression"),
    *("IFD0:ImageWidth", "IFD0:ImageHeight", "IFD0:PlanarConfiguration", "IFD0:Predictor"),
    *("IFD0:BitsPerSample", "IFD0:SampleFormat", "IFD0:SamplesPerPixel", "IFD0:Photometric"),
    *("PNG:ImageWidth", "PNG:ImageHeight", "PNG:Filter", "PNG:Interlace", "PNG:Compression"),
    *("PNG:BitDepth", "PNG:ColorType", "RIFF:", "QuickTime:", "Composite:", "IFD1:"),
)
"""How the picture is stored, and the thumbnail, which shows it unrestored."""

SAID = (
    "-IFD0:Make=Nikon", "-IFD0:Model=LS-5000", "-IFD0:Artist=Oma Ä", "-IFD0:Software=VueScan 9.8",
    "-IFD0:ImageDescription=The garden", "-IFD0:Copyright=(c) Oma", "-IFD0:DocumentName=Album 3",
    "-ExifIFD:DateTimeOriginal=1955:07:01 12:00:00", "-ExifIFD:UserComment=written on the back",
    "-ExifIFD:ExifImageWidth=48", "-ExifIFD:ExifImageHeight=32", "-GPS:GPSLatitude=47.5",
    "-GPS:GPSLatitudeRef=N", "-IFD0:XResolution=2400", "-IFD0:YResolution=1200.5",
    "-IFD0:ResolutionUnit=2", "-IFD0:ModifyDate=2020:01:02 03:04:05",
    "-XMP-dc:Title=Garden", "-XMP-dc:Subject=family", "-XMP-photoshop:City=Bern",
    "-XMP-iptcCore:Location=Altstadt",
)  # fmt: skip
IPTC = ("-IPTC:Caption-Abstract=The garden", "-IPTC:Keywords=family", "-IPTC:Keywords=1955")


def exiftool(*arguments: str) -> str:
    done = subprocess.run(["exiftool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def seen(*paths: Path) -> list[dict[str, object]]:
    """Every tag that exiftool finds, by group and name, for each file; binary ones as base64."""
    tables = json.loads(exiftool("-j", "-a", "-G1", "-s", "-u", "-b", "-n", *map(str, paths)))
    return [
        {name: value for name, value in table.items() if not name.startswith(FILE)}
        for table in tables
    ]


def photo_file(path: Path, turn: int = 1, **options: object) -> Path:
    """A picture with all that a scanner and an archivist say about it."""
    array = RNG.integers(0, 256, (32, 48, 3), np.uint8)
    if path.suffix == ".tif" and options:
        tifffile.imwrite(path, array, photometric="rgb", metadata=None, **options)  # type: ignore[arg-type]
    else:
        pyvips.Image.new_from_array(array).write_to_file(str(path), strip=True)
    icc = path.with_suffix(".icc")
    icc.write_bytes(write_profile(ADOBE_RGB))
    said = [*SAID, f"-IFD0:Orientation#={turn}", f"-ICC_Profile<={icc}"]
    said += IPTC if path.suffix in (".jpg", ".tif") else []
    said += ["-Comment=first", "-JFIF:ResolutionUnit="] if path.suffix == ".jpg" else []
    said += ["-PNG:Author=Oma"] if path.suffix == ".png" else []
    said += ["-IFD0:PageName=p. 7", "-IFD0:PageNumber=7 12"] if path.suffix == ".tif" else []
    exiftool("-q", "-overwrite_original", "-n", *said, str(path))
    return path


def differences(before: dict[str, object], after: dict[str, object]) -> dict[str, object]:
    """Tags of the first that are not the same in the second, except those of the coding."""
    return {
        name: (value, after.get(name))
        for name, value in before.items()
        if after.get(name) != value and not name.startswith(CODED)
    }


@pytest.mark.parametrize(
    ("suffix", "turn"),
    [(".jpg", 6), (".jpg", 1), (".png", 6), (".tif", 6), (".webp", 1), (".avif", 1)],
)
def test_all_that_is_said_survives_byte_for_byte(tmp_path: Path, suffix: str, turn: int) -> None:
    source = photo_file(tmp_path / f"a{suffix}", turn)
    write(read(source), tmp_path / f"b{suffix}")
    before, after = seen(source, tmp_path / f"b{suffix}")
    assert len(before) > 50
    assert set(differences(before, after)) <= CHANGED | (TURNED if turn == 6 else set())
    added = {name for name in set(after) - set(before) if not name.startswith(CODED)}
    assert added <= CHANGED
    assert str(after["IFD0:Software"]).startswith("VueScan 9.8; unfade")
    assert after["IFD0:Orientation"] == 1
    height, width = (32, 48) if turn == 1 else (48, 32)
    across, down = (2400, 1200.5) if turn == 1 else (1200.5, 2400)
    assert (after["IFD0:XResolution"], after["IFD0:YResolution"]) == (across, down)
    sides = after["ExifIFD:ExifImageHeight"], after["ExifIFD:ExifImageWidth"]
    assert sides == (height, width)


def test_tags_survive_from_the_other_byte_order(tmp_path: Path) -> None:
    source = photo_file(tmp_path / "a.tif", byteorder=">")
    write(read(source), tmp_path / "b.tif")
    assert set(differences(*seen(source, tmp_path / "b.tif"))) <= CHANGED


def test_tags_survive_in_a_bigtiff(tmp_path: Path) -> None:
    # exiftool reads BigTIFF but does not write it.
    join_pages([photo_file(tmp_path / "a.tif")], tmp_path / "big.tif", big=True)
    write(read(tmp_path / "big.tif"), tmp_path / "b.tif")
    assert (tmp_path / "b.tif").read_bytes()[2] == 43
    # It gives the directories of a BigTIFF other names, so the two are compared with each other.
    before, after = seen(tmp_path / "big.tif", tmp_path / "b.tif")
    assert before["IFD0:Artist"] == "Oma Ä" and set(differences(before, after)) <= CHANGED


def test_what_a_photo_says_goes_into_other_formats(tmp_path: Path) -> None:
    places = [(a, b) for a in (".jpg", ".png", ".tif") for b in (".jpg", ".png", ".tif")]
    written = [tmp_path / f"{a[1:]}-to{b}" for a, b in places]
    for (source, _), path in zip(places, written, strict=True):
        original = tmp_path / f"a{source}"
        write(read(original if original.exists() else photo_file(original)), path)
    for told in seen(*written):
        assert told["IFD0:Artist"] == "Oma Ä" and told["XMP-dc:Title"] == "Garden"
        assert told["ExifIFD:DateTimeOriginal"] == "1955:07:01 12:00:00"
        assert told["ICC_Profile:ProfileDescription"] == ADOBE_RGB.name
        assert (told["IFD0:XResolution"], told["IFD0:YResolution"]) == (2400, 1200.5)


@pytest.mark.parametrize(("source", "target"), [(".jpg", ".tif"), (".tif", ".jpg")])
def test_captions_go_from_jpeg_to_tiff_and_back(tmp_path: Path, source: str, target: str) -> None:
    first, other = tmp_path / f"a{source}", tmp_path / f"b{target}"
    write(read(photo_file(first)), other)
    write(read(other), tmp_path / f"c{source}")
    for told in seen(first, other, tmp_path / f"c{source}"):
        assert told["IPTC:Caption-Abstract"] == "The garden"
        assert told["IPTC:Keywords"] == ["family", 1955]
        assert not any(name.startswith("ExifTool:") for name in told), told
    assert "Warning" not in exiftool("-Warning", str(other))


def test_a_maker_note_keeps_its_place_in_the_block(tmp_path: Path) -> None:
    source = photo_file(tmp_path / "a.jpg")
    before = source.read_bytes()
    at = before.index(b"Exif\0\0")
    write(read(source), tmp_path / "b.jpg")
    after = (tmp_path / "b.jpg").read_bytes()
    new = after.index(b"Exif\0\0")
    # Behind the eight bytes of the header, whose offset points to the new directory, and apart
    # from the numbers changed in place, every byte lies where it lay.
    length = int.from_bytes(before[at - 2 : at], "big") - 8
    differing = sum(
        a != b for a, b in zip(before[at + 14 : at + length], after[new + 14 :], strict=False)
    )
    assert differing <= 8
