"""Paired photos from disk: what `unfade age` writes, or a person's own scans and retouched copies.

A place holds the folders `aged/`, `clean/`, `mask/` and `kinds/`, or those of them that the task
needs, with equal names (the suffix may differ). In a mask what is white, or painted in any color
on black or on a transparent layer, is damaged; one of zeros and ones is read as such. In `kinds`
each value is a number of `Damage`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import ReadError
from ..fill import coarse_fill, smooth_fill
from ..photo import Damage
from .aging import acquired
from .crops import Draw, to_tensor
from .data import Source, find_sources, refuse

Array = NDArray[np.float32]
Planes = Mapping[str, Array]
"""Pieces by part: `aged` and `clean` (H, W, 3), `mask` (H, W) in [0, 1], `kinds` (H, W)."""

PARTS = {
    "aged": cv2.IMREAD_COLOR_RGB,
    "clean": cv2.IMREAD_COLOR_RGB,
    "mask": cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH,
    "kinds": cv2.IMREAD_GRAYSCALE,
}
"""Parts of a pair, and how OpenCV is to decode them."""

NEEDED = {
    "damage": ("aged", "mask"),
    "inpaint": ("clean", "mask"),
    "denoise": ("aged", "clean"),
    "deblur": ("aged", "clean"),
    "restore": ("aged", "clean"),
}
"""Parts that a task cannot do without."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """The parts of one photo."""

    name: str
    parts: Mapping[str, Source]

    @property
    def source(self) -> Source:
        """The part that decides on which side of a split the pair falls.

        The clean one, where there is one: what was aged several times stays on one side.
        """
        return self.parts.get("clean") or next(iter(self.parts.values()))


def find_pairs(place: Path, task: str) -> list[Pair]:
    """List the pairs of a folder or tar file that a task can learn from.

    Raises:
        ReadError: A part that the task needs is missing as a whole, or for some of the photos, or
            the masks that it needs say nothing.
    """
    found: dict[str, dict[str, Source]] = {part: {} for part in PARTS}
    for source in find_sources(place):
        part, name = _place(source)
        if part:
            found[part][name] = source
    first, *others = NEEDED[task]
    if not found[first]:
        wanted = " and ".join(f"{part}/" for part in NEEDED[task])
        raise ReadError(f"no pictures in {place}/{first}; {task} needs {wanted}")
    for part in others:
        lost = sorted(set(found[first]) - set(found[part]))
        if lost:
            shown = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
            raise ReadError(f"{len(lost)} pictures of {place}/{first} have no {part}/: {shown}")
    pairs = [
        Pair(name, {part: found[part][name] for part in PARTS if name in found[part]})
        for name in sorted(found[first])
    ]
    if "mask" in NEEDED[task]:
        _check_masks(place, pairs)
    return pairs


def _check_masks(place: Path, pairs: Sequence[Pair]) -> None:
    """Look at masks until one is seen that is damaged somewhere and whole elsewhere.

    Raises:
        ReadError: None holds any damage, or all are damaged as a whole.
    """
    empty = full = 0
    for pair in pairs:
        try:
            damaged = _read_mask(pair) >= 0.5
        except ReadError:  # Said later, of all that cannot be read at once.
            continue
        empty, full = empty + (not damaged.any()), full + bool(damaged.all())
        if damaged.any() and not damaged.all():
            return
    if empty and not full:
        raise ReadError(
            f"no mask in {place}/mask holds any damage; in a mask white is damaged, or what is "
            "painted on black or on a transparent layer"
        )
    if full and not empty:
        raise ReadError(
            f"every mask in {place}/mask is damaged as a whole; black or transparent is what is "
            "not damaged. Turn masks around that are black on white"
        )


def _place(source: Source) -> tuple[str, str]:
    """The part that a file belongs to, and the name that it shares with the other parts."""
    words = source.inner.with_suffix("").parts
    for index in reversed(range(len(words) - 1)):
        if words[index] in PARTS:
            return words[index], "/".join((*words[:index], *words[index + 1 :]))
    return "", ""


class PairCrops(Dataset[tuple[Tensor, ...]]):
    """Crops of pairs, the same piece of every part.

    Args:
        pairs: At least one. Each is read at once, so that what does not match is known before
            anything is learned; they are not kept.
        task: Decides what is made of them.
        seed: Fixes every example.
    Raises:
        ReadError: A part cannot be read, or is not as large as the others.
    """

    def __init__(self, pairs: Sequence[Pair], task: str, seed: int = 0) -> None:
        self.pairs, self.seed = list(pairs), seed
        self.make = MAKERS[task]
        broken = []
        for pair in self.pairs:
            try:
                read_pair(pair)
            except ReadError as error:
                if "cannot be read" not in str(error):
                    raise
                broken.append(pair.name)
        refuse(broken, len(self.pairs))

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        rng = np.random.default_rng((self.seed, draw.number, 2))
        planes = read_pair(draw.one_of(self.pairs, rng))
        return tuple(to_tensor(a) for a in self.make(crop_alike(planes, draw.side, rng)))


def read_pair(pair: Pair) -> dict[str, Array]:
    """Decode all parts of a pair.

    Raises:
        ReadError: A part cannot be read, is not as large as the first, or holds a kind of damage
            that does not exist.
    """
    planes = {part: _read_part(pair, part) for part in pair.parts}
    first, *others = planes
    for part in others:
        if planes[part].shape[:2] != planes[first].shape[:2]:
            (h, w), (height, width) = planes[part].shape[:2], planes[first].shape[:2]
            raise ReadError(
                f"{pair.parts[part].name} is {w} x {h}, but {first}/ is {width} x {height}: "
                "all parts of a pair must be of one size"
            )
    if "kinds" in planes and planes["kinds"].max() > max(Damage):
        raise ReadError(
            f"{pair.parts['kinds'].name} holds {planes['kinds'].max():.0f}; "
            f"kinds are 0 to {max(Damage)}"
        )
    return planes


def _read_part(pair: Pair, part: str) -> Array:
    if part == "mask":
        return _read_mask(pair)
    scale = np.float32(1 if part == "kinds" else 255)
    return pair.parts[part].decode(PARTS[part]).astype(np.float32) / scale


def _read_mask(pair: Pair) -> Array:
    """The mask (H, W) in [0, 1]: its strongest channel, or the opacity of a layer.

    Zeros and ones are a mask too. Only where `kinds` says that nothing is fully damaged are they
    the faintest traces of 255, as `unfade age` writes them.

    Raises:
        ReadError: It cannot be read.
    """
    source = pair.parts["mask"]
    painted = _decode(source, PARTS["mask"]).max(axis=2)
    seen = _unit(painted)
    if painted.max() == 1 and np.issubdtype(painted.dtype, np.integer) and not _is_faint(pair):
        seen = painted.astype(np.float32)
    if source.inner.suffix.lower() in (".jpg", ".jpeg"):
        return seen
    whole = _decode(source, cv2.IMREAD_UNCHANGED)
    if whole.ndim < 3 or whole.shape[2] < 4:
        return seen
    return _layer(seen, _unit(whole[:, :, 3]))


def _is_faint(pair: Pair) -> bool:
    return "kinds" in pair.parts and not pair.parts["kinds"].decode(PARTS["kinds"]).any()


def _layer(seen: Array, opacity: Array) -> Array:
    """What is damaged on a layer: its paint in whatever color, or what is white on black on it."""
    shown = seen[opacity > 0]
    both = shown.size > 0 and shown.min() == 0 and shown.max() >= 0.5
    return seen * opacity if both or opacity.min() == 1 else opacity


def _decode(source: Source, flags: int) -> NDArray[Any]:
    """The pixels in the depth of the file, which `Source.decode` makes 8 bits.

    Raises:
        ReadError: Not a picture.
    """
    data = np.frombuffer(source.read(), np.uint8)
    picture = cv2.imdecode(data, flags) if data.size else None
    if picture is None:
        raise ReadError(f"{source.name} cannot be read as a picture; repair it or take it away")
    return np.asarray(picture)


def _unit(values: NDArray[Any]) -> Array:
    """Numbers of any depth in [0, 1]."""
    most = np.iinfo(values.dtype).max if np.issubdtype(values.dtype, np.integer) else 1
    return np.clip(values.astype(np.float32) / np.float32(most), 0, 1)


def crop_alike(planes: Planes, side: int, rng: np.random.Generator) -> dict[str, Array]:
    """Cut the same square out of every part, flipped and turned alike at random.

    The scale is left as it is: these are real scans. What is smaller than the square is
    continued by mirroring.
    """
    height, width = next(iter(planes.values())).shape[:2]
    below, right = max(0, side - height), max(0, side - width)
    top = int(rng.integers(max(height, side) - side + 1))
    left = int(rng.integers(max(width, side) - side + 1))
    flip, turn = rng.random() < 0.5, rng.random() < 0.25
    crops = {}
    for part, plane in planes.items():
        if below or right:
            plane = np.asarray(
                cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REFLECT), np.float32
            )
        crop = plane[top : top + side, left : left + side]
        crop = crop[:, ::-1] if flip else crop
        crop = crop.swapaxes(0, 1) if turn else crop
        crops[part] = np.ascontiguousarray(crop)
    return crops


def _damage(planes: Planes) -> tuple[Array, ...]:
    # Without `kinds` nothing is said of them: 0 is left out of the loss.
    kinds = planes.get("kinds", np.zeros_like(planes["mask"]))
    return planes["aged"], acquired(planes["mask"], kinds), kinds


def _inpaint(planes: Planes) -> tuple[Array, ...]:
    # Of the clean part, whose tones the answer has: the aged one may be faded, and grainier.
    mask, known = (planes["mask"] > 0.5).astype(np.float32), planes["clean"]
    return smooth_fill(known, mask, coarse_fill(known, mask)), mask, known


def _change(planes: Planes) -> tuple[Array, ...]:
    return planes["aged"], planes["clean"]


def _restore(planes: Planes) -> tuple[Array, ...]:
    nothing = np.zeros(planes["aged"].shape[:2], np.float32)
    mask = acquired(planes.get("mask", nothing), planes.get("kinds", nothing))
    return planes["aged"], planes["clean"], mask


MAKERS: Mapping[str, Callable[[Planes], tuple[Array, ...]]] = {
    "damage": _damage,
    "inpaint": _inpaint,
    "denoise": _change,
    "deblur": _change,
    "restore": _restore,
}
"""What each task is shown of a pair."""
