"""What a scanner's infrared plane says: dyes let infrared through, dust does not.

In density, D = -log10(light), an infrared plane that lies over its picture is a sum:

    D_ir(x, y) = a . D_visible(x, y) + light(x, y) + dust(x, y)

The first part is the picture: dyes, above all cyan, are not quite clear in infrared. It is found
by a robust regression over the frame and taken off. Metallic silver and the dense cyan of
Kodachrome stop infrared as they stop light; there `a` is large, nobody can tell picture from dust,
and the plane is refused. The second part is how unevenly the lamp shines. What remains is dust, but
for the holder of the film at the edges of the scan, which stops all light alike.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from ..photo import Pixels
from .density import to_density
from .negative import film_area
from .registration import Place

Plane = NDArray[np.float32]
Numbers = NDArray[np.float64]

MOST_SLOPE, MOST_REACH = 0.25, 0.22
"""Infrared density per density of a neutral grey, and infrared density between the 1st and 99th
percentile of the picture, from which on the picture is taken for dust. Dyes of common films stay
below 0.1; silver and dense Kodachrome are above 0.3."""

SHOWN = 0.3
"""Share of the variance that the picture must explain before its slope is believed."""

DIMMEST, NOISIEST = 0.03, 0.05
"""Infrared light in the median, and noise in density, beyond which nothing can be seen."""

HOLDER = 0.05
"""Light in all planes, below which it is the holder that lies at the edge of the scan."""

HAIR_PX, MARGIN_PX = 3, 4
"""In the small copy: half the width of what may cross the edge and is no holder; and how far the
shadow of a holder reaches."""

FIELD_CELL = 16
ROUNDS = 12

LEAST, OVER_NOISE = 0.04, 4.0
"""Dust takes at least this share of the infrared light, and this many times the noise."""

EDGE, SOFT = 0.3, 0.12
"""Dust ends where it takes this share of what it takes in its middle; and half the width of the
step from 0 to 1 there."""

MIDDLE_PX = 6
HALO_PX = 16
"""What `find_dust` must see around a pixel."""


@dataclasses.dataclass(frozen=True)
class CrossTalk:
    """How the picture shows in the infrared plane, and how the light falls.

    Attributes:
        slopes: Infrared density per density of each visible channel.
        low, high: Range of the picture's infrared density; what lies outside is dust.
        field: (h, w) infrared density of the clear frame, a small picture of the whole.
        film: (h, w) 1 where there is film and 0 where its holder is, a small picture of the whole.
        explained: Share of the variance of the infrared density that the picture explains, 0 to 1.
        light: Median of the infrared plane.
    """

    slopes: tuple[float, ...]
    low: float
    high: float
    field: Plane
    film: Plane
    explained: float
    light: float

    @property
    def slope(self) -> float:
        """Infrared density per density of a neutral grey."""
        return sum(self.slopes)

    def refusal(self) -> str:
        """Why the plane does not tell where dust is, or `''` if it does."""
        if self.light < DIMMEST:
            return f"the infrared plane is dark (median {self.light:.3f})"
        reach = self.high - self.low
        if self.explained < SHOWN or (self.slope < MOST_SLOPE and reach < MOST_REACH):
            return ""
        return (
            f"the infrared plane shows the picture ({self.explained:.0%} of it explained, "
            f"{self.slope:.2f} of its density), as silver and Kodachrome do"
        )

    def take_off(
        self, infrared: Plane, pixels: Pixels, place: Place, size: tuple[int, int]
    ) -> Plane:
        """Give the infrared density that neither picture nor light explain; 0 at the holder.

        Args:
            infrared: (h, w) of a piece, lying over its picture.
            pixels: (h, w, C) of the same piece.
            place: Where in the photo it is.
            size: (height, width) of the photo.
        """
        slopes = np.asarray(self.slopes, np.float32)
        picture = np.clip(to_density(pixels) @ slopes, self.low, self.high)
        lamp = spread(self.field, place, size)
        film = spread(self.film, place, size) > 0.5
        return np.asarray((to_density(infrared) - picture - lamp) * film, np.float32)


def measure_crosstalk(infrared: Plane, pixels: Pixels) -> CrossTalk:
    """Find how the picture shows in the infrared plane, and how its light falls.

    Iteratively reweighted least squares with Tukey's biweight (Beaton and Tukey, 1974), so that
    dust does not count. Nor does the holder of the film: two clusters of points, film and holder,
    would be taken for a line.

    Args:
        infrared: (h, w), encoded like the picture, shrunk with it and lying over it.
        pixels: (h, w, C).
    """
    film = _film(infrared, pixels)
    seen = to_density(_soft(infrared, 1.5)).astype(np.float64)
    visible = to_density(_soft(pixels, 1.5)).reshape(seen.size, -1)
    channels = visible.shape[1]
    terms = np.concatenate([visible, _polynomials((seen.shape[0], seen.shape[1]))], axis=1)
    chosen = np.flatnonzero(film)
    chosen = chosen[:: max(1, chosen.size // 60_000)]
    answer = _robust_fit(terms[chosen], seen.ravel()[chosen], channels)
    explained = _explained(terms[chosen], seen.ravel()[chosen], answer, channels)
    if explained < SHOWN and abs(answer[:channels].sum()) >= MOST_SLOPE:
        # A line through something else, such as film and what covers it: the picture has no part.
        terms[:, :channels] = 0
        answer = _robust_fit(terms[chosen], seen.ravel()[chosen], channels)
    picture = terms[:, :channels] @ answer[:channels]
    low, high = np.percentile(picture[chosen], (1, 99))
    lamp = (terms[:, channels:] @ answer[channels:]).reshape(seen.shape)
    return CrossTalk(
        slopes=tuple(float(slope) for slope in answer[:channels]),
        low=float(low),
        high=float(high),
        field=_field(np.where(film, seen - picture.reshape(seen.shape), lamp)),
        film=film.astype(np.float32),
        explained=explained,
        light=float(np.median(infrared[film])),
    )


def find_dust(rest: Plane, noise: float) -> Plane:
    """Turn what picture and light do not explain into the probability of dust.

    Infrared is a little out of focus, so the attenuation rises and falls softly over the edge of
    a particle. The edge is put where it reaches a share of what it is in the particle's middle,
    which keeps the halo of dense particles out and the whole of thin ones in.

    Args:
        rest: (H, W) density, as `CrossTalk.take_off` gives it; read with a halo of HALO_PX.
        noise: Standard deviation of its noise.
    Returns:
        (H, W) float32 in [0, 1].
    """
    taken = 1 - np.power(10, -np.maximum(_soft(rest, 0.6), 0))
    middle = cv2.dilate(taken, _disk(MIDDLE_PX))
    floor = max(LEAST, OVER_NOISE * noise)
    edge = np.maximum(floor, EDGE * middle)
    soft = np.maximum(0.5 * floor, SOFT * middle)
    return np.asarray(np.clip(0.5 + 0.5 * (taken - edge) / soft, 0, 1), np.float32)


def noise_of(rest: Plane) -> float:
    """Standard deviation of the finest detail that is not dust, by the median; 0 of one pixel."""
    detail = np.diff(rest, axis=int(rest.shape[1] >= rest.shape[0]))
    if not detail.size:
        return 0.0
    return 1.4826 * float(np.median(np.abs(detail - np.median(detail)))) / np.sqrt(2)


def spread(field: Plane, place: Place, size: tuple[int, int]) -> Plane:
    """Enlarge a small picture of the whole to what lies at a place of it."""
    rows, cols = place
    y = (np.arange(rows.start, rows.stop) + 0.5) * (field.shape[0] / size[0]) - 0.5
    x = (np.arange(cols.start, cols.stop) + 0.5) * (field.shape[1] / size[1]) - 0.5
    across, down = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    laid = cv2.remap(field, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, np.float32)


def _film(infrared: Plane, pixels: Pixels) -> NDArray[np.bool_]:
    """Which pixels show film and no holder, with some distance; all where nothing else is left."""
    covered = (~film_area(np.dstack([infrared, pixels]), HOLDER, 1.0)).astype(np.uint8)
    # A holder goes on beyond the edge, so it is wide also where the scan shows little of it.
    beyond = 4 * HAIR_PX
    covered = np.pad(covered, beyond, "edge")
    wide = cv2.morphologyEx(covered, cv2.MORPH_OPEN, _disk(HAIR_PX))
    shadow = cv2.dilate(wide, _disk(MARGIN_PX))[beyond:-beyond, beyond:-beyond]
    return np.asarray(shadow == 0) if not shadow.all() else np.ones(infrared.shape, np.bool_)


def _disk(radius_px: int) -> NDArray[np.uint8]:
    sides = (2 * radius_px + 1, 2 * radius_px + 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, sides), np.uint8)


def _explained(terms: Numbers, seen: Numbers, answer: Numbers, channels: int) -> float:
    """Share of the variance that the picture explains beyond the lamp; 0 if it adds to it."""
    even = seen - terms[:, channels:] @ answer[channels:]
    rest = even - terms[:, :channels] @ answer[:channels]
    return max(0.0, float(1 - _spread(rest) / max(_spread(even), 1e-12)))


def _polynomials(size: tuple[int, int]) -> Numbers:
    y, x = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]), indexing="ij")
    return np.stack([np.ones(size), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)


def _robust_fit(terms: Numbers, seen: Numbers, channels: int) -> Numbers:
    """Tukey's biweight; the visible channels are alike, so a faint ridge keeps them apart."""
    # The light of the lamp cannot be told from itself in a photo of a pixel or two.
    ridge = np.full(terms.shape[1], 1e-9 * len(seen))
    ridge[:channels] = 1e-4 * len(seen)
    weight = np.ones(len(seen))
    for _ in range(ROUNDS):
        weighted = terms * weight[:, None]
        answer = np.linalg.solve(weighted.T @ terms + np.diag(ridge), weighted.T @ seen)
        miss = seen - terms @ answer
        scale = max(1.4826 * float(np.median(np.abs(miss))), 1e-4)
        weight = np.square(np.clip(1 - np.square(miss / (4.685 * scale)), 0, None))
    return np.asarray(answer, np.float64)


def _spread(values: Numbers) -> float:
    """A variance that dust does not raise."""
    low, high = np.percentile(values, (5, 95))
    return float(np.square((high - low) / 3.29))


def _field(rest: Numbers) -> Plane:
    """Medians of cells, smoothed: the light of the lamp without dust."""
    rows, cols = (max(1, round(side / FIELD_CELL)) for side in rest.shape)
    cells = [
        [np.median(cell) for cell in np.array_split(row, cols, axis=1)]
        for row in np.array_split(rest, rows)
    ]
    return _soft(np.asarray(cv2.medianBlur(np.asarray(cells, np.float32), 5), np.float32), 1.0)


def _soft(plane: Plane, radius_px: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), radius_px), np.float32)
