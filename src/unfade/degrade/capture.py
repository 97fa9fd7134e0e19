"""What film, lens, scanner and file do to a picture: grain, noise, blur, low resolution, JPEG.

Each stage is drawn first (its settings and a seed) and applied after; the same settings give the
same pixels. Amplitudes are standard deviations in units of [0, 1]. `severity` of the draw
functions goes from 0 (hardly visible) to 1 (the worst that is still worth restoring).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..film.grain import grain_field
from ..photo import Damage, Edit, Mask, Origin, Photo, Pixels
from ..recipe import Finding
from ..settings import check_settings, setting
from ..tiling import tiles
from .damage import VISIBLE

BLURS = ("gaussian", "disk", "motion")

JPEG_MOST_PX, JPEG_BLOCK_PX = 65_500, 16
"""Side of the largest picture that libjpeg writes, and of a block whose color is halved."""

RESAMPLERS = {
    "nearest": cv2.INTER_NEAREST,
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}

NEITHER = np.float32(0.5)
"""Visibility of damage that counts neither as damage nor as clean; below it damage is faint."""

DOWN = ("area", "linear", "cubic", "lanczos")
UP = ("linear", "cubic", "lanczos", "nearest")


@dataclasses.dataclass(frozen=True)
class AddGrain:
    """Lay film grain over a photo: correlated, strongest where the curve says."""

    name: ClassVar[str] = "grain"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    amplitude: float = setting(0.04, "standard deviation of the grain in mid tones", low=0, high=1)
    radius_px: float = setting(
        0.8, "blur that gives white noise the grain's spectrum", low=0, high=16, unit="px"
    )
    shadows: float = setting(0.5, "amplitude in black over that in mid tones", low=0, high=4)
    highlights: float = setting(0.3, "amplitude in white over that in mid tones", low=0, high=4)
    channel_correlation: float = setting(
        0.5, "1 is grey grain, 0 has independent channels", low=0, high=1
    )
    balance: tuple[float, ...] = setting(
        (1.0, 1.0, 1.0), "amplitude of red, green and blue", low=0, high=4
    )
    sharpening: float = setting(0.0, "how much the scanner sharpened the grain", low=0, high=4)
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.amplitude > 0, f"grain {self.amplitude * 255:.1f}/255")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        pixels = photo.pixels
        channels = pixels.shape[2]
        rng = np.random.default_rng(self.seed)
        noise = grain_field(
            rng, photo.size, channels, self.radius_px, self.channel_correlation, self.sharpening
        )
        noise *= self._strength(pixels)
        if channels == 3 and self.balance != (1.0, 1.0, 1.0):
            noise = np.asarray(cv2.transform(noise, np.diag(self.balance)), np.float32)
        noise += pixels
        return Edit(pixels=np.clip(noise, 0, 1, out=noise))

    def _strength(self, pixels: Pixels) -> NDArray[np.float32]:
        """The amplitude at each tone: the parabola through shadows, mid tones and highlights."""
        slope = -3 * self.shadows + 4 - self.highlights
        bend = 2 * self.shadows - 4 + 2 * self.highlights
        strength = pixels * np.float32(self.amplitude * bend)
        strength += np.float32(self.amplitude * slope)
        strength *= pixels
        strength += np.float32(self.amplitude * self.shadows)
        np.maximum(strength, 0, out=strength)
        return strength


@dataclasses.dataclass(frozen=True)
class AddNoise:
    """Add a sensor's noise: white, with a variance that grows with the light (shot noise)."""

    name: ClassVar[str] = "noise"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    read: float = setting(0.02, "standard deviation in black", low=0, high=1)
    shot: float = setting(0.02, "further standard deviation in white", low=0, high=1)
    channel_correlation: float = setting(
        0.0, "1 is grey noise, 0 has independent channels", low=0, high=1
    )
    seed: int = setting(0, "fixes every random choice", low=0, high=2**63)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        level = np.hypot(self.read, self.shot * np.sqrt(0.5))
        return Finding(bool(level > 0), f"noise {level * 255:.1f}/255")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        pixels = photo.pixels
        rng = np.random.default_rng(self.seed)
        noise = grain_field(
            rng, photo.size, pixels.shape[2], channel_correlation=self.channel_correlation
        )
        if self.shot > 0:
            deviation = pixels * np.float32(self.shot**2)
            deviation += np.float32(self.read**2)
            noise *= np.sqrt(deviation, out=deviation)
        else:
            noise *= np.float32(self.read)
        noise += pixels
        return Edit(pixels=np.clip(noise, 0, 1, out=noise))


