"""An archive's master goes in, and what comes out is what was promised, to the last bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import tifffile
from PIL import Image

from unfade.choose import load_recipe
from unfade.color import to_lab
from unfade.darkroom import Darkroom
from unfade.degrade import draw_aging
from unfade.io.icc import write_profile
from unfade.io.read import read
from unfade.io.write import write, write_plane
from unfade.jobs.job import Job
from unfade.jobs.outcome import State
from unfade.jobs.run import run_job
from unfade.photo import Edit, Metadata, Origin, Photo
from unfade.pipeline import run
from unfade.plan import plan_job
from unfade.profile import ADOBE_RGB, SRGB, Curve, Profile, from_srgb, to_srgb
from unfade.recipe import Finding, Recipe
from unfade.report.pictures import LOOKS
from unfade.stages import STAGES

RNG = np.random.default_rng(6)
LINEAR = Profile("linear scanner", (Curve(),) * 3, SRGB.primaries)
GREY = Profile("gray gamma 2.2", (Curve(2.2),))
PROFILES = {"srgb": None, "adobe": ADOBE_RGB, "linear": LINEAR}
ONLY_DAMAGE = load_recipe("only-damage")


@dataclasses.dataclass(frozen=True)
class Everywhere:
    """Change every pixel, or the size."""

    name: ClassVar[str] = "everywhere"
    invents: ClassVar[bool] = False
    marks: ClassVar[Origin] = Origin.TONE
    times: int = 1

    def look(self, photo: Photo, darkroom: Darkroom) -> Finding:
        return Finding(True, "all")

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        return Edit(pixels=(photo.pixels * np.float32(0.5)).repeat(self.times, axis=0))


def picture(height: int = 96, width: int = 128, channels: int = 3) -> np.ndarray:
    """Soft shapes within sRGB, (H, W, C) float32."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [np.sin(x / (9 + 4 * k) + k) * np.cos(y / (13 - 3 * k)) for k in range(channels)]
    return np.stack([0.5 + 0.3 * wave for wave in waves], axis=2).astype(np.float32)


def store(path: Path, srgb: np.ndarray, profile: Profile | None = None, bits: int = 16) -> Path:
    fields = {"icc-profile-data": write_profile(profile)} if profile else {}
    metadata = Metadata(bits=bits, profile=profile, fields=fields)
    write(Photo(np.clip(from_srgb(srgb, profile), 0, 1), metadata=metadata), path)
    return path


def spots(path: Path, size: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size, np.float32)
    mask[20:30, 40:44] = mask[60:63, 10:80] = 1
    write_plane(mask, path)
    return mask > 0


def done(job: Job) -> Any:
    outcome = run_job(job, Darkroom(threads=1))
    assert outcome.state is State.DONE, outcome.message
    return outcome


@pytest.mark.parametrize("suffix", [".tif", ".png"])
@pytest.mark.parametrize("name", PROFILES)
def test_only_damage_changes_nothing_else(tmp_path: Path, name: str, suffix: str) -> None:
    source = store(tmp_path / f"a{suffix}", picture(), PROFILES[name])
    marked = spots(tmp_path / "mask.png", (96, 128))
    outcome = done(
        Job(str(source), str(tmp_path / f"b{suffix}"), ONLY_DAMAGE, mask=str(tmp_path / "mask.png"))
    )
    before, after = read(source).to_array(), read(tmp_path / f"b{suffix}").to_array()
    changed = (before != after).any(axis=2)
    assert changed.any() and not changed[~marked].any()
    assert outcome.numbers["untouched_pixels_verified"] >= np.count_nonzero(~marked)
    counted = outcome.numbers["untouched_pixels_verified"] + outcome.numbers["changed_pixels"]
    assert counted == changed.size


