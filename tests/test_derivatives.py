"""Companions of a photo: names, sizes, colors, and what they do not tell."""

import dataclasses
import os

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.derivatives import Derivative, parse_derivative, smaller, write_derivative
from unfade.io.icc import write_profile
from unfade.io.read import read
from unfade.io.write import write
from unfade.jobs.job import Job
from unfade.jobs.outcome import State
from unfade.jobs.run import run_job
from unfade.metrics import psnr
from unfade.photo import Metadata, Origin, Photo, Step
from unfade.profile import ADOBE_RGB, from_srgb
from unfade.recipe import Recipe
from unfade.report.deed import Deed, file_facts
from unfade.report.packet import open_packet, value_of
from unfade.report.xmp import provenance_packet
from unfade.stages import STAGES


def smooth(height=120, width=200):
    """A colored slope."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.stack([x / width, y / height, np.full_like(x, 0.4)], axis=2) * 0.6 + 0.2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("web", "a.tif.web.jpg"),
        ("web:1000", "a.tif.web-1000px.jpg"),
        ("jpeg:2048", "a.tif.2048px.jpg"),
        (" WebP:64 ", "a.tif.64px.webp"),
        ("png", "a.tif.full.png"),
    ],
)
def test_a_companion_has_a_predictable_name(tmp_path, text, name):
    wanted = parse_derivative(text)
    assert wanted.path(tmp_path / "a.tif") == tmp_path / name
    assert parse_derivative(str(wanted)) == wanted


@pytest.mark.parametrize("text", ["", "gif", "jpeg:", "jpeg:0", "jpeg:x", "jpeg:100000", "web 10"])
def test_another_wish_is_refused(text):
    with pytest.raises(ValueError, match=r"must be within|expected KIND"):
        parse_derivative(text)


def test_the_longer_side_is_at_most_what_was_asked_and_nothing_is_enlarged(tmp_path):
    photo = Photo(smooth(), metadata=Metadata(resolution_ppi=(300, 300)))
    path = write_derivative(photo, tmp_path / "a.tif", Derivative("png", 50))
    small = read(path)
    assert small.size == (30, 50)
    assert small.metadata.resolution_ppi == pytest.approx((75, 75), rel=1e-3)
    path = write_derivative(photo, tmp_path / "a.tif", Derivative("png", 5000))
    assert read(path).size == (120, 200)


def test_alpha_shrinks_along_and_becomes_white_in_jpeg(tmp_path):
    alpha = np.zeros((120, 200), np.float32)
    alpha[:, 100:] = 1
    photo = Photo(smooth(), alpha=alpha)
    assert smaller(photo, 100).alpha.shape == (60, 100)
    flat = read(write_derivative(photo, tmp_path / "a.tif", Derivative("jpeg"))).pixels
    assert flat[:, :90].min() > 0.98
    assert np.abs(flat[:, 110:] - smooth()[:, 110:]).max() < 0.1


def test_what_a_cutout_hides_does_not_show_at_its_edge(tmp_path):
    alpha = np.zeros((120, 200), np.float32)
    alpha[21:99, 33:167] = 1
    photo = Photo(np.repeat(alpha[:, :, None], 3, axis=2), alpha=alpha)
    small = smaller(photo, 50)
    assert np.all(small.pixels[small.alpha > 0] > 0.999)
    assert 0.2 < small.alpha[5:25, 8].min() < 0.9
    flat = read(write_derivative(photo, tmp_path / "a.tif", Derivative("jpeg", 50))).pixels
    assert flat.min() > 0.99


@pytest.mark.parametrize("wanted", [Derivative("jpeg"), Derivative("png"), Derivative("tiff", 50)])
def test_colors_multiplied_by_alpha_are_no_darker_in_a_companion(tmp_path, wanted):
    half = np.full((120, 200), 0.5, np.float32)
    metadata = Metadata(encoding={"extra_samples": (1,)})
    photo = Photo(np.full((120, 200, 3), 0.4, np.float32), alpha=half, metadata=metadata)
    back = read(write_derivative(photo, tmp_path / "a.tif", wanted))
    assert back.pixels == pytest.approx(0.9 if wanted.kind == "jpeg" else 0.8, abs=0.01)


def test_the_web_gets_srgb_and_no_tags(tmp_path):
    fields = {"icc-profile-data": write_profile(ADOBE_RGB)}
    own = np.clip(from_srgb(smooth(), ADOBE_RGB), 0, 1).astype(np.float32)
    write(
        Photo(own, metadata=Metadata(fields=fields, resolution_ppi=(300, 300))), tmp_path / "a.tif"
    )
    photo = read(tmp_path / "a.tif")
    web = read(write_derivative(photo, tmp_path / "a.tif", Derivative("web")))
    assert psnr(web.pixels, smooth()) > 38
    assert web.metadata.profile is None
    assert "icc-profile-data" not in web.metadata.fields
    assert b"unfade" not in web.metadata.fields.get("xmp-data", b"")
    kept = read(write_derivative(photo, tmp_path / "a.tif", Derivative("jpeg", 100)))
    assert kept.metadata.profile is not None


@pytest.fixture
def toned(tmp_path):
    """A photo that was toned, and the deed."""
    write(Photo(smooth()), tmp_path / "scan.png")
    recipe = Recipe("tone", (STAGES["fading"](),))
    when, inputs = "2026-03-01T12:00:00+00:00", {"photo": file_facts(tmp_path / "scan.png")}
    photo = dataclasses.replace(
        Photo(smooth()),
        origin=np.full((120, 200), Origin.TONE, np.uint8),
        history=(Step("fading", {}, {}, "", {}, 24_000, 0.5),),
    )
    return photo, Deed(when, recipe, "as asked", inputs, {"changed_pixels": 24_000})


@pytest.mark.parametrize("kind", ["jpeg", "png", "tiff", "webp", "avif"])
def test_a_companion_tells_what_was_done_under_a_name_of_its_own(tmp_path, toned, kind):
    photo, deed = toned
    path = write_derivative(photo, tmp_path / "a.tif", Derivative(kind, 64), deed)
    packet = read(path).metadata.fields["xmp-data"]
    result = open_packet(provenance_packet(photo, deed, kind))
    for name in ("Iptc4xmpExt:DigitalSourceType", "xmpMM:OriginalDocumentID", "xmp:ModifyDate"):
        assert value_of(open_packet(packet), name) == value_of(result, name) != ""
    for name in ("xmpMM:DocumentID", "xmpMM:InstanceID"):
        assert value_of(open_packet(packet), name) != value_of(result, name)
    assert b"fading: 24000 pixels" in packet


def test_the_web_is_not_told_what_was_done(tmp_path, toned):
    photo, deed = toned
    path = write_derivative(photo, tmp_path / "a.tif", Derivative("web"), deed)
    assert "xmp-data" not in read(path).metadata.fields
    assert b"fading" not in path.read_bytes()


def test_a_grey_photo_with_16_bits_has_companions_too(tmp_path):
    photo = Photo(smooth()[:, :, :1].copy(), metadata=Metadata(bits=16))
    for kind in ("web", "jpeg", "png", "webp"):
        path = write_derivative(photo, tmp_path / "a.tif", Derivative(kind, 64))
        assert read(path).size == (38, 64)
    assert read(tmp_path / "a.tif.64px.png").metadata.bits == 16


@pytest.fixture
def job(tmp_path):
    write(Photo(smooth()), tmp_path / "scan.png")
    os.utime(tmp_path / "scan.png", (1_000_000_000, 1_000_000_000))
    (tmp_path / "out").mkdir()
    return Job(str(tmp_path / "scan.png"), str(tmp_path / "out" / "scan.png"), Recipe("nothing"))


def test_companions_come_with_the_result_and_all_keep_the_time(job, tmp_path):
    asked = dataclasses.replace(job, also=("web", "jpeg:64"), keep_times=True)
    outcome = run_job(asked, Darkroom())
    assert outcome.state is State.DONE, outcome.message
    for name in ("scan.png", "scan.png.web.jpg", "scan.png.64px.jpg"):
        path = tmp_path / "out" / name
        assert str(path) in outcome.files
        assert path.stat().st_mtime == 1_000_000_000


def test_without_asking_the_time_is_now(job, tmp_path):
    run_job(job, Darkroom())
    assert (tmp_path / "out" / "scan.png").stat().st_mtime > 1_600_000_000


def test_where_a_companion_fails_nothing_stays(job, tmp_path):
    (tmp_path / "out" / "scan.png.web.jpg").mkdir()
    outcome = run_job(dataclasses.replace(job, also=("jpeg:64", "web")), Darkroom())
    assert outcome.state is State.FAILED and "scan.png.web.jpg" in outcome.message
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scan.png.web.jpg"]


def test_full_companions_of_a_restored_photo_tell_what_was_done(job, tmp_path):
    asked = dataclasses.replace(job, format="png", also=("web", "jpeg:64", "png"))
    assert run_job(asked, Darkroom()).state is State.DONE
    told = {
        name: b"xmpMM:History" in read(tmp_path / "out" / name).metadata.fields.get("xmp-data", b"")
        for name in ("scan.png", "scan.png.web.jpg", "scan.png.64px.jpg", "scan.png.full.png")
    }
    assert told.pop("scan.png.web.jpg") is False and all(told.values())


def test_companions_of_a_copied_photo_say_nothing_was_done(job, tmp_path):
    assert run_job(dataclasses.replace(job, also=("jpeg:64",)), Darkroom()).state is State.DONE
    fields = read(tmp_path / "out" / "scan.png.64px.jpg").metadata.fields
    assert b"unfade" not in fields.get("xmp-data", b"")