@dataclasses.dataclass(frozen=True)
class Blur:
    """Blur as lens and scanner (Gaussian), wrong focus (disk) or an unsteady hand (motion) do."""

    name: ClassVar[str] = "blur"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    kind: str = setting("gaussian", "shape of a blurred point", choices=BLURS)
    radius_px: float = setting(
        1.0, "standard deviation, radius of the disk or half the path", low=0, high=100, unit="px"
    )
    angle: float = setting(
        0.0, "direction of motion, from the x axis towards y", low=0, high=180, unit="degrees"
    )
    taps: int = setting(
        0, "side of the kernel a Gaussian is cut to; 0 takes all of it", low=0, high=999, unit="px"
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.radius_px > 0, f"{self.kind} blur of {self.radius_px:.1f} px")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        if self.radius_px == 0:
            return Edit(notes={"evidence": "no blur"})
        damage = _spread(photo.damage, self._blur)
        return Edit(pixels=self._blur(photo.pixels), damage=damage, kinds=_named(photo, damage))

    def _blur(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.kind == "gaussian":
            width = (self.taps or 2 * int(np.ceil(3 * self.radius_px))) // 2 * 2 + 1
            blurred = cv2.GaussianBlur(pixels, (width, width), self.radius_px)
        else:
            blurred = cv2.filter2D(pixels, -1, blur_kernel(self.kind, self.radius_px, self.angle))
        answer = np.asarray(blurred, np.float32).reshape(pixels.shape)
        return np.clip(answer, 0, 1, out=answer)


@dataclasses.dataclass(frozen=True)
class LowerResolution:
    """Shrink a photo and enlarge it again to its size, as small scans and web copies are."""

    name: ClassVar[str] = "resolution"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    factor: float = setting(2.0, "how many times smaller", low=1, high=64)
    rows: float = setting(
        0.0, "how many times fewer rows, where it differs; 0 as many as columns", low=0, high=64
    )
    down: str = setting("area", "how it is shrunk", choices=DOWN)
    up: str = setting("cubic", "how it is enlarged", choices=UP)

    def __post_init__(self) -> None:
        check_settings(self)

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(self.factor > 1, f"resolution lowered {self.factor:.1f} times")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        height, width = photo.size
        fewer = self.rows or self.factor
        small = (max(1, round(width / self.factor)), max(1, round(height / fewer)))
        if small[0] >= width and small[1] >= height:
            return Edit(notes={"evidence": "no resolution lost"})

        def lower(array: NDArray[np.float32]) -> NDArray[np.float32]:
            shrunk = cv2.resize(array, small, interpolation=RESAMPLERS[self.down])
            large = cv2.resize(shrunk, (width, height), interpolation=RESAMPLERS[self.up])
            answer = np.asarray(large, np.float32).reshape(array.shape)
            return np.clip(answer, 0, 1, out=answer)

        damage = _spread(photo.damage, lower)
        return Edit(pixels=lower(photo.pixels), damage=damage, kinds=_named(photo, damage))


@dataclasses.dataclass(frozen=True)
class CompressJpeg:
    """Write a photo as JPEG and read it back."""

    name: ClassVar[str] = "jpeg"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    quality: int = setting(60, "quality of the encoder", low=1, high=100)
    halved_color: bool = setting(True, "store color at half the resolution (4:2:0)")
    shift: tuple[int, ...] = setting(
        (0, 0), "where the 8 px grid starts, rows and columns", low=0, high=15, unit="px"
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if len(self.shift) != 2:
            raise ValueError(f"jpeg.shift must be two numbers, rows and columns, got {self.shift}")

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(True, f"JPEG of quality {self.quality}")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        rows, cols = self.shift
        color = photo.pixels.shape[2] == 3
        whole = np.asarray(cv2.convertScaleAbs(photo.pixels, alpha=255))
        if rows or cols:
            whole = np.asarray(cv2.copyMakeBorder(whole, rows, 0, cols, 0, cv2.BORDER_REFLECT))
        options = [cv2.IMWRITE_JPEG_QUALITY, int(self.quality)]
        if color:
            sampling = (
                cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
                if self.halved_color
                else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
            )
            options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        back = _through_jpeg(whole, options)
        pixels = np.multiply(back[rows:, cols:], np.float32(1 / 255), dtype=np.float32)
        return Edit(pixels=pixels.reshape(photo.pixels.shape))


def _through_jpeg(whole: NDArray[Any], options: list[int]) -> NDArray[Any]:
    """Write and read (H, W) or (H, W, 3); what no file holds in parts, with the same result.

    Parts begin on the grid of the 16 px blocks, and their halo is wider than what the decoder
    looks at beside a block to smooth its color.
    """
    answer = np.empty_like(whole)
    part = JPEG_MOST_PX // JPEG_BLOCK_PX * JPEG_BLOCK_PX - 2 * JPEG_BLOCK_PX
    for tile in tiles(whole.shape[:2], part, JPEG_BLOCK_PX, JPEG_BLOCK_PX):
        answer[tile.core] = _one_jpeg(whole[tile.read], options)[tile.inner]
    return answer


def _one_jpeg(part: NDArray[Any], options: list[int]) -> NDArray[Any]:
    color = part.ndim == 3 and part.shape[2] == 3
    # The encoder takes blue first; the planes are swapped on the way in and back.
    _, code = cv2.imencode(".jpg", part[:, :, ::-1] if color else part, options)
    back = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR if color else cv2.IMREAD_GRAYSCALE))
    return back[:, :, ::-1] if color else back.reshape(part.shape)