def test_only_damage_holds_whatever_the_stages_do(tmp_path: Path) -> None:
    recipe = Recipe("wild", (Everywhere(),), only_damage=True)
    photo = Photo(picture())
    mask = np.zeros(photo.size, np.float32)
    mask[3:9, 4:7] = 0.2
    out = run(dataclasses.replace(photo, damage=mask), recipe, Darkroom())
    changed = (out.pixels != photo.pixels).any(axis=2)
    assert changed[3:9, 4:7].all() and np.count_nonzero(changed) == 18
    assert np.count_nonzero(out.origin) == 18 and out.history[0].changed_pixels == 18
    assert out.history[0].notes["evidence"].endswith("; only inside damage")
    assert np.array_equal(run(photo, recipe, Darkroom()).pixels, photo.pixels)


def test_only_damage_refuses_what_it_could_not_keep(tmp_path: Path) -> None:
    source = store(tmp_path / "a.tif", picture())
    for target, options, reason in (
        ("b.jpg", {}, "jpeg stores every pixel anew"),
        ("b.tif", {"bits": 8}, "16 bits per sample and the file would have 8"),
    ):
        job = Job(str(source), str(tmp_path / target), ONLY_DAMAGE, **options)  # type: ignore[arg-type]
        outcome = run_job(job, Darkroom(threads=1))
        assert outcome.state is State.FAILED and reason in outcome.message
        assert not (tmp_path / target).exists()
    larger = Recipe("larger", (Everywhere(2),), only_damage=True)
    outcome = run_job(Job(str(source), str(tmp_path / "b.tif"), larger), Darkroom())
    assert outcome.state is State.FAILED and "only damage may change" in outcome.message


def test_only_damage_is_kept_in_toml_and_by_changes() -> None:
    assert ONLY_DAMAGE.only_damage
    assert Recipe.from_toml(ONLY_DAMAGE.to_toml(), STAGES) == ONLY_DAMAGE
    assert ONLY_DAMAGE.without("measure").setting("inpaint.grain=0").only_damage


@pytest.mark.parametrize("channels", [1, 3])
def test_every_encoding_is_restored_alike(tmp_path: Path, channels: int) -> None:
    from unfade.metrics.color import ciede2000

    clean = Photo(picture(128, 160, channels))
    aging = draw_aging(np.random.default_rng(1), "print-color", 0.6, size=clean.size)
    aged = np.clip(run(clean, aging, Darkroom()).pixels, 0, 1)
    profiles = {"srgb": None, "grey": GREY} if channels == 1 else PROFILES
    recipe = load_recipe("print").setting("fading.gate=0").setting("denoise.gate=0")
    results = {}
    for name, profile in profiles.items():
        source = store(tmp_path / f"{name}.tif", aged, profile)
        done(Job(str(source), str(tmp_path / f"{name}.out.tif"), recipe))
        out = read(tmp_path / f"{name}.out.tif")
        assert out.metadata.profile == read(source).metadata.profile
        results[name] = to_lab(np.clip(to_srgb(out.pixels, out.metadata.profile), 0, 1))
    assert ciede2000(results["srgb"], to_lab(aged)).mean() > 1
    for name in profiles:
        assert ciede2000(results["srgb"], results[name]).mean() < 0.1, name


def pages(path: Path) -> list[np.ndarray]:
    arrays = [np.rint(picture(40 + 8 * k, 64) * 65535).astype(np.uint16) for k in range(3)]
    with tifffile.TiffWriter(path) as file:
        for number, array in enumerate(arrays):
            file.write(array, photometric="rgb", metadata=None, description=f"page {number}")
    return arrays


HALF = Recipe("half", (Everywhere(),))


def test_every_page_is_restored(tmp_path: Path) -> None:
    arrays = pages(tmp_path / "a.tif")
    outcome = done(Job(str(tmp_path / "a.tif"), str(tmp_path / "b.tif"), HALF))
    assert outcome.files == (str(tmp_path / "b.tif"),)
    assert [says[:6] for _, says in outcome.evidence] == ["page 1", "page 2", "page 3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "b.tif"]
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        for number, (page, array) in enumerate(zip(file.pages, arrays, strict=True)):
            assert np.abs(page.asarray() - array / 2).max() <= 0.5
            assert page.description == f"page {number}"


def test_one_page_can_be_taken_alone(tmp_path: Path) -> None:
    arrays = pages(tmp_path / "a.tif")
    done(Job(str(tmp_path / "a.tif"), str(tmp_path / "b.tif"), Recipe("none"), page=2))
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), arrays[1])


