"""From a `Run` to its examples: what is learned from, and the few that are kept for checking."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader

from .crops import Batches, Crops, Examples, Maker, Mixed, Phase, phases
from .data import Pictures, Source, find_frames, find_sources, gather, manifest, split
from .examples import (
    DamageExamples,
    DeblurExamples,
    DenoiseExamples,
    InpaintExamples,
    WhiteNoiseExamples,
)
from .fading import FadingData
from .fading import shrink as shrink_square
from .judged import read_judged
from .kept import Kept
from .pairs import PairCrops, find_pairs
from .real import RealCrops
from .restore import RestoreExamples
from .run import Run
from .veils import VeilData
from .veils import shrink as shrink_whole
from .verify import Detector, JudgedData, VerifyData

SHRUNK = {"fading": shrink_square, "veils": shrink_whole}
"""How a photo is kept by tasks that see it small."""

JUDGED: Mapping[str, Callable[..., Examples]] = {"verify": JudgedData, "damage": RealCrops}
"""What tasks make of photos whose marks a person judged."""

DECIDING = (
    *("task", "seed", "library", "holes", "noise", "aging", "undo"),
    *("pairs", "judged", "share", "detector"),
)
"""Settings of a run that decide its examples, besides the pictures and their order."""

CHECK_SEED = 10**6
CHECKS = 128
"""Examples of a check, at most; eight batches if these are fewer."""


@dataclasses.dataclass(frozen=True)
class Material:
    """What a run learns from and is checked with.

    Attributes:
        learn, check: Examples.
        manifest: One line per picture with its checksum, as CSV.
    """

    learn: Examples
    check: Examples
    manifest: str

    @property
    def sha256(self) -> str:
        """Checksum of what was learned from; where the pictures lie does not matter."""
        return hashlib.sha256(repr(sorted(self._rows)).encode()).hexdigest()

    @property
    def _rows(self) -> list[list[str]]:
        """Part and checksum of every picture, in the order in which they are drawn from."""
        return [line.split(",", 2)[:2] for line in self.manifest.splitlines()[1:]]

    def kept(self, run: Run) -> Examples:
        """What is learned from, made once and kept, or only so much of it, if the run says so.

        Only runs whose examples are the same share them: the folder's name is a checksum of what
        decides them. Whether a library, a detector or unfade itself changed is not seen from it.
        """
        if not (run.distinct or run.kept):
            return self.learn
        told = repr([self._rows, [str(getattr(run, name)) for name in DECIDING]])
        name = hashlib.sha256(told.encode()).hexdigest()[:16]
        return Kept(self.learn, run.distinct, Path(run.kept) / name if run.kept else None)


def read_material(run: Run) -> Material:
    """Find, check and decode all pictures of a run.

    Raises:
        ReadError: A place is empty, a picture cannot be read, or pairs do not match.
    """
    cv2.setNumThreads(1)
    clean = gather(run.data, find_sources) + gather(run.clips, find_frames)
    learn, check = split(clean[: run.limit] if run.limit else clean) if clean else ([], [])
    if run.grow:
        # By checksum, so that each number of photos is a fair sample of all of them.
        learn.sort(key=lambda source: source.digest)
    if run.judged:
        return _with_judged(run, learn, check)
    if not run.pairs:
        text = manifest({"learn": learn, "check": check})
        return Material(_crops(run, learn, "train"), _crops(run, check, "val"), text)
    pairs = {p.source: p for place in run.pairs for p in find_pairs(Path(place), run.task)}
    ours, theirs = split(list(pairs))
    examples: Examples = PairCrops([pairs[s] for s in ours], run.task, run.seed)
    if learn:
        examples = Mixed(_crops(run, learn, "train"), examples, run.share)
    # Checked with the pairs alone: they are what the person wants restored.
    checks = PairCrops([pairs[s] for s in theirs], run.task, CHECK_SEED)
    return Material(examples, checks, manifest({"learn": [*learn, *ours], "check": theirs}))


def _with_judged(run: Run, learn: Sequence[Source], check: Sequence[Source]) -> Material:
    """Aged photos and judged ones; checked with the aged, of which there are enough."""
    file, *places = run.judged
    old = gather(places, find_sources)
    made = JUDGED[run.task]
    judged = made(read_judged(Path(file), old), Detector(run.detector), run.seed)
    examples = Mixed(_crops(run, learn, "train"), judged, run.share)
    text = manifest({"learn": learn, "judged": old, "check": check})
    return Material(examples, _crops(run, check, "val"), text)


def loaders(
    run: Run, material: Material, done: int = 0, rank: int = 0, world: int = 1
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Batches to learn from, from step `done` on, and always the same ones to check with."""
    parts = phases(run.steps, run.batch, run.sides or (run.side,), run.grow)
    side, batch = parts[-1].side, parts[-1].batch
    checks = max(1, round(min(CHECKS, 8 * run.batch) / (batch * world)))
    learn, check = (
        Batches(parts, done, rank, world),
        Batches([Phase(checks, side, batch)], 0, rank, world),
    )
    options: dict[str, Any] = {"num_workers": run.workers, "worker_init_fn": one_thread}
    options |= {"persistent_workers": run.workers > 0, "pin_memory": torch.cuda.is_available()}
    return (
        DataLoader(material.kept(run), batch_sampler=learn, **options),
        DataLoader(material.check, batch_sampler=check, **options),
    )


def one_thread(worker: int) -> None:
    """A loader worker leaves the other cores to the training."""
    cv2.setNumThreads(1)


def _crops(run: Run, sources: Sequence[Source], part: str) -> Examples:
    """The examples of a task: crops, or of some tasks whole photos kept small."""
    seed = run.seed if part == "train" else CHECK_SEED
    part = part if run.library else "all"
    pictures = Pictures(sources, run.cache_mb, SHRUNK.get(run.task))
    if run.task == "fading":
        return FadingData(pictures, seed)
    if run.task == "veils":
        return VeilData(pictures, run.library, part, seed)
    if run.task == "verify":
        return VerifyData(pictures, Detector(run.detector), run.library, part, seed)
    if run.task == "denoise" and run.noise == "both":
        mixed, white = DenoiseExamples(), WhiteNoiseExamples()
        return Mixed(Crops(pictures, mixed, seed), Crops(pictures, white, seed), 0.5)
    return Crops(pictures, maker(run, part), seed)


def maker(run: Run, part: str) -> Maker:
    """What turns a clean crop into an example of the task."""
    part = part if run.library else "all"
    makers: dict[str, Callable[[], Maker]] = {
        "damage": lambda: DamageExamples(run.library, part),
        "inpaint": lambda: InpaintExamples(run.library, part, run.holes),
        "denoise": DenoiseExamples if run.noise == "mixed" else WhiteNoiseExamples,
        "deblur": DeblurExamples,
        "restore": lambda: RestoreExamples(run.library, part, run.aging, run.undo),
    }
    return makers[run.task]()