@functools.lru_cache(maxsize=256)
def blur_kernel(kind: str, radius_px: float, angle: float = 0.0) -> NDArray[np.float32]:
    """The picture of a blurred point: a disk, or the path of a moving one; it sums to 1.

    Drawn eight times larger and shrunk, so that radii between whole pixels make a difference.
    """
    fine = 8
    reach = int(np.ceil(radius_px))
    offset = (np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5
    x, y = offset[None, :], offset[:, None]
    if kind == "disk":
        inside = np.hypot(x, y) <= max(radius_px, 0.5 / fine)
    else:
        way = np.deg2rad(angle)
        along, across = x * np.cos(way) + y * np.sin(way), y * np.cos(way) - x * np.sin(way)
        inside = (np.abs(along) <= max(radius_px, 0.5)) & (np.abs(across) <= 0.5)
    side = 2 * reach + 1
    cells = inside.reshape(side, fine, side, fine).mean(axis=(1, 3))
    return np.asarray(cells / cells.sum(), np.float32)


def draw_grain(rng: np.random.Generator, severity: float = 0.5) -> AddGrain:
    """Draw grain: 1 to 6/255 at severity 0, up to 36/255 at severity 1; half of it grey."""
    amplitude = float(rng.uniform(1, 6 + 30 * severity) / 255)
    grey = rng.random() < 0.4
    return AddGrain(
        amplitude=amplitude,
        radius_px=0.0 if rng.random() < 0.1 else float(rng.uniform(0.3, 1.2 + 0.8 * severity)),
        shadows=float(rng.uniform(0.2, 1.1)),
        highlights=float(rng.uniform(0.1, 0.9)),
        channel_correlation=1.0 if grey else float(rng.uniform(0, 0.9)),
        balance=(1.0, 1.0, 1.0) if grey else _balance(rng),
        sharpening=float(rng.uniform(0.2, 1.5)) if rng.random() < 0.25 else 0.0,
        seed=_seed(rng),
    )


def draw_film_grain(
    rng: np.random.Generator, um_per_px: float, severity: float = 0.5, monochrome: bool = False
) -> AddGrain:
    """Draw the grain of a film at the size it has in a scan.

    A film's granularity is the standard deviation of its density, times 1000, through an aperture
    of 48 micrometres: 5 for fine films, 25 and more for fast and pushed ones. By Selwyn's law it
    grows as the aperture shrinks until the grain itself is resolved; on a small format or a fine
    scan the same film is grainier.

    Args:
        um_per_px: Size of a pixel on the film in micrometres.
        severity: 0 (slow film) to 1 (fast, pushed).
        monochrome: Silver grain, grey.
    References:
        Selwyn, "A theory of graininess", Photographic Journal 75 (1935), 571-580.
    """
    granularity = float(np.exp(rng.uniform(np.log(5), np.log(8 + 32 * severity))))
    clump_um = float(rng.uniform(4, 9)) * (granularity / 10) ** 0.3
    aperture_um2 = um_per_px**2 + np.pi * clump_um**2
    density = granularity / 1000 * np.sqrt(np.pi * 24**2 / aperture_um2)
    # In mid grey, 0.46 encoded, and printed at a contrast of 1.5: 0.46 x ln(10) x 1.5 / 2.2.
    amplitude = float(np.clip(0.72 * density, 0.002, 0.16))
    return AddGrain(
        amplitude=amplitude,
        radius_px=float(np.clip(clump_um / um_per_px, 0, 4)),
        shadows=float(rng.uniform(0.2, 0.8)),
        highlights=float(rng.uniform(0.1, 0.8)),
        channel_correlation=1.0 if monochrome else float(rng.uniform(0, 0.6)),
        balance=(1.0, 1.0, 1.0) if monochrome else _balance(rng),
        sharpening=float(rng.uniform(0.2, 1.2)) if rng.random() < 0.3 else 0.0,
        seed=_seed(rng),
    )


def draw_noise(rng: np.random.Generator, severity: float = 0.5) -> AddNoise:
    """Draw sensor noise: up to 4/255 in black at severity 0, 24/255 at severity 1."""
    top = (4 + 20 * severity) / 255
    return AddNoise(
        read=float(rng.uniform(0, top)),
        shot=float(rng.uniform(0, top)),
        channel_correlation=float(rng.choice((0.0, 0.5, 1.0), p=(0.6, 0.2, 0.2))),
        seed=_seed(rng),
    )


def draw_blur(rng: np.random.Generator, severity: float = 0.5) -> Blur:
    """Draw a blur: mostly a soft lens or scanner, at times wrong focus or motion."""
    kind = str(rng.choice(BLURS, p=(0.7, 0.2, 0.1)))
    radius = float(rng.uniform(0.3, 0.8 + 1.2 * severity))
    wide = radius if kind == "gaussian" else 1.5 * radius
    return Blur(kind, wide, float(rng.uniform(0, 180)) if kind == "motion" else 0.0)


def draw_resolution(rng: np.random.Generator, severity: float = 0.5) -> LowerResolution:
    """Draw a loss of resolution: up to 1.5 times at severity 0, 4 times at severity 1."""
    return LowerResolution(
        factor=float(rng.uniform(1.1, 1.5 + 2.5 * severity)),
        down=str(rng.choice(("area", "linear", "cubic"), p=(0.6, 0.2, 0.2))),
        up=str(rng.choice(("linear", "cubic", "lanczos"), p=(0.3, 0.5, 0.2))),
    )


def draw_jpeg(rng: np.random.Generator, severity: float = 0.5) -> CompressJpeg:
    """Draw a JPEG: quality 75 to 98 at severity 0, 20 to 98 at severity 1."""
    return CompressJpeg(
        quality=int(rng.uniform(75 - 55 * severity, 98)),
        halved_color=bool(rng.random() < 0.7),
        shift=(int(rng.integers(16)), int(rng.integers(16))),
    )


def draw_jpegs(rng: np.random.Generator, severity: float = 0.5) -> list[CompressJpeg]:
    """Draw one JPEG or, in one of four, two on different grids: saved, cropped and saved again."""
    return [draw_jpeg(rng, severity) for _ in range(1 + int(rng.random() < 0.25))]


def _balance(rng: np.random.Generator) -> tuple[float, float, float]:
    """Blue, the uppermost and fastest layer of color film, is most often the grainiest."""
    return float(rng.uniform(0.8, 1.1)), 1.0, float(rng.uniform(0.9, 1.6))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**62))


