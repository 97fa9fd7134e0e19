"""What a photo is a scan of: print, negative or slide, told by its tags, its frame and its size."""

from __future__ import annotations

import re

import numpy as np

from .color import luma
from .io.exif import tags_from_exif
from .io.tiff import Tag
from .photo import Photo, Pixels

SCANNERS = re.compile(
    r"\b(coolscan|ls-?\d{2,4}0|opticfilm|filmscan|flextight|imacon|noritsu|frontier|sp-?3000"
    r"|pakon|dimage scan|primefilm|proscan|crystalscan|rps|hs-1800|nikon scan|scan dual)",
    re.IGNORECASE,
)
"""Film scanners, as they sign in Make, Model and Software."""

WORDS = {
    "slide": re.compile(
        r"\b(slide|diapositive?|transparency|kodachrome|ektachrome|fujichrome|velvia|provia"
        r"|agfachrome)\b",
        re.IGNORECASE,
    ),
    "negative": re.compile(
        r"\b(negatives?|portra|ektar|tri-?x|hp5|fp4|t-?max|fujicolor|superia|kodacolor)\b",
        re.IGNORECASE,
    ),
    "print": re.compile(r"\b(print|paper|albumen|postcard|carte de visite)\b", re.IGNORECASE),
}
"""Words in a photo's description that name its medium."""

MAKE, MODEL, DESCRIPTION, SOFTWARE = 271, 272, 270, 305

FRAMES_MM = ((24, 36), (45, 60), (60, 60), (60, 70), (60, 90))
FILM_PPI = 1200
"""Below this resolution nobody scans film; a print this small is rare above it."""


def find_medium(photo: Photo) -> tuple[str | None, str]:
    """Tell the medium of a photo by what speaks loudest.

    Returns:
        `print`, `negative`, `slide`, or None where nothing speaks; and the evidence.
    """
    given = photo.metadata.medium
    if given in WORDS:
        return given, f"the file says {given}"
    described = _text(photo, DESCRIPTION)
    for medium, words in WORDS.items():
        if match := words.search(described):
            return medium, f"described as {match.group()!r}"
    frame = frame_tone(photo.proxy())
    film = _film_evidence(photo)
    if film:
        slide = frame == "black" and photo.infrared is None
        return ("slide", f"{film}, in a black frame") if slide else ("negative", film)
    if frame == "paper":
        return "print", "a white paper border"
    return None, "neither film nor a paper border"


def _film_evidence(photo: Photo) -> str:
    if photo.infrared is not None:
        return "the scan has an infrared plane, as film scanners make"
    signed = " ".join(_text(photo, tag) for tag in (MAKE, MODEL, SOFTWARE))
    if match := SCANNERS.search(signed):
        return f"a film scanner signed: {match.group()!r}"
    if (size := film_frame_mm(photo)) is not None:
        return f"the original measures {size[0]:.0f} x {size[1]:.0f} mm, a frame of film"
    return ""


def film_frame_mm(photo: Photo) -> tuple[float, float] | None:
    """Give the size of the original in millimetres if it is that of a film frame, else None.

    The longer and the shorter side may miss a known frame by a tenth, for crops and mounts.
    """
    ppi = photo.metadata.resolution_ppi
    if ppi is None or min(ppi) < FILM_PPI:
        return None
    width, height = photo.size[1] / ppi[0] * 25.4, photo.size[0] / ppi[1] * 25.4
    short, long = sorted((width, height))
    fits = any(
        abs(short - low) <= 0.1 * low and abs(long - high) <= 0.1 * high for low, high in FRAMES_MM
    )
    return (short, long) if fits else None


def frame_tone(pixels: Pixels) -> str:
    """Look at the outermost 1.5 % of a picture: `black`, `paper` (white, even), or `''`.

    Three of the four sides must agree.
    """
    tones = luma(pixels)
    width = max(2, round(0.015 * max(tones.shape)))
    if min(tones.shape) < 8 * width:
        return ""
    sides = (tones[:width], tones[-width:], tones[:, :width], tones[:, -width:])
    even = [float(np.median(side)) for side in sides if float(np.std(side)) < 0.035]
    if sum(tone < 0.06 for tone in even) >= 3:
        return "black"
    return "paper" if sum(0.75 < tone < 0.985 for tone in even) >= 3 else ""


def _text(photo: Photo, number: int) -> str:
    tag = _tags(photo).get(number)
    return tag.value.rstrip(b"\0 ").decode("utf-8", "replace") if tag else ""


def _tags(photo: Photo) -> dict[int, Tag]:
    return tags_from_exif(photo.metadata.fields.get("exif-data", b""))
