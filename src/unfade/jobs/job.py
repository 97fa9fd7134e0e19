"""What to do with one file, as plain data, so that it can be queued, pickled and logged."""

from __future__ import annotations

import dataclasses
import enum

from ..choose import Changes
from ..darkroom import DEFAULT_MEMORY
from ..recipe import Recipe
from ..report.papers import Papers


class Existing(enum.StrEnum):
    """What to do where the target is there already."""

    REFUSE = "refuse"
    SKIP = "skip"
    OVERWRITE = "overwrite"


@dataclasses.dataclass(frozen=True)
class Equipment:
    """What a darkroom is opened with; see `Darkroom`."""

    engine: str = "auto"
    threads: int = 0
    memory: int = DEFAULT_MEMORY


@dataclasses.dataclass(frozen=True)
class Job:
    """One photo to restore: all that must be known, as plain data.

    Attributes:
        source: File to read.
        target: File to write, never the source itself.
        recipe: What to do; None measures the photo and chooses.
        changes: What is wanted different from that recipe.
        equipment: Engine, threads and memory.
        mask: Picture of the damage, white is damaged; empty looks for it.
        page_masks: The same for pages of a TIFF that are restored together: their numbers, from 1,
            and pictures.
        reference: Undamaged picture of the same size to measure against; empty measures nothing.
        infrared: Picture of the scanner's infrared plane, of the same size; empty takes that of
            the source, if it has one.
        page: Page of a TIFF to take alone, from 1; 0 takes every page that is a photo.
        format: File format of the target, empty goes by its suffix.
        bits: Bits per sample of the target, 0 as in the source.
        quality: 1 to 100 for JPEG, WebP, HEIF and AVIF; 0 as in the source.
        existing: What to do where the target is there already.
        save_mask: Write the damage mask as `target.mask.png`.
        save_origin: Write what became of each pixel as `target.origin.png`.
        keep_steps: Write the photo after every stage that changed it, `target.step-2-inpaint.tif`.
        report: Write `target.report.html`, a page that shows what was done.
        papers: Sidecar, PREMIS and signature of the target.
        also: Companions of the target, as `derivatives.parse_derivative` reads them.
        keep_times: Give the target and its companions the modification time of the source.
    """

    source: str
    target: str
    recipe: Recipe | None = None
    changes: Changes = dataclasses.field(default_factory=Changes)
    equipment: Equipment = Equipment()
    mask: str = ""
    page_masks: tuple[tuple[int, str], ...] = ()
    reference: str = ""
    infrared: str = ""
    page: int = 0
    format: str = ""
    bits: int = 0
    quality: int = 0
    existing: Existing = Existing.REFUSE
    save_mask: bool = False
    save_origin: bool = False
    keep_steps: bool = False
    report: bool = False
    papers: Papers = dataclasses.field(default_factory=Papers)
    also: tuple[str, ...] = ()
    keep_times: bool = False


INPUTS = ("mask", "reference", "infrared")
"""Fields of a job that name further files it reads."""

NOT_OF_THE_TARGET = frozenset(
    {"source", "target", "recipe", "changes", "equipment", "existing", "papers", *INPUTS}
    | {"page_masks", "save_mask", "save_origin", "keep_steps", "report", "also", "keep_times"}
)
"""Fields of a job that its sidecar tells elsewhere, or that leave the target as it is."""
