"""`Kept`: examples made once and read from then on, by every run that learns from the same."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from .crops import Draw, Examples


class Kept(Dataset[tuple[Tensor, ...]]):
    """A limited number of examples; when all were seen they come again, mirrored at random.

    A GPU learns faster than processors age photos. With a folder, an example is made by whoever
    needs it first and read by all others: the same run in its next round, and other networks that
    learn from the same examples beside it. Pictures in [0, 1] are kept with 8 bits, all else as
    16-bit floats; what was just made is rounded likewise, so that it never matters who made it.

    Args:
        examples: Where they come from; each must be a tuple of (C, H, W).
        distinct: How many there are; 0 is any number, and none comes again.
        folder: Where they are kept, 5 to 8 bytes per pixel; None makes them anew each time.
    """

    def __init__(self, examples: Examples, distinct: int = 0, folder: Path | None = None) -> None:
        self.examples, self.distinct, self.folder = examples, distinct, folder
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, ...]:
        passed, number = divmod(draw.number, self.distinct) if self.distinct else (0, draw.number)
        example = self._find(draw._replace(number=number))
        if not passed:
            return example
        chances = np.random.default_rng((draw.number, 2)).random(2)
        dims = [dim for dim, chance in zip((-1, -2), chances, strict=True) if chance < 0.5]
        return tuple(tensor.flip(dims) for tensor in example)

    def _find(self, draw: Draw) -> tuple[Tensor, ...]:
        if not self.folder:
            return self.examples[draw]
        path = self.folder / f"{draw.side}-{draw.photos}-{draw.number}.npz"
        try:
            return _read(path.read_bytes())
        except (OSError, EOFError, ValueError, zipfile.BadZipFile):
            packed = _pack(self.examples[draw])
            # Another run may make the same example at this moment: each writes its own file first.
            own = path.with_suffix(f".{os.getpid()}")
            own.write_bytes(packed)
            own.replace(path)
            return _read(packed)


def _pack(example: tuple[Tensor, ...]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, *(_short(tensor.numpy()) for tensor in example))
    return buffer.getvalue()


def _short(array: NDArray[np.float32]) -> NDArray[np.generic]:
    picture = array.shape[0] == 3 and array.min() >= 0 and array.max() <= 1
    return np.rint(array * 255).astype(np.uint8) if picture else array.astype(np.float16)


def _read(packed: bytes) -> tuple[Tensor, ...]:
    with np.load(io.BytesIO(packed)) as arrays:
        return tuple(torch.from_numpy(_long(arrays[name])) for name in arrays.files)


def _long(array: NDArray[np.generic]) -> NDArray[np.float32]:
    scale = np.float32(1 / 255 if array.dtype == np.uint8 else 1)
    return np.asarray(array.astype(np.float32) * scale, np.float32)
