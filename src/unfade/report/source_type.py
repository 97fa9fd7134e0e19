"""IPTC digital source type: what a picture is, in one word that search engines and archives read.

A picture that nobody changed keeps the word its file came with, or gets the word of its medium.
Tone, noise and the filling of scratches from their surroundings are corrections by algorithm.
Content that a network generated, or color it inferred, was not in the scan, and the word says so;
a file that came with such a word never loses it.

References:
    IPTC NewsCodes, scheme digitalsourcetype, http://cv.iptc.org/newscodes/digitalsourcetype/
"""

from __future__ import annotations

from ..photo import Origin, Photo
from .history import bands

SCHEME = "http://cv.iptc.org/newscodes/digitalsourcetype/"
ENHANCED = SCHEME + "algorithmicallyEnhanced"
GENERATED = SCHEME + "compositeWithTrainedAlgorithmicMedia"
MEDIA = {
    "print": SCHEME + "print",
    "negative": SCHEME + "negativeFilm",
    "slide": SCHEME + "positiveFilm",
}
SYNTHETIC = frozenset(
    {"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"}
)
INVENTED = (Origin.GENERATED, Origin.COLOR_INFERRED)


def digital_source_type(origin: Origin, medium: str = "", before: str = "") -> str:
    """The word for pixels, or for a whole photo by the most inventive thing done to it.

    Args:
        origin: What became of the pixels.
        medium: `print`, `negative`, `slide`, or empty where it is not known.
        before: The word that the file came with, or empty.
    Returns:
        An address of the IPTC scheme; empty where nothing was done and nothing is known.
    """
    if before.rpartition("/")[2] in SYNTHETIC:
        return before
    if origin in INVENTED:
        return GENERATED
    if origin != Origin.UNTOUCHED:
        return ENHANCED
    return before or MEDIA.get(medium, "")


def most_invented(photo: Photo) -> Origin:
    """The most inventive thing that became of any pixel of a photo."""
    if photo.origin is None:
        return Origin.UNTOUCHED
    return Origin(max(int(band.max()) for band in bands(photo.origin)))
