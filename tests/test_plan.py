"""Plans: what a dry run says is what will be done, or it says what that depends on."""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest

from unfade.choose import choose_recipe
from unfade.darkroom import Darkroom
from unfade.io.write import write, write_plane
from unfade.jobs.job import Existing, Job
from unfade.jobs.run import run_job
from unfade.photo import Edit, Origin, Photo
from unfade.plan import SECONDS_PER_MEGAPIXEL, SECONDS_PER_PHOTO, plan_job
from unfade.recipe import Finding, Recipe
from unfade.settings import setting
from unfade.stages.damage import DetectDamage
from unfade.stages.grain import KeepGrain
from unfade.stages.inpaint import Inpaint
from unfade.stages.measure import MeasureGrain


@dataclasses.dataclass(frozen=True)
class Spot:
    """Take the first row for damaged, unless a mask is given."""

    name: ClassVar[str] = "damage"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.UNTOUCHED

    def look(self, photo, darkroom):
        return Finding(photo.damage is None, "looked for" if photo.damage is None else "given")

    def __call__(self, photo, darkroom):
        if photo.damage is not None:
            return Edit()
        mask = np.zeros(photo.size, np.float32)
        mask[0] = 1
        return Edit(damage=mask, notes={"evidence": "the first row", "marks": 1})


@dataclasses.dataclass(frozen=True)
class Smooth:
    """Make all pixels grey where that is needed."""

    needed: bool = True
    name: ClassVar[str] = "denoise"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.DENOISED

    def look(self, photo, darkroom):
        return Finding(self.needed, "noise: reduced" if self.needed else "noise: skipped")

    def __call__(self, photo, darkroom):
        notes = {"evidence": self.look(photo, darkroom).evidence}
        pixels = np.full_like(photo.pixels, 0.5) if self.needed else None
        return Edit(pixels=pixels, notes=notes)


@dataclasses.dataclass(frozen=True)
class Tone:
    """Certain to 0.9 of fading: enough for an old photo only, unless the gate is low."""

    gate: float = 0.995
    strength: float = setting(1.0, "how far", low=0, high=1)
    name: ClassVar[str] = "fading"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE

    def look(self, photo, darkroom):
        worn = photo.damage is not None and photo.damage.any()
        faded = (0.85 if worn else self.gate) <= 0.9
        return Finding(faded, "corrected" if faded else "not certain enough: skipped")

    def __call__(self, photo, darkroom):
        return Edit(notes={"evidence": self.look(photo, darkroom).evidence})


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.png"
    pixels = np.random.default_rng(0).integers(60, 200, (64, 80, 3), dtype=np.uint8)
    write(Photo.from_array(pixels), path)
    return path


def job(scan, *stages, **options):
    options["existing"] = Existing.OVERWRITE
    return Job(str(scan), str(scan.with_name("out.png")), Recipe("r", stages), **options)


def plan(scan, *stages, **options):
    outcome = plan_job(job(scan, *stages, **options), Darkroom())
    assert outcome.state == "planned", outcome.message
    return dict(outcome.evidence)


def done(scan, *stages):
    outcome = run_job(job(scan, *stages), Darkroom())
    assert outcome.state == "done", outcome.message
    return dict(outcome.evidence)


def test_grain_depends_on_a_denoising_that_is_planned(scan):
    stages = (MeasureGrain(), Smooth(), KeepGrain(1.0))
    assert plan(scan, *stages)["grain"] == "depends on what denoise does"
    assert "added" in done(scan, *stages)["grain"]


@pytest.mark.parametrize(
    "stages",
    [
        (MeasureGrain(), Smooth(needed=False), KeepGrain(1.0)),
        (MeasureGrain(), KeepGrain(1.0)),
        (MeasureGrain(), Smooth(), KeepGrain(0.0)),
    ],
    ids=["nothing to denoise", "no denoising", "none to keep"],
)
def test_grain_that_cannot_come_is_not_promised(scan, stages):
    assert plan(scan, *stages)["grain"] == done(scan, *stages)["grain"]


def test_fading_depends_on_the_damage_only_where_that_opens_the_gate(scan):
    assert plan(scan, Spot(), Tone())["fading"] == "depends on what damage finds"
    assert done(scan, Spot(), Tone())["fading"] == "corrected"
    assert plan(scan, Spot(), Tone(gate=0.5))["fading"] == "corrected"
    assert plan(scan, Tone())["fading"] == "not certain enough: skipped"


def test_a_mask_that_is_given_leaves_nothing_open(scan):
    mask = scan.with_name("mask.png")
    write_plane(np.ones((64, 80), np.float32), mask)
    said = plan(scan, Spot(), Tone(), mask=str(mask))
    assert said["fading"] == "corrected"


def test_a_mask_that_is_looked_into_leaves_open_what_is_filled(scan):
    mask = scan.with_name("mask.png")
    write_plane(np.eye(64, 80, dtype=np.float32), mask)
    for rough, says in ((False, "64 marked pixels filled"), (True, "depends on what damage finds")):
        stages = (DetectDamage(rough=rough), Inpaint())
        assert plan(scan, *stages, mask=str(mask))["inpaint"] == says


def test_inpainting_depends_on_damage_that_is_looked_for(scan):
    assert plan(scan, Spot(), Inpaint())["inpaint"] == "depends on what damage finds"
    assert "skipped" in plan(scan, Inpaint())["inpaint"]
    for stages in ((Inpaint(),), (Spot(), Inpaint(strength=0.0))):
        assert plan(scan, *stages)["inpaint"] == done(scan, *stages)["inpaint"]


def test_a_plan_counts_the_photo_itself_and_every_stage_that_works(scan):
    def seconds(*stages):
        return plan_job(job(scan, *stages), Darkroom()).seconds

    megapixels = 64 * 80 / 1e6
    alone = seconds()
    assert alone == pytest.approx(SECONDS_PER_PHOTO, rel=0.01)
    for stages in ((Spot(),), (Spot(), Tone()), (MeasureGrain(), Smooth(), KeepGrain())):
        work = sum(SECONDS_PER_MEGAPIXEL[stage.name] for stage in stages)
        assert seconds(*stages) - alone == pytest.approx(work * megapixels)
    assert seconds(Smooth(needed=False)) == alone


def test_the_choice_says_that_it_was_but_a_glance(monkeypatch):
    monkeypatch.setattr("unfade.choose._first_work", lambda *_: "")
    colorful = Photo(np.random.default_rng(0).random((40, 60, 3), np.float32))
    assert "at first glance" in choose_recipe(colorful, Darkroom()).evidence


def test_a_plan_in_short_says_what_is_sure_and_what_depends(scan):
    def short(*stages, **options):
        return plan_job(job(scan, *stages, **options), Darkroom()).message

    assert short(Spot(), Inpaint(), Smooth()) == "damage looked for, noise reduced"
    assert short(Spot(), Tone()) == "damage looked for, perhaps fading corrected"
    assert short(Smooth(needed=False)) == "nothing to do"
    mask = scan.with_name("mask.png")
    write_plane(np.eye(64, 80, dtype=np.float32), mask)
    assert short(Spot(), Inpaint(), mask=str(mask)) == "damage filled"
