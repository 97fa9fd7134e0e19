"""What `unfade age` does to one photo: age it, and write the truth beside it."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, TimeoutError
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..darkroom import Darkroom
from ..degrade import draw_aging
from ..errors import WriteError
from ..io.palette import write_palette
from ..io.read import read
from ..io.write import write, write_plane
from ..jobs import Job, Outcome, State, all_or_nothing, attempt, check_target
from ..models.zoo import checksum
from ..photo import Damage, Photo
from ..pipeline import run
from ..profile import to_srgb
from ..report.history import About, history_dict
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

    def place(self, kind: str, suffix: str = ".png") -> Path:
        """Where a kind of result lies: `aged`, `clean`, `mask`, `kinds`, `classes`, `history`."""
        below = Path(self.job.target).relative_to(Path(self.out) / "aged")
        return (Path(self.out) / kind / below).with_suffix(suffix)

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
    return {"path": Path(os.path.relpath(path, folder)).as_posix(), "sha256": checksum(file)}


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
    target = aging.place("aged")
    # Not among the aged: training would take what a killed run left there for one of them.
    part = aging.place("history").with_name(f".{target.stem}.part.png")
    writers: dict[str, Callable[[Path], object]] = {
        "clean": lambda path: write(clean, path),
        "mask": lambda path: write_plane(mask, path),
        "kinds": lambda path: write_plane(kinds / np.float32(255), path),
        "classes": lambda path: write_palette(kinds, list(COLORS.values()), path),
        "history": lambda path: write_text(path, _history(aging, aged, part)),
    }
    with all_or_nothing() as written:
        for folder in (target.parent, part.parent):
            folder.mkdir(parents=True, exist_ok=True)
        written.append(part)
        write(aged, part)
        for kind, save in writers.items():
            path = aging.place(kind, ".json" if kind == "history" else ".png")
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path)
            written.append(path)
        # Last, because its being there says that all is.
        part.replace(target)
        written[0] = target
    share = float((mask >= 0.5).mean())
    says = f"{', '.join(step.stage for step in aged.history)}; {share:.2%} damaged"
    return Outcome(
        aging.job,
        State.DONE,
        recipe=aging.preset,
        chosen="as asked",
        evidence=(("aged by", says),),
        files=tuple(map(str, written)),
        numbers={"damaged_share": share},
    )


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
        WriteError: They are there and neither to be replaced nor left out, or they were made
            with other settings.
    """
    answer = check_target(aging.job)
    if answer is None:
        return None
    history = aging.place("history", ".json")
    planes = (aging.place(name) for name in ("clean", "mask", "kinds", "classes"))
    if not all(path.is_file() for path in (history, *planes)):
        return None
    told = json.loads(history.read_text(encoding="utf-8"))
    # Earlier histories name the library only.
    told = {"library_sha256": "unknown" if told.get("library") else "", **told}
    other = [NAMES.get(k, k) for k, value in aging.made_as.items() if told.get(k) != value]
    if other:
        raise WriteError(
            f"{aging.job.target} was made with another {' and '.join(other)}; "
            "use --overwrite or another folder"
        )
    return answer


class Workers:
    """Processes that age photos; each waits for its turn with a darkroom of its own."""

    def __init__(self, count: int, agings: Sequence[Aging]) -> None:
        # A forked process would inherit locks that threads of this one hold.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin)
        self._futures = {aging: self._pool.submit(_age_alone, aging) for aging in agings}

    def wait(self, aging: Aging, darkroom: Darkroom) -> Outcome:
        """Wait for a photo to be done.

        Raises:
            Cancelled: The darkroom was told to stop; what has not begun is given up.
        """
        future: Future[Outcome] = self._futures[aging]
        while True:
            try:
                return future.result(timeout=0.2)
            except TimeoutError:
                darkroom.strips(lambda rows: None, (1, 1))

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