def test_pages_in_a_format_without_pages_are_refused(tmp_path: Path) -> None:
    pages(tmp_path / "a.tif")
    outcome = run_job(Job(str(tmp_path / "a.tif"), str(tmp_path / "b.png"), HALF), Darkroom())
    assert outcome.state is State.FAILED and "3 pages, and png holds one" in outcome.message
    spots(tmp_path / "mask.png", (96, 128))
    job = Job(str(tmp_path / "a.tif"), str(tmp_path / "b.tif"), mask=str(tmp_path / "mask.png"))
    outcome = run_job(job, Darkroom())
    assert outcome.state is State.FAILED and "--page" in outcome.message


def test_a_page_that_fails_leaves_nothing(tmp_path: Path) -> None:
    pages(tmp_path / "a.tif")
    larger = Recipe("larger", (Everywhere(2),), only_damage=True)
    outcome = run_job(Job(str(tmp_path / "a.tif"), str(tmp_path / "b.tif"), larger), Darkroom())
    assert outcome.state is State.FAILED
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@dataclasses.dataclass(frozen=True)
class Infrared(Everywhere):
    """Put the infrared plane into the picture, to see that it is there."""

    def __call__(self, photo: Photo, darkroom: Darkroom) -> Edit:
        assert photo.infrared is not None
        return Edit(pixels=np.repeat(photo.infrared[:, :, None], 3, axis=2))


def test_infrared_comes_from_a_file_of_its_own_and_stays_there(tmp_path: Path) -> None:
    source = store(tmp_path / "a.tif", picture())
    plane = np.rint(picture(channels=1)[:, :, 0] * 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "ir.tif", plane, photometric="minisblack")
    recipe = Recipe("infrared", (Infrared(),))
    job = Job(str(source), str(tmp_path / "b.tif"), recipe, infrared=str(tmp_path / "ir.tif"))
    done(job)
    out = read(tmp_path / "b.tif")
    assert out.infrared is None and np.array_equal(out.to_array()[:, :, 1], plane)
    tifffile.imwrite(tmp_path / "ir.tif", plane[:, :-1], photometric="minisblack")
    outcome = run_job(dataclasses.replace(job, target=str(tmp_path / "c.tif")), Darkroom())
    assert outcome.state is State.FAILED and "128 x 96 pixels like the photo" in outcome.message


def test_the_origin_of_each_pixel_is_saved_with_its_legend(tmp_path: Path) -> None:
    source = store(tmp_path / "a.png", picture(), bits=8)
    marked = spots(tmp_path / "mask.png", (96, 128))
    outcome = done(
        Job(
            str(source), str(tmp_path / "b.png"), ONLY_DAMAGE,
            mask=str(tmp_path / "mask.png"), save_origin=True,
        )
    )  # fmt: skip
    assert str(tmp_path / "b.png.origin.png") in outcome.files
    with Image.open(tmp_path / "b.png.origin.png") as image:
        assert image.mode == "P" and image.size == (128, 96)
        stored, seen = np.asarray(image), np.asarray(image.convert("RGB"))
        assert "filled" in image.text["Description"]
    assert set(np.unique(stored)) == {Origin.UNTOUCHED, Origin.FILLED}
    assert not stored[~marked].any() and (stored[marked] == Origin.FILLED).mean() > 0.9
    assert (seen[stored == Origin.FILLED] == LOOKS[Origin.FILLED].color).all()


def test_colors_that_were_converted_are_told(tmp_path: Path) -> None:
    Image.fromarray(np.full((24, 32, 4), 90, np.uint8), "CMYK").save(tmp_path / "a.tif")
    job = Job(str(tmp_path / "a.tif"), str(tmp_path / "b.tif"), Recipe("none"))
    for outcome in (plan_job(job, Darkroom()), run_job(job, Darkroom())):
        assert outcome.evidence[0] == ("read", "CMYK to sRGB through a generic profile")
