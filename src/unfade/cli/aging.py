"""What `unfade age` does to one photo: age it, and write the truth beside it."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, TimeoutError
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..darkroom import Darkroom
from ..degrade import draw_aging
from ..errors import WriteError
from ..io.palette import write_palette
from ..io.read import read
from ..io.whole import whole
from ..io.write import write, write_plane
from ..jobs.files import all_or_nothing, check_target
from ..jobs.job import Job
from ..jobs.outcome import Outcome, State, attempt
from ..models.zoo import checksum
from ..photo import Damage, Mask, Photo
from ..pipeline import run
from ..profile import to_srgb
from ..report.history import About, history_dict
from ..report.record import relative
from ..report.sidecar import write_text

COLORS = {
    Damage.NONE: (0, 0, 0),
    Damage.DUST: (255, 221, 51),
    Damage.HAIR: (204, 85, 255),
    Damage.SCRATCH: (51, 221, 85),
    Damage.CREASE: (255, 68, 51),
    Damage.STAIN: (170, 119, 51),
    Damage.LOSS: (255, 255, 255),
    Damage.ORIGINAL: (68, 136, 255),
}
"""Color of each kind of damage in `classes/` and on contact sheets."""

WHAT = "unfade aging"
"""What the history of an aging says it is."""

KINDS = ("aged", "clean", "mask", "kinds", "classes", "history")
"""Kinds of results, each in a folder of its own; see `Aging.place`."""

KILLED = (
    "a process at work was killed, perhaps because memory ran out; run again with --skip-existing, "
    "and fewer --jobs or a smaller --memory"
)
"""Of the photos that were not done then; nobody knows which of them was at fault."""

NAMES = {"library_sha256": "library (or its files changed)"}
"""Words for what the history calls otherwise."""


@dataclasses.dataclass(frozen=True)
class Aging:
    """One photo to be aged: plain data, so that another process can do it.

    Attributes:
        job: From where to where: the target lies in `aged/` of `out`.
        out: Folder of all results.
        preset, severity, library: As of `draw_aging`.
        seeds: From these alone all chance comes.
        library_sha256: Of what the library holds, as `library_checksum` gives it.
    """

    job: Job
    out: str
    preset: str
    severity: float
    seeds: tuple[int, ...]
    library: str = ""
    library_sha256: str = ""

    def place(self, kind: str) -> Path:
        """Where a kind of result lies; see `KINDS`."""
        below = Path(self.job.target).relative_to(Path(self.out) / "aged")
        suffix = ".json" if kind == "history" else ".png"
        return (Path(self.out) / kind / below).with_suffix(suffix)

    @property
    def places(self) -> tuple[Path, ...]:
        """All that is written, the aged photo first."""
        return tuple(self.place(kind) for kind in KINDS)

    @property
    def made_as(self) -> dict[str, Any]:
        """What the history says this was made with."""
        return {
            "preset": self.preset,
            "severity": self.severity,
            "seed": list(self.seeds),
            "library_sha256": self.library_sha256,
        }


def read_clean(path: str | os.PathLike[str], darkroom: Darkroom) -> Photo:
    """Read a photo to be aged; a grey one becomes color, since paper yellows and toning colors it.

    Raises:
        ReadError: It cannot be read.
    """
    photo = read(path, allocate=darkroom.empty, strips=darkroom.strips)
    if photo.pixels.shape[2] == 3:
        return photo
    pixels = darkroom.empty((*photo.size, 3))
    pixels[:] = np.clip(to_srgb(photo.pixels, photo.metadata.profile), 0, 1)
    # A profile for one channel says nothing of three.
    fields = {k: v for k, v in photo.metadata.fields.items() if k != "icc-profile-data"}
    metadata = dataclasses.replace(photo.metadata, profile=None, fields=fields)
    return dataclasses.replace(photo, pixels=pixels, metadata=metadata)


def file_entry(path: Path, file: Path, folder: Path) -> dict[str, str]:
    """Where a file lies from a folder, and the checksum of what it holds.

    Args:
        path: The name that it will have.
        file: The name that it has.
    """
    return {"path": relative(path, folder), "sha256": checksum(file)}


def age_one(aging: Aging, darkroom: Darkroom) -> Outcome:
    """Age a photo and write aged and clean photo, masks and history, all or none.

    Raises:
        Cancelled: The work was told to stop.
    """
    return attempt(aging.job, lambda: _age(aging, darkroom))


def _age(aging: Aging, darkroom: Darkroom) -> Outcome:
    if done := _done(aging):
        return done
    clean = read_clean(aging.job.source, darkroom)
    rng = np.random.default_rng(aging.seeds)
    recipe = draw_aging(rng, aging.preset, aging.severity, size=clean.size, library=aging.library)
    aged = run(dataclasses.replace(clean, damage=None, kinds=None), recipe, darkroom)
    mask = np.zeros(aged.size, np.float32) if aged.damage is None else aged.damage
    kinds = np.zeros(aged.size, np.uint8) if aged.kinds is None else aged.kinds
    # Where the mask's file says 255; what is fainter has no class.
    kinds = np.where(mask >= 254.5 / 255, kinds, np.uint8(Damage.NONE))
    _write(aging, clean, aged, mask, kinds)
    share = float((mask >= 0.5).mean())
    says = f"{', '.join(step.stage for step in aged.history)}; {share:.2%} damaged"
    return Outcome(
        aging.job,
        State.DONE,
        recipe=aging.preset,
        chosen="as asked",
        evidence=(("aged by", says),),
        files=tuple(map(str, aging.places)),
        numbers={"damaged_share": share},
    )


def _write(aging: Aging, clean: Photo, aged: Photo, mask: Mask, kinds: NDArray[np.uint8]) -> None:
    """Write all results or none; what was replaced comes back where one fails."""
    writers: dict[str, Callable[[Path], object]] = {
        "clean": lambda path: write(clean, path),
        "mask": lambda path: write_plane(mask, path),
        "kinds": lambda path: write_plane(kinds / np.float32(255), path),
        "classes": lambda path: write_palette(kinds, list(COLORS.values()), path),
    }
    target, history = aging.place("aged"), aging.place("history")
    with all_or_nothing(aging.places) as written:
        for path in aging.places:
            path.parent.mkdir(parents=True, exist_ok=True)
        # The aged photo gets its name last, because its being there says that all is.
        with whole(target) as part:
            write(aged, part, format="png")
            # Where this run is killed, an earlier one must not stand for the new results.
            target.unlink(missing_ok=True)
            # First, because it says of the others that they are ours; see `_done`.
            write_text(history, _history(aging, aged, part))
            written.append(history)
            for kind, save in writers.items():
                save(aging.place(kind))
                written.append(aging.place(kind))
        written.append(target)


def _history(aging: Aging, aged: Photo, part: Path) -> str:
    """What was done, and what it takes to do it again."""
    folder = aging.place("history").parent
    source = Path(aging.job.source)
    told = {
        "what": WHAT,
        **history_dict(aged, About(aging.preset)),
        **aging.made_as,
        "library": aging.library,
        "photo": file_entry(source, source, folder),
        "aged": file_entry(aging.place("aged"), part, folder),
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _done(aging: Aging) -> Outcome | None:
    """An outcome where nothing is to be done because all results are there and to be kept.

    Raises:
        WriteError: A file is there that is neither to be replaced nor left out, that no history
            tells of, or that was made with other settings.
    """
    jobs = (dataclasses.replace(aging.job, target=str(place)) for place in aging.places)
    there = [answer for answer in map(check_target, jobs) if answer is not None]
    if not there:
        return None
    told = _told(aging.place("history"))
    if told is None:
        raise WriteError(
            f"{there[0].job.target} exists, and no history tells that `unfade age` wrote it; use "
            "--overwrite, or move it away"
        )
    other = [NAMES.get(k, k) for k, value in aging.made_as.items() if told.get(k) != value]
    if other:
        raise WriteError(
            f"{there[0].job.target} was made with another {' and '.join(other)}; "
            "use --overwrite or another folder"
        )
    return dataclasses.replace(there[0], job=aging.job) if len(there) == len(KINDS) else None


def _told(history: Path) -> dict[str, Any] | None:
    """What a history says; None where there is none."""
    try:
        told = json.loads(history.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    # Earlier histories name the library only.
    return {"library_sha256": "unknown" if told.get("library") else "", **told}


class Workers:
    """Processes that age photos; each waits for its turn with a darkroom of its own."""

    def __init__(self, count: int, agings: Sequence[Aging]) -> None:
        # A forked process would inherit locks that threads of this one hold.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin)
        self._futures = {aging: self._begin(aging) for aging in agings}

    def wait(self, aging: Aging, darkroom: Darkroom) -> Outcome:
        """Wait for a photo to be done; it fails where one of the processes was killed before.

        Raises:
            Cancelled: The darkroom was told to stop; what has not begun is given up.
        """
        future: Future[Outcome] = self._futures[aging]
        while True:
            try:
                return future.result(timeout=0.2)
            except TimeoutError:
                darkroom.strips(lambda rows: None, (1, 1))
            except BrokenExecutor:
                return Outcome(aging.job, State.FAILED, KILLED, error="ProcessDied")

    def _begin(self, aging: Aging) -> Future[Outcome]:
        try:
            return self._pool.submit(_age_alone, aging)
        except BrokenExecutor as error:  # One was killed while the others are still handed over.
            broken: Future[Outcome] = Future()
            broken.set_exception(error)
            return broken

    def close(self) -> None:
        """Let what has begun be finished, and give up the rest."""
        self._pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave Ctrl-C to the process that waits, and the other cores to the other workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _age_alone(aging: Aging) -> Outcome:
    tools = aging.job.equipment
    return age_one(aging, Darkroom(tools.engine, threads=1, memory=tools.memory))
