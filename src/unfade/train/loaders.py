"""From a `Run` to its examples: what is learned from, and the few that are kept for checking."""

from __future__ import annotations

import dataclasses
import hashlib
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from .crops import Batches, Crops, Draw, Examples, Maker, Mixed, Phase, phases
from .data import Decoded, Pictures, Source, find_frames, find_sources, gather, manifest, split
from .examples import (
    DamageExamples,
    DeblurExamples,
    DenoiseExamples,
    InpaintExamples,
    WhiteNoiseExamples,
)
from .fading import FadingData
from .fading import shrink as shrink_square
from .judged import read_judged, spoken_of
from .kept import Kept
from .overview import OverviewData, RealOverview
from .overview import shrink as shrink_overview
from .pairs import Pair, PairCrops, find_pairs
from .real import RealCrops
from .restore import RestoreExamples
from .run import Run
from .veils import VeilData
from .veils import shrink as shrink_whole
from .verify import Detector, JudgedData, VerifyData

SHRUNK = {"fading": shrink_square, "veils": shrink_whole, "overview": shrink_overview}
"""How a photo is kept by tasks that see it small."""

JUDGED: Mapping[str, Callable[..., Examples]] = {
    "verify": JudgedData,
    "damage": RealCrops,
    "overview": RealOverview,
}
"""What tasks make of photos whose marks a person judged."""

DECIDING = (
    *("task", "seed", "library", "holes", "noise", "aging", "undo"),
    *("pairs", "judged", "share", "detector"),
)
"""Settings of a run that decide its examples, besides the pictures and their order."""

CHECK_SEED = 10**6
LOOKS = 4
"""Real old photos that are looked at, at most."""

CHECKS = 128
"""Examples of a check, at most; eight batches if these are fewer."""


@dataclasses.dataclass(frozen=True)
class Material:
    """What a run learns from and is checked with.

    Attributes:
        learn, check: Examples.
        manifest: One line per picture, and for the file of judged marks, with its checksum, as CSV.
        look: Real old photos to look at, not learned from.
    """

    learn: Examples
    check: Examples
    manifest: str
    look: Sequence[Decoded] = ()

    @property
    def alone(self) -> bool:
        """Whether what is learned from is checked with, because there is nothing else."""
        parts = ({sha for at, sha in self._rows if at == part} for part in ("learn", "check"))
        learned, checked = parts
        return bool(checked) and learned >= checked

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
    look = gather(run.look, find_sources)[:LOOKS]
    # All at once, so that all that are broken are named at once.
    sources = list(dict.fromkeys([*learn, *check, *look]))
    pictures = Pictures(sources, run.cache_mb, SHRUNK.get(run.task))
    make = _with_judged if run.judged else _with_pairs if run.pairs else _of_photos
    material = make(run, pictures.of(learn), pictures.of(check))
    return dataclasses.replace(material, look=pictures.of(look))


def _of_photos(run: Run, learn: Pictures, check: Pictures) -> Material:
    text = manifest({"learn": learn.sources, "check": check.sources})
    return Material(_crops(run, learn, "train"), _crops(run, check, "val"), text)


def _with_pairs(run: Run, learn: Pictures, check: Pictures) -> Material:
    """Pairs, and aged photos if there are any; checked with pairs that were left out."""
    pairs = {p.source: p for place in run.pairs for p in find_pairs(Path(place), run.task)}
    ours, theirs = ([pairs[s] for s in part] for part in split(list(pairs)))
    examples: Examples = PairCrops(ours, run.task, run.seed)
    held = {source.digest for source in _parts(theirs)}
    learn = learn.of([source for source in learn.sources if source.digest not in held])
    if len(learn):
        examples = Mixed(_crops(run, learn, "train"), examples, run.share, salt=1)
    # Checked with the pairs alone: they are what the person wants restored.
    checks = PairCrops(theirs, run.task, CHECK_SEED)
    text = manifest({"learn": [*learn.sources, *_parts(ours)], "check": _parts(theirs)})
    return Material(examples, checks, text)


def _parts(pairs: Sequence[Pair]) -> list[Source]:
    """All parts of pairs: whichever changes, other examples are made."""
    return [source for pair in pairs for source in pair.parts.values()]


def _with_judged(run: Run, learn: Pictures, check: Pictures) -> Material:
    """Aged photos and judged ones; checked with the aged, of which there are enough."""
    file, *places = run.judged
    old = gather(places, find_sources)
    made = JUDGED[run.task]
    judged = made(read_judged(Path(file), old), Detector(run.detector), run.seed)
    examples = Mixed(_crops(run, learn, "train"), judged, run.share)
    seen = [Source(Path(file)), *spoken_of(Path(file), old)]
    text = manifest({"learn": learn.sources, "judged": seen, "check": check.sources})
    return Material(examples, _crops(run, check, "val"), text)


def first_examples(run: Run, material: Material, count: int = 16) -> list[Tensor]:
    """The first examples that a run learns from, as one batch."""
    part = phases(run.steps, run.batch, run.sides or (run.side,), run.grow)[0]
    learn = material.kept(run)
    examples: list[Tensor] = default_collate(
        [learn[Draw(number, part.side, part.photos)] for number in range(count)]
    )
    return examples


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
    """A loader worker leaves the other cores to the training, and it is the one to end it.

    Ctrl-C, and often SIGTERM, reach all processes at once; the training still takes examples until
    its step is kept. From the second SIGTERM on a worker obeys.
    """
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.signal(signal.SIGTERM, signal.SIG_DFL))


def _crops(run: Run, pictures: Pictures, part: str) -> Examples:
    """The examples of a task: crops, or of some tasks whole photos kept small."""
    seed = run.seed if part == "train" else CHECK_SEED
    part = part if run.library else "all"
    if run.task == "fading":
        return FadingData(pictures, seed)
    if run.task == "veils":
        return VeilData(pictures, run.library, part, seed)
    if run.task == "overview":
        return OverviewData(pictures, run.library, part, seed)
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
