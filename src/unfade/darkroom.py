"""The room where photos are worked on: engine, open models, memory and progress, opened once."""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .engines import Engine, open_engine
from .errors import Cancelled
from .models.model import Model
from .models.zoo import Zoo
from .tiling import Tile, tiles

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Called as `progress(stage name, tiles done, tiles in all)`."""

Piecework = Callable[..., NDArray[Any]]
"""Called as `fn(tile, *pieces)`; answers for the read area of the tile."""

DEFAULT_MEMORY = 2 * 2**30
STRIP_PIXELS = 2**21
LEAST_TILE = 128
MOST_TILE = 1536
"""Side in pixels from which larger tiles save hardly any work on their halo."""


class Darkroom:
    """Opened once, used for many photos; the only maker of full-size arrays.

    For one photo at a time: of photos worked on by several threads the pixels are right, but the
    history of each may name the networks of another.

    Args:
        engine: `auto`, or one of `engines.ENGINES` such as `openvino`, `openvino-fp32`,
            `onnxruntime`. It is opened when the first model is asked for.
        threads: Threads of the engine; 0 lets it choose.
        memory: Budget in bytes. Arrays above an eighth of it live in scratch files, and tiles are
            cut so that a network's own needs stay below a quarter of it.
        zoo: Where models are found; the weights shipped with the package by default.
        progress: Told of every finished tile.
        scratch: Folder for scratch files; the system's temporary folder by default.
    Attributes:
        lanes: Tiles that are worked on at once, unless the engine has one thread only: what is
            prepared for one on a single core hides behind the network's work on the other.
    """

    lanes = 2

    def __init__(
        self,
        engine: str = "auto",
        *,
        threads: int = 0,
        memory: int = DEFAULT_MEMORY,
        zoo: Zoo | None = None,
        progress: Progress | None = None,
        scratch: Path | None = None,
    ) -> None:
        if memory < 64 * 2**20:
            raise ValueError(f"memory must be at least 64 MiB, got {memory} bytes")
        self.memory = memory
        self.zoo = zoo or Zoo()
        self._asked = engine
        self._threads = threads
        self._progress = progress
        self._scratch = scratch
        self._engine: Engine | None = None
        self._models: dict[str, Model] = {}
        self._used: dict[str, str] = {}
        self._stage = ""
        self._stop = threading.Event()
        self._maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()

    @property
    def engine(self) -> Engine:
        """The inference engine, opened at the first use."""
        if self._engine is None:
            self._engine = open_engine(self._asked, threads=self._threads)
        return self._engine

    @property
    def engine_name(self) -> str:
        """Name and precision of the engine if a model of the running stage used it, else ''."""
        return self.engine.name if self._used else ""

    def model(self, name: str) -> Model:
        """Open a network by the name of its card, once.

        Raises:
            ModelError: No such weights, or their checksum does not fit the card.
        """
        if name not in self._models:
            path, card = self.zoo.find(name)
            self._models[name] = Model(self.engine.load(path, card.exact), card)
        model = self._models[name]
        self._used[name] = model.card.sha256
        return model

    def models_used(self) -> dict[str, str]:
        """Name and checksum of the models that the running stage asked for."""
        return dict(self._used)

    @contextlib.contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Name the stage at work, for progress and history."""
        self._stage, self._used = stage, {}
        try:
            yield
        finally:
            self._stage, self._used = "", {}

    def cancel(self) -> None:
        """Stop the work at its next tile, for good; open another darkroom to go on.

        Safe from another thread or a signal handler.
        """
        self._stop.set()

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Make a full-size array, in memory or, above the budget, in a scratch file.

        Raises:
            OSError: The disk has no room for it.
        """
        if math.prod(shape) * np.dtype(dtype).itemsize <= self.memory // 8:
            return np.empty(shape, dtype)
        path = _scratch_file(self._scratch, math.prod(shape) * np.dtype(dtype).itemsize)
        array: np.memmap[Any, Any] = np.memmap(path, dtype=dtype, mode="w+", shape=shape)
        file: mmap.mmap = array._mmap  # type: ignore[attr-defined]
        self._maps.add(file)
        _remove_later(file, path)
        return array

    def strips(self, fn: Callable[[slice], None], size: tuple[int, int]) -> None:
        """Call `fn(rows)` for strips of full rows from top to bottom."""
        rows = max(1, STRIP_PIXELS // size[1])
        for top in range(0, size[0], rows):
            self._check()
            fn(slice(top, min(top + rows, size[0])))
            self._let_go()

    def map(
        self,
        fn: Piecework,
        *arrays: NDArray[Any],
        out: NDArray[Any],
        halo: int = 0,
        tile: int = 1024,
        multiple_of: int = 1,
        where: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """Run `fn(tile, *pieces)` over arrays of equal size and collect the cores in `out`.

        Tiles are taken in order, the largest first: a network takes more memory whenever one is
        larger than all before, which costs as much as half of its work. `lanes` of them are done
        at once, so `fn` is called by several threads.

        Args:
            fn: Gets the tile and the read area of each array; answers for the read area.
            arrays: (H, W) or (H, W, C) arrays; they are only read.
            out: (H, W) or (H, W, K) array that takes the result, none of the arrays read.
            halo, tile, multiple_of: As in `tiling.tiles`.
            where: (H, W); tiles whose core is all zero in it are skipped and left in `out` as
                they are.
        Returns:
            `out`.
        """
        size = out.shape[:2]
        cut = tiles((size[0], size[1]), tile, halo, multiple_of)
        work = sorted(cut, key=lambda piece: piece.area, reverse=True)

        def do(piece: Tile) -> None:
            if where is None or where[piece.core].any():
                answer = fn(piece, *(array[piece.read] for array in arrays))
                out[piece.core] = answer[piece.inner]
                self._let_go()

        for done, _ in enumerate(self._side_by_side(do, work), 1):
            if self._progress is not None:
                self._progress(self._stage, done, len(work))
        return out

    def several(self, fn: Callable[[T], None], work: Sequence[T]) -> None:
        """Call `fn` for each piece of work, `lanes` at once, unless the darkroom is stopped."""
        for _ in self._side_by_side(fn, work):
            self._let_go()

    def _side_by_side(self, fn: Callable[[T], None], work: Sequence[T]) -> Iterator[None]:
        """Do the work in order, some of it at once; what fails or is stopped begins no more."""

        def do(piece: T) -> None:
            self._check()
            fn(piece)

        if self._threads == 1 or self.lanes == 1 or len(work) == 1:
            yield from map(do, work)
            return
        with ThreadPoolExecutor(self.lanes) as pool:
            try:
                yield from pool.map(do, work)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def infer(
        self,
        model: Model,
        *arrays: NDArray[np.float32],
        out: NDArray[Any] | None = None,
        after: Piecework | None = None,
        where: NDArray[Any] | None = None,
        tile: int | None = None,
    ) -> NDArray[Any]:
        """Run a network over a whole picture, tile by tile.

        Args:
            model: The network with its card, which gives halo, grid and bytes per pixel.
            arrays: Its inputs, (H, W, C) float32.
            out: Takes the result; (H, W, channels of the card) float32 by default.
            after: `after(tile, answer, *pieces)` turns the network's answer for a read area into
                what is written, such as a sum with the picture.
            where: As in `map`.
            tile: Side of a tile in pixels; chosen from the memory budget by default.
        """
        size = arrays[0].shape[:2]
        if out is None:
            out = self.empty((*size, model.card.channels_out))
        return self.map(
            _through(model, after),
            *arrays,
            out=out,
            halo=model.card.halo,
            tile=tile or self.tile_for(model, (size[0], size[1])),
            multiple_of=model.card.multiple_of,
            where=where,
        )

    def tile_for(self, model: Model, size: tuple[int, int]) -> int:
        """The side of a tile in pixels that keeps a network within a quarter of the budget."""
        if model.card.tiling == "whole":
            return max(size)
        # Cards speak of 32-bit floats.
        share = 1 if self._engine is None else self._engine.number_bytes / 4
        needed = model.card.bytes_per_pixel * share
        side = math.isqrt(int(self.memory / 4 / needed)) - 2 * model.card.halo
        return max(LEAST_TILE, min(side, MOST_TILE))

    def tile_where(self, where: NDArray[Any], halo: int, most: int) -> int:
        """The side of a tile in pixels with which `map` reads least where there is work.

        Many small pieces of work far apart ask for small tiles, work everywhere for large ones,
        whose halo weighs less.

        Args:
            where: (H, W), as `map` takes it.
            halo: Pixels read around each tile.
            most: Largest side allowed.
        """
        busy = np.zeros([-(-side // LEAST_TILE) for side in where.shape[:2]], np.uint8)

        def note(rows: slice) -> None:
            for top in range(rows.start, rows.stop):
                columns = np.flatnonzero(where[top]) // LEAST_TILE
                busy[top // LEAST_TILE, columns] = 1

        self.strips(note, (where.shape[0], where.shape[1]))
        sides = [LEAST_TILE * factor for factor in (1, 2, 3, 4, 6, 8, 12)]
        allowed = [side for side in sides if side <= most] or [LEAST_TILE]
        return min(allowed, key=lambda side: _read_area(busy, side, halo))

    def _check(self) -> None:
        if self._stop.is_set():
            raise Cancelled("stopped before the photo was finished; nothing was written")

    def _let_go(self) -> None:
        """Drop the pages of scratch files from resident memory; the files keep them."""
        if hasattr(mmap, "MADV_DONTNEED"):
            for file in list(self._maps):
                file.madvise(mmap.MADV_DONTNEED)


def _read_area(busy: NDArray[np.uint8], side: int, halo: int) -> int:
    """Pixels that tiles of a side read, their halo included, to cover all busy blocks."""
    factor = side // LEAST_TILE
    rows, cols = np.nonzero(busy)
    tiles_needed = len(set(zip(rows // factor, cols // factor, strict=True)))
    return tiles_needed * (side + 2 * halo) ** 2


def _through(model: Model, after: Piecework | None) -> Piecework:
    def work(tile: Tile, *pieces: NDArray[Any]) -> NDArray[Any]:
        answer = model(*pieces)
        return answer if after is None else after(tile, answer, *pieces)

    return work


def _scratch_file(folder: Path | None, size: int) -> str:
    """Make a scratch file and take its room on the disk: a page without any would kill us later."""
    handle, path = tempfile.mkstemp(prefix="unfade-", suffix=".scratch", dir=folder)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
    except OSError as error:
        Path(path).unlink()
        raise OSError(
            error.errno,
            f"no room for {size / 2**20:.0f} MiB of scratch in {Path(path).parent} "
            f"({error.strerror}); free some, set TMPDIR to another folder, or give more --memory",
        ) from error
    finally:
        os.close(handle)
    return path


def _remove_later(file: mmap.mmap, path: str) -> None:
    """Delete a scratch file at once where the system lets us, else when the array is gone."""
    try:
        Path(path).unlink()
    except PermissionError:
        weakref.finalize(file, _remove, path)


def _remove(path: str) -> None:
    with contextlib.suppress(PermissionError):  # Windows keeps what is still open.
        Path(path).unlink(missing_ok=True)
