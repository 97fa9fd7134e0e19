"""What flows: a `Photo` goes in, a stage answers with an `Edit`, the loop writes a `Step`."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .profile import Profile
from .scratch import release

PROXY_AT_ONCE = 2**25
"""Pixels of a photo that may be in memory to be shrunk."""

Pixels = NDArray[np.float32]
"""(H, W, C) float32 in [0, 1] as encoded in the file; C is 1 (grey) or 3 (red, green, blue)."""

Mask = NDArray[np.float32]
"""(H, W) float32 in [0, 1]; 1 is damaged and to be filled."""


class Origin(enum.IntEnum):
    """What became of a pixel, from least to most invented; a pixel keeps the highest it earned."""

    UNTOUCHED = 0
    TONE = 1
    DENOISED = 2
    FILLED = 3
    GENERATED = 4
    COLOR_INFERRED = 5


class Damage(enum.IntEnum):
    """What kind of damage a pixel suffered; the classes of the damage network, in this order."""

    NONE = 0
    DUST = 1
    """Dust and dirt: specks that lie on the object."""
    HAIR = 2
    """Hairs, lint and fibers."""
    SCRATCH = 3
    """Scratches, line scratches of a projector, abrasion."""
    CREASE = 4
    """Creases, folds, cracks and tears."""
    STAIN = 5
    """Stains, foxing, tide lines, tape, fingerprints, burns and light leaks."""
    LOSS = 6
    """Missing corners, holes, lost emulsion."""
    ORIGINAL = 7
    """Not acquired but part of the object: paper texture, halftone, handwriting, retouching."""

    @property
    def acquired(self) -> bool:
        """Whether it came after the photo was made, so that removing it restores the photo."""
        return self not in (Damage.NONE, Damage.ORIGINAL)


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What the file said beside its pixels, carried to the output.

    Attributes:
        source: Path or name the photo came from; empty for an array.
        format: File format in lower case, such as `jpeg`, `png`, `tiff`; empty for an array.
        bits: Bits per sample in the file: 8, 16 or 32 (float).
        resolution_ppi: Pixels per inch, horizontal and vertical; None if the file does not say.
        medium: `print`, `negative`, `slide`, or empty where it is not known.
        profile: What the numbers of the pixels mean; None is sRGB.
        fields: Raw blocks to carry over, by libvips field name: ICC profile, EXIF, XMP, IPTC ...
        encoding: How the file was stored, by libvips saver option: `compression`, `tile`, `Q` ...
    """

    source: str = ""
    format: str = ""
    bits: int = 8
    resolution_ppi: tuple[float, float] | None = None
    medium: str = ""
    profile: Profile | None = None
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    encoding: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Grain:
    """Film grain (or noise), as `film.grain.measure_grain` finds it before anything is changed.

    Attributes:
        tones: Mean tones in [0, 1] at which the amplitude was measured, ascending.
        amplitude: Standard deviation at each tone, per channel: `len(tones)` rows of C values in
            [0, 1] units.
        radius_px: Correlation length: standard deviation in pixels of the Gaussian that, run over
            white noise, gives the measured spectrum; 0 is white.
        channel_correlation: Mean correlation of the grain between color channels, 0 to 1.
    """

    tones: tuple[float, ...]
    amplitude: tuple[tuple[float, ...], ...]
    radius_px: float = 0.0
    channel_correlation: float = 1.0

    @property
    def level(self) -> float:
        """Mean amplitude over all tones and channels, in [0, 1] units."""
        return float(np.mean(self.amplitude))


