"""Jobs: one way in, one outcome out, and nothing half done on the disk."""

import concurrent.futures
import dataclasses
import errno
import json
import pickle
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

from unfade.choose import Changes
from unfade.darkroom import Darkroom
from unfade.errors import Cancelled, ModelError
from unfade.io.read import read
from unfade.io.write import write, write_plane
from unfade.jobs.files import companions
from unfade.jobs.job import Equipment, Existing, Job
from unfade.jobs.outcome import Outcome, State
from unfade.jobs.run import run_job, run_jobs
from unfade.photo import Edit, Origin, Photo
from unfade.pipeline import run
from unfade.plan import plan_job
from unfade.recipe import Finding, Recipe
from unfade.settings import setting
from unfade.stages.negative import InvertNegative


@dataclasses.dataclass(frozen=True)
class Grey:
    """Set what is damaged, or everything, to middle grey."""

    name: ClassVar[str] = "grey"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.FILLED
    strength: float = setting(1.0, "how far", low=0, high=1)

    def look(self, photo, darkroom):
        return Finding(True, "will be grey")

    def __call__(self, photo, darkroom):
        where = 1 if photo.damage is None else photo.damage[:, :, None]
        share = np.float32(self.strength) * where
        pixels = (photo.pixels * (1 - share) + share * np.float32(0.5)).astype(np.float32)
        return Edit(pixels=pixels, notes={"evidence": "made grey"})


@dataclasses.dataclass(frozen=True)
class Break:
    """Fail with an error, or be stopped."""

    error: type[BaseException] = ModelError
    name: ClassVar[str] = "break"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.UNTOUCHED

    def look(self, photo, darkroom):
        return Finding(True, "will break")

    def __call__(self, photo, darkroom):
        raise self.error("weights are missing")


GREY = Recipe("grey", (Grey(),))


def job_for(scan, recipe=GREY, **options):
    return Job(str(scan), str(scan.with_name("out.png")), recipe, **options)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_job_reads_restores_and_writes(scan):
    outcome = run_job(job_for(scan), Darkroom())
    assert outcome.state is State.DONE, outcome.message
    assert outcome.evidence == (("grey", "made grey"),)
    assert outcome.files == (str(scan.with_name("out.png")),)
    assert outcome.seconds > 0
    assert np.all(read(outcome.files[0]).to_array() == 128)


def test_the_history_is_embedded_in_the_result(scan):
    outcome = run_job(job_for(scan), Darkroom())
    packet = read(outcome.files[0]).metadata.fields["xmp-data"].decode()
    assert '"stage": "grey"' in packet or "&quot;grey&quot;" in packet


@pytest.mark.parametrize(
    "content", [b"", b"this is text", b"\xff\xd8\xff\xe0\0\x10JFIF\0", None], ids=str
)
def test_a_bad_file_is_a_failed_outcome_and_leaves_nothing(tmp_path, content):
    path = tmp_path / "bad.jpg"
    if content is not None:
        path.write_bytes(content)
    before = names(tmp_path)
    outcome = run_job(Job(str(path), str(tmp_path / "out.jpg"), GREY), Darkroom())
    assert outcome.state is State.FAILED
    assert "bad.jpg" in outcome.message and "\n" not in outcome.message
    assert names(tmp_path) == before


def test_a_mask_that_changes_while_a_photo_is_worked_on_fails_it(scan, tmp_path, monkeypatch):
    mask = tmp_path / "mask.png"
    write_plane(np.ones((12, 16), np.float32), mask)
    act = type(GREY.stages[0]).__call__

    def save_meanwhile(stage, photo, darkroom):
        write_plane(np.zeros((12, 16), np.float32), mask)
        return act(stage, photo, darkroom)

    monkeypatch.setattr(type(GREY.stages[0]), "__call__", save_meanwhile)
    outcome = run_job(job_for(scan, mask=str(mask)), Darkroom())
    assert outcome.state is State.FAILED
    assert "mask.png: was changed while it was worked on" in outcome.message
    assert not scan.with_name("out.png").exists()