def _spread(damage: Mask | None, fn: Callable[[Mask], Mask]) -> Mask | None:
    """What was damaged stays so, and what the damage is smeared over becomes so.

    A damaged pixel may have gone from black to white, and a little of that beside it can be seen
    where the smeared mask is still faint. Such a pixel is neither damaged nor clean.
    """
    if damage is None:
        return None
    smeared, strong = fn(damage), np.where(damage < NEITHER, np.float32(0), damage)
    # Above a grey, where `fn` clips nothing: sharp enlarging takes from what lies beside.
    grey, quarter = np.float32(0.5), np.float32(0.25)
    change = np.abs(fn(grey + strong * quarter) - grey) / quarter
    seen = np.where(change + VISIBLE * smeared > VISIBLE, NEITHER, np.float32(0))
    return np.maximum(damage, np.maximum(smeared, seen))


def _named(photo: Photo, damage: Mask | None) -> NDArray[np.uint8] | None:
    """Give pixels that became damaged by spreading the kind of their neighbors."""
    if damage is None or photo.kinds is None:
        return photo.kinds
    kinds = photo.kinds
    for _ in range(64):
        unnamed = (damage > 0) & (kinds == Damage.NONE)
        if not unnamed.any():
            break
        grown = np.asarray(cv2.dilate(kinds, np.ones((5, 5), np.uint8)), np.uint8)
        kinds = np.where(unnamed, grown, kinds)
    return kinds