@dataclasses.dataclass(frozen=True)
class Step:
    """One line of history: which stage ran, with what, and what it found and did."""

    stage: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    models: Mapping[str, str] = dataclasses.field(default_factory=dict)
    engine: str = ""
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    changed_pixels: int = 0
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Edit:
    """What a stage may change. An empty one means "nothing to do"; `notes` say why.

    `notes["evidence"]` is one short sentence for people: `noise 1.1/255: skipped`.
    """

    pixels: Pixels | None = None
    damage: Mask | None = None
    kinds: NDArray[np.uint8] | None = None
    grain: Grain | None = None
    faces: tuple[Any, ...] | None = None
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """One photograph on its way through the darkroom. Never changed in place.

    Attributes:
        pixels: (H, W, C) float32 in [0, 1], as encoded in the file; 8- and 16-bit integers survive
            the round trip exactly.
        damage: Mask of what is damaged, or None while nobody looked.
        kinds: (H, W) uint8 of `Damage`: what kind each damaged pixel is, or None if not known.
        infrared: (H, W) float32 in [0, 1], the scanner's fourth plane, or None. Dust is dark in it.
        alpha: (H, W) float32 in [0, 1], carried through untouched, or None.
        origin: (H, W) uint8 of `Origin`, or None while every pixel is untouched.
        grain: The grain the photo came with, or None while nobody measured it.
        faces: Faces found, or empty.
        metadata: What the file said beside its pixels.
        history: The steps done so far.
    """

    pixels: Pixels
    damage: Mask | None = None
    kinds: NDArray[np.uint8] | None = None
    infrared: NDArray[np.float32] | None = None
    alpha: NDArray[np.float32] | None = None
    origin: NDArray[np.uint8] | None = None
    grain: Grain | None = None
    faces: tuple[Any, ...] = ()
    metadata: Metadata = Metadata()
    history: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        shape, kind = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 3) or kind != np.float32 or 0 in shape:
            raise ValueError(
                f"pixels must be (H, W, 1 or 3) float32 in [0, 1], got {shape} {kind}; "
                "use Photo.from_array for other arrays"
            )
        for name in ("damage", "kinds", "infrared", "alpha", "origin"):
            plane = getattr(self, name)
            if plane is not None and plane.shape != shape[:2]:
                raise ValueError(f"{name} must be {shape[:2]} like the pixels, got {plane.shape}")

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Photo:
        """Make a photo of (H, W) or (H, W, C) pixels, uint8, uint16 or float in [0, 1].

        A fourth channel (or the second of two) is taken as alpha.

        Raises:
            ValueError: The array has another shape or type, or floats outside [0, 1] or not finite.
        """
        array = array[:, :, None] if array.ndim == 2 else array
        if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4):
            raise ValueError(f"a photo must be (H, W) or (H, W, 1 to 4), got {array.shape}")
        bits = {"uint8": 8, "uint16": 16}.get(array.dtype.name, 32)
        if bits == 32 and not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"a photo must be uint8, uint16 or float, got {array.dtype}")
        if array.size == 0:
            raise ValueError(f"a photo must have pixels, got {array.shape}")
        if bits == 32 and not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ValueError("a photo of floats must be finite and within 0 to 1")
        scale = np.float32(1 if bits == 32 else 2**bits - 1)
        planes = array.astype(np.float32) / scale
        colors = planes.shape[2] - (planes.shape[2] in (2, 4))
        alpha = planes[:, :, colors].copy() if colors < planes.shape[2] else None
        pixels = np.ascontiguousarray(planes[:, :, :colors])
        return cls(pixels, alpha=alpha, metadata=Metadata(bits=bits))

    def to_array(self) -> NDArray[Any]:
        """Give the pixels as they came: (H, W, C), alpha last, uint8, uint16 or float32."""
        planes = [self.pixels] if self.alpha is None else [self.pixels, self.alpha[:, :, None]]
        array = np.concatenate(planes, axis=2) if len(planes) > 1 else self.pixels
        if self.metadata.bits == 32:
            return array.copy()
        top = 2**self.metadata.bits - 1
        whole: NDArray[Any] = np.rint(np.clip(array, 0, 1) * np.float32(top))
        return whole.astype(np.uint8 if top == 255 else np.uint16)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def last(self, stage: str) -> Step | None:
        """The last step of a stage in the history; None if it never ran."""
        return next((step for step in reversed(self.history) if step.stage == stage), None)

    def proxy(self, longest: int = 512) -> Pixels:
        """Shrink the photo (area average) so that its longer side is at most `longest` pixels.

        One above 32 megapixels is first averaged in blocks of whole pixels, band by band, so that
        it need not be in memory.
        """
        height, width = self.size
        if max(height, width) <= longest:
            return self.pixels
        factor = longest / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        square = max(height, width) // (2 * longest)
        pixels = self.pixels
        if height * width > PROXY_AT_ONCE and square > 1:
            pixels = _averaged(pixels, square)
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32).reshape(size[1], size[0], -1)

    def apply(self, edit: Edit, step: Step, origin: NDArray[np.uint8] | None) -> Photo:
        """Make the photo that follows from an edit, with its line of history."""
        changes: dict[str, Any] = {
            name: getattr(edit, name)
            for name in ("pixels", "damage", "kinds", "grain", "faces")
            if getattr(edit, name) is not None
        }
        return dataclasses.replace(self, **changes, origin=origin, history=(*self.history, step))


def _averaged(pixels: Pixels, square: int) -> Pixels:
    """Average blocks of about a side in pixels; fewer rows and columns than blocks are left out."""
    height, width = (max(1, side // square) for side in pixels.shape[:2])
    tall, wide = pixels.shape[0] // height, pixels.shape[1] // width
    small = np.empty((height, width, pixels.shape[2]), np.float32)
    rows = max(1, 2**22 // (pixels.shape[1] * tall))
    for top in range(0, height, rows):
        below = min(top + rows, height)
        band = pixels[top * tall : below * tall, : width * wide]
        size = (width, below - top)
        shrunk = cv2.resize(band, size, interpolation=cv2.INTER_AREA)
        small[top:below] = np.asarray(shrunk).reshape(small[top:below].shape)
        release(pixels)
    return small