def test_a_bad_file_does_not_stop_a_batch(scan, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    jobs = [Job(str(tmp_path / "bad.png"), str(tmp_path / "x.png"), GREY), job_for(scan)]
    states = [outcome.state for outcome in run_jobs(jobs, darkroom=Darkroom())]
    assert states == [State.FAILED, State.DONE]


@pytest.mark.parametrize("error", [ModelError, ValueError, OSError, MemoryError])
def test_an_error_in_a_stage_is_a_failed_outcome_without_any_file(scan, error):
    recipe = Recipe("breaks", (Grey(), Break(error)))
    outcome = run_job(
        job_for(scan, recipe, keep_steps=True, save_mask=True, report=True), Darkroom()
    )
    assert outcome.state is State.FAILED
    assert outcome.message
    assert names(scan.parent) == ["scan.png"]


def test_a_programming_error_is_not_hidden(scan):
    with pytest.raises(TypeError):
        run_job(job_for(scan, Recipe("breaks", (Break(TypeError),))), Darkroom())


def test_being_stopped_passes_through_and_leaves_nothing(scan):
    recipe = Recipe("stops", (Grey(), Break(Cancelled)))
    with pytest.raises(Cancelled):
        run_job(job_for(scan, recipe, keep_steps=True), Darkroom())
    assert names(scan.parent) == ["scan.png"]


def test_a_failing_report_leaves_no_result_either(scan, monkeypatch):
    def refuse(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr("unfade.jobs.page.write_report", refuse)
    outcome = run_job(job_for(scan, save_mask=True, report=True), Darkroom())
    assert (outcome.state, outcome.message) == (State.FAILED, "disk full")
    assert names(scan.parent) == ["scan.png"]


@pytest.mark.parametrize("existing", list(Existing))
def test_the_original_is_never_overwritten(scan, existing):
    content = scan.read_bytes()
    link = scan.with_name("link.png")
    link.symlink_to(scan)
    for target in (scan, link, scan.parent / "." / "scan.png"):
        outcome = run_job(Job(str(scan), str(target), GREY, existing=existing), Darkroom())
        assert outcome.state is State.FAILED
        assert "original" in outcome.message
    assert scan.read_bytes() == content


@pytest.mark.parametrize(
    ("existing", "state", "kept"),
    [
        (Existing.REFUSE, State.FAILED, True),
        (Existing.SKIP, State.SKIPPED, True),
        (Existing.OVERWRITE, State.DONE, False),
    ],
)
def test_an_existing_target_is_treated_as_asked(scan, existing, state, kept):
    target = scan.with_name("out.png")
    target.write_bytes(b"precious")
    assert run_job(job_for(scan, existing=existing), Darkroom()).state is state
    assert (target.read_bytes() == b"precious") is kept


def test_a_mask_of_mine_is_used_and_saved(scan):
    mask = np.zeros((12, 16), np.float32)
    mask[3:5] = 1
    write_plane(mask, scan.with_name("mine.png"))
    job = job_for(scan, mask=str(scan.with_name("mine.png")), save_mask=True)
    outcome = run_job(job, Darkroom())
    before, after = read(scan).to_array(), read(outcome.files[0]).to_array()
    assert np.array_equal(after[mask == 0], before[mask == 0])
    assert (after[mask == 1] == 128).all()
    assert Path(outcome.files[1]).name == "out.png.mask.png"
    assert np.array_equal(read(outcome.files[1]).pixels[:, :, 0], mask)


@pytest.mark.parametrize("wish", [{"save_mask": True}, {"also": ("web",)}, {"report": True}])
@pytest.mark.parametrize("existing", Existing)
def test_what_comes_with_a_target_replaces_nothing_unless_asked(scan, wish, existing):
    job = job_for(scan, existing=existing, **wish)
    (companion,) = companions(job)
    companion.write_bytes(b"precious")
    outcome = run_job(job, Darkroom())
    asked = existing is Existing.OVERWRITE
    assert outcome.state is (State.DONE if asked else State.FAILED)
    assert (companion.read_bytes() == b"precious") is not asked
    assert asked or (companion.name in outcome.message and "--overwrite" in outcome.message)


def test_a_step_replaces_nothing_unless_asked(scan):
    step = scan.with_name("out.png.step-1-grey.png")
    step.write_bytes(b"precious")
    outcome = run_job(job_for(scan, keep_steps=True), Darkroom())
    assert outcome.state is State.FAILED and step.name in outcome.message
    assert step.read_bytes() == b"precious" and not scan.with_name("out.png").exists()


def test_what_is_read_is_never_written(scan):
    mask = scan.with_name("out.png.mask.png")
    write_plane(np.ones((12, 16), np.float32), mask)
    source = scan.with_name("x.png.mask.png")
    source.write_bytes(scan.read_bytes())
    mine, theirs = mask.read_bytes(), source.read_bytes()
    for job in (
        job_for(scan, mask=str(mask), save_mask=True, existing=Existing.OVERWRITE),
        Job(str(source), str(scan.with_name("x.png")), GREY, save_mask=True),
    ):
        outcome = run_job(job, Darkroom())
        assert outcome.state is State.FAILED and "never overwritten" in outcome.message
    assert mask.read_bytes() == mine and source.read_bytes() == theirs


def test_what_was_there_comes_back_where_a_job_breaks_off(scan, monkeypatch):
    job = job_for(scan, save_mask=True, report=True, existing=Existing.OVERWRITE)
    for place in (Path(job.target), *companions(job)):
        place.write_bytes(b"before")
    monkeypatch.setattr("unfade.jobs.page._deliver", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_job(job, Darkroom())
    kept = [path for path in scan.parent.iterdir() if path != scan]
    assert len(kept) == 3 and all(path.read_bytes() == b"before" for path in kept)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_to_have_the_name_of_the_target_meanwhile_stays(scan, monkeypatch, links):
    def intrude(stage, photo, darkroom):
        scan.with_name("out.png").write_bytes(b"somebody else's")
        return act(stage, photo, darkroom)

    def refuse(path, target):
        raise OSError(errno.EPERM, "no links here")

    act = Grey.__call__
    monkeypatch.setattr(Grey, "__call__", intrude)
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    for strength in (0.0, 1.0):
        recipe = Recipe("grey", (Grey(strength),))
        scan.with_name("out.png").unlink(missing_ok=True)
        outcome = run_job(job_for(scan, recipe), Darkroom())
        assert outcome.state is State.FAILED and "stays as it is" in outcome.message
        assert scan.with_name("out.png").read_bytes() == b"somebody else's"
        assert names(scan.parent) == ["out.png", scan.name]


def test_a_disk_without_links_gets_its_files(scan, monkeypatch):
    def refuse(path, target):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert run_job(job_for(scan), Darkroom()).state is State.DONE
    assert names(scan.parent) == ["out.png", scan.name]


def test_photos_with_one_stem_have_companions_of_their_own(scan):
    jobs = [
        Job(str(scan), str(scan.with_name(f"out{suffix}")), GREY, save_mask=True, report=True)
        for suffix in (".png", ".tif", ".jpg")
    ]
    written = [path for job in jobs for path in run_job(job, Darkroom()).files]
    assert len(set(written)) == 9 and all(Path(path).exists() for path in written)


@pytest.mark.parametrize(("name", "copied"), [("b.jpeg", True), ("b.JPE", True), ("b.tif", False)])
def test_a_photo_in_which_nothing_changed_is_copied_however_its_suffix_is_spelled(
    tmp_path, name, copied
):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    write(Photo.from_array(pixels), tmp_path / "a.jpg")
    nothing = Recipe("nothing", (Grey(strength=0.0),))
    outcome = run_job(Job(str(tmp_path / "a.jpg"), str(tmp_path / name), nothing), Darkroom())
    assert outcome.state is State.DONE
    assert ((tmp_path / name).read_bytes() == (tmp_path / "a.jpg").read_bytes()) is copied


def test_a_photo_whose_name_ends_in_a_year_keeps_its_format(scan):
    source = scan.rename(scan.with_name("Family.1923"))
    outcome = run_job(Job(str(source), str(source.with_name("New.1923")), GREY), Darkroom())
    assert outcome.state is State.DONE, outcome.message
    assert read(outcome.files[0]).metadata.format == "png"


def test_a_mask_of_another_size_is_refused(scan):
    write_plane(np.ones((3, 4), np.float32), scan.with_name("small.png"))
    outcome = run_job(job_for(scan, mask=str(scan.with_name("small.png"))), Darkroom())
    assert outcome.state is State.FAILED
    assert "small.png" in outcome.message


def test_every_step_that_changed_something_is_kept_when_asked(scan):
    recipe = Recipe("steps", (Grey(strength=0.0), Grey(strength=0.5), Grey()))
    outcome = run_job(job_for(scan, recipe, keep_steps=True), Darkroom())
    kept = [Path(path).name for path in outcome.files[1:]]
    assert kept == ["out.png.step-2-grey.png", "out.png.step-3-grey.png"]
    assert np.array_equal(read(outcome.files[2]).pixels, read(outcome.files[0]).pixels)


def test_changes_are_applied_to_the_recipe(scan):
    outcome = run_job(job_for(scan, changes=Changes(strength=0.0)), Darkroom())
    assert np.array_equal(read(outcome.files[0]).to_array(), read(scan).to_array())


def test_a_recipe_that_does_not_fit_is_a_failed_outcome(scan):
    outcome = run_job(job_for(scan, changes=Changes(without=("sharpen",))), Darkroom())
    assert outcome.state is State.FAILED
    assert "sharpen" in outcome.message


def test_a_report_tells_the_numbers_against_a_reference(scan):
    outcome = run_job(job_for(scan, reference=str(scan), report=True), Darkroom())
    assert [Path(path).name for path in outcome.files] == ["out.png", "out.png.report.html"]
    page = Path(outcome.files[1]).read_text("utf-8")
    assert "grey" in page and f"{outcome.numbers['psnr_after_db']:.4g}" in page


def test_a_plan_writes_nothing_and_names_the_target(scan):
    outcome = plan_job(job_for(scan, save_mask=True, report=True, keep_steps=True), Darkroom())
    assert outcome.state is State.PLANNED
    assert outcome.evidence == (("grey", "will be grey"),)
    assert outcome.files == (str(scan.with_name("out.png")),)
    assert outcome.seconds > 0
    assert names(scan.parent) == ["scan.png"]


def test_a_plan_looks_at_a_negative_as_it_will_be(scan):
    @dataclasses.dataclass(frozen=True)
    class Tell(Grey):
        name: ClassVar[str] = "tell"

        def look(self, photo, darkroom):
            return Finding(True, f"{photo.pixels.mean():.6f}")

    recipe = Recipe("negative", (InvertNegative(base=(0.1,), white=(2.0,)), Tell()))
    inverted = run(read(scan), Recipe("only", recipe.stages[:1]), Darkroom())
    said = dict(plan_job(job_for(scan, recipe), Darkroom()).evidence)
    assert said["tell"] == f"{inverted.pixels.mean():.6f}" != f"{read(scan).pixels.mean():.6f}"
    assert "inverted as asked" in said["negative"]
    assert names(scan.parent) == ["scan.png"]


def test_jobs_and_outcomes_survive_pickling(scan):
    job = job_for(scan, changes=Changes(only=("grey",)), equipment=Equipment(threads=1))
    assert pickle.loads(pickle.dumps(job)) == job
    outcome = run_job(job, Darkroom())
    assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_an_outcome_becomes_json(scan):
    outcome = run_job(job_for(scan), Darkroom())
    told = json.loads(json.dumps(outcome.to_dict(), allow_nan=False))
    assert (told["state"], told["source"]) == ("done", str(scan))
    assert told["evidence"] == [{"stage": "grey", "says": "made grey"}]


def test_any_mapper_gives_the_same_outcomes_in_order(scan, tmp_path):
    jobs = [Job(str(scan), str(tmp_path / f"{n}.png"), GREY) for n in range(3)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = list(run_jobs(jobs, pool.map))
    assert [outcome.job for outcome in outcomes] == jobs
    assert all(isinstance(o, Outcome) and o.state is State.DONE for o in outcomes)


def test_a_photo_with_nothing_to_do_is_copied_byte_for_byte(tmp_path):
    source = tmp_path / "clean.jpg"
    cv2.imwrite(str(source), np.full((40, 60, 3), 120, np.uint8))
    outcome = run_job(Job(str(source), str(tmp_path / "out.jpg"), recipe=Recipe("nothing")))
    assert outcome.message == "nothing to do: copied byte for byte"
    assert (tmp_path / "out.jpg").read_bytes() == source.read_bytes()


def test_another_format_or_depth_is_written_also_when_nothing_changed(tmp_path):
    source = tmp_path / "clean.png"
    cv2.imwrite(str(source), np.full((40, 60, 3), 120, np.uint8))
    for target, more in (("out.tif", {}), ("out.png", {"bits": 16})):
        job = Job(str(source), str(tmp_path / target), recipe=Recipe("nothing"), **more)
        assert run_job(job).message == ""
        assert (tmp_path / target).read_bytes() != source.read_bytes()
