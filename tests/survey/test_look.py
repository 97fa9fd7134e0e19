"""Looks: what is told of a photo, its cost, and a folder in numbers."""

import csv
import io
import json

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.degrade.particles import AddParticles
from unfade.errors import ReadError
from unfade.io.pages import join_pages
from unfade.io.proxy import read_proxy
from unfade.io.write import write
from unfade.photo import Damage, Metadata, Photo
from unfade.pipeline import run
from unfade.plan import SECONDS_PER_MEGAPIXEL, SECONDS_PER_PHOTO
from unfade.recipe import Recipe
from unfade.survey.costs import BASE_MEMORY, cost_of, pace_of
from unfade.survey.look import Seen, has_orange_mask, kinds_of, look_at, severity
from unfade.survey.summary import as_csv, as_document, summarize, totals


def slope(height=300, width=400, seed=0):
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = 0.1 * np.sin(x / (20 + seed)) * np.cos(y / 31)
    planes = [x / width + waves, y / height + waves, 0.5 + waves]
    return np.clip(0.1 + 0.8 * np.stack(planes, axis=2), 0, 1).astype(np.float32)


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_proxy_is_the_photo_made_small(tmp_path, bits, channels):
    pixels = slope()[:, :, :channels].copy()
    write(Photo(pixels, metadata=Metadata(bits=bits)), tmp_path / "a.tif")
    proxy = read_proxy(tmp_path / "a.tif", 100)
    assert proxy.photo.pixels.shape == (75, 100, channels)
    assert np.abs(proxy.photo.pixels - Photo(pixels).proxy(100)).mean() < 0.01
    assert (proxy.size, proxy.channels) == ((300, 400), channels)
    assert (proxy.photo.metadata.bits, proxy.photo.metadata.format) == (bits, "tiff")


def test_a_small_photo_is_not_enlarged_and_alpha_is_left_out(tmp_path):
    write(Photo(slope(30, 40), alpha=np.ones((30, 40), np.float32)), tmp_path / "a.png")
    proxy = read_proxy(tmp_path / "a.png", 100)
    assert proxy.photo.pixels.shape == (30, 40, 3)
    assert proxy.channels == 4


@pytest.mark.parametrize("content", [b"", b"dear diary", b"\xff\xd8\xff\xe0\0\x10JFIF\0", None])
def test_a_bad_file_is_one_clear_line(tmp_path, content):
    path = tmp_path / "bad.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ReadError, match=r"bad\.jpg"):
        read_proxy(path, 100)


def test_a_picture_that_says_it_is_enormous_is_refused_before_it_is_decoded(tmp_path):
    write(Photo(slope()), tmp_path / "a.png")
    with pytest.raises(ReadError, match="at most 1,000 pixels"):
        read_proxy(tmp_path / "a.png", 100, max_pixels=1000)


def test_a_truncated_photo_is_refused(tmp_path):
    write(Photo(slope()), tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(ReadError):
        read_proxy(tmp_path / "a.jpg", 400)


@pytest.mark.parametrize(
    ("share", "name"), [(0, "none"), (0.001, "light"), (0.01, "moderate"), (1, "heavy")]
)
def test_a_share_of_damage_has_a_name(share, name):
    assert severity(share) == name


def test_the_orange_mask_of_a_negative_is_told_from_yellowed_paper_and_sunsets():
    positive = slope()
    base = np.float32([0.92, 0.55, 0.38])
    assert has_orange_mask((1 - 0.8 * positive) * base)
    assert not has_orange_mask(positive)
    assert not has_orange_mask(positive[:, :, :1])
    for paper in ([0.95, 0.86, 0.7], [0.9, 0.8, 0.65]):
        assert not has_orange_mask(positive.mean(axis=2, keepdims=True) * np.float32(paper))
    assert not has_orange_mask(positive * np.float32([0.2, 0.1, 0.05]))


@pytest.mark.parametrize(
    "whites", [(0.88, 0.75, 0.52), (0.97, 0.84, 0.6)], ids=["old_00002", "old_00337"]
)
def test_a_yellowed_print_is_no_negative(tmp_path, whites):
    # Of prints whose paper is as red as a mask; one of them has some color beside the brown.
    grey = 0.1 + 0.9 * slope()[:, :, :1]
    write(Photo(np.float32(whites) * grey**1.2), tmp_path / "brown.png")
    write(Photo(np.float32(whites) * (0.6 * grey + 0.4 * slope())), tmp_path / "color.png")
    told = {name: look_at(tmp_path / f"{name}.png", Darkroom()) for name in ("brown", "color")}
    assert told["brown"].tone == "toned" and told["color"].tone == "color"
    assert not any(seen.negative for seen in told.values())


def test_of_one_hue_nothing_is_a_negative_however_orange_and_of_many_it_is(tmp_path):
    base = np.float32([0.92, 0.55, 0.38])
    write(Photo((1 - 0.8 * slope()) * base), tmp_path / "many.png")
    write(Photo((1 - 0.8 * slope()[:, :, :1]) * base), tmp_path / "one.png")
    assert look_at(tmp_path / "many.png", Darkroom()).negative
    seen = look_at(tmp_path / "one.png", Darkroom())
    assert seen.tone == "toned" and not seen.negative


def test_every_page_of_a_tiff_counts(tmp_path):
    parts = [tmp_path / f"{n}.tif" for n in range(3)]
    for number, part in enumerate(parts):
        write(Photo(slope(seed=number)), part)
    join_pages(parts, tmp_path / "album.tif")
    room = Darkroom()
    album, single = (look_at(tmp_path / name, room) for name in ("album.tif", "0.tif"))
    assert (album.pages, single.pages) == (3, 1)
    costs = [cost_of(seen, 1.0, 2**31).seconds for seen in (album, single)]
    assert costs[0] == pytest.approx(3 * costs[1])
    told = totals(summarize([album, single], 2**31))
    assert (told["photos"], told["pages"]) == (2, 4)
    assert told["megapixels"] == pytest.approx(4 * single.megapixels)


def test_kinds_of_damage_are_told_where_they_are_known():
    photo = Photo(slope(10, 10))
    assert kinds_of(photo) == {}
    kinds = np.zeros((10, 10), np.uint8)
    kinds[0, :5] = Damage.DUST
    kinds[1] = Damage.STAIN
    assert kinds_of(Photo(slope(10, 10), kinds=kinds)) == {"dust": 0.05, "stain": 0.1}


def test_a_look_at_a_real_file_with_the_real_networks(tmp_path):
    dust = AddParticles(count=30, um_per_px=8, tone=(1.0, 1.0, 1.0), seed=1)
    write(run(Photo(slope()), Recipe("dusty", (dust,)), Darkroom()), tmp_path / "a.jpg")
    seen = look_at(tmp_path / "a.jpg", Darkroom(threads=1), thumbnail=64)
    assert (seen.width, seen.height, seen.bits, seen.format) == (400, 300, 8, "jpeg")
    assert (seen.tone, seen.negative, seen.problem) == ("color", False, "")
    assert 0.002 < seen.damaged_share < 0.1 and seen.severity in ("light", "moderate", "heavy")
    assert seen.thumbnail[:2] == b"\xff\xd8" and seen.fading and seen.seconds > 0
    assert not seen.veiled and "skipped" in seen.veil


def one(**changes):
    known = {
        "seconds": 0.2,
        "file_bytes": 1000,
        "height": 1000,
        "width": 2000,
        "channels": 3,
        "bits": 8,
    }
    return Seen(**{"path": "a.tif", "severity": "none", "tone": "color", **known, **changes})


def test_more_damage_and_pixels_cost_more():
    plain = cost_of(one(), 1.0, 2**31)
    assert cost_of(one(damaged_share=0.1), 1.0, 2**31).seconds > plain.seconds
    assert cost_of(one(), 2.0, 2**31).seconds == pytest.approx(2 * plain.seconds)
    assert plain.scratch == 0
    huge = cost_of(one(height=20_000, width=20_000), 1.0, 2**31)
    assert huge.scratch > 2**32
    assert huge.memory <= BASE_MEMORY + 2**31


def test_a_small_photo_has_a_cost_of_its_own_and_lifting_a_veil_costs_more():
    small = cost_of(one(height=100, width=100), 1.0, 2**31)
    assert small.seconds > SECONDS_PER_PHOTO
    plain, veiled = (cost_of(one(veiled=there), 1.0, 2**31) for there in (False, True))
    more = SECONDS_PER_MEGAPIXEL["veils"] * one().megapixels
    assert veiled.seconds - plain.seconds == pytest.approx(more)


def test_the_first_look_which_opens_the_networks_does_not_set_the_pace():
    slow, quick = one(seconds=60.0), one(seconds=0.5)
    assert pace_of([slow, quick, quick]) == pace_of([quick])
    assert pace_of([]) == 1.0


@pytest.fixture
def survey(tmp_path):
    (tmp_path / "a").write_bytes(b"same")
    (tmp_path / "b").write_bytes(b"same")
    alike = {"fingerprint": 12345, "tiny": bytes(range(256)), "file_bytes": 4}
    seen = [
        one(path=str(tmp_path / "a"), **alike, faded=True, veiled=True, tone="toned"),
        Seen("bad.jpg", "bad.jpg: is not a photo"),
        one(path=str(tmp_path / "b"), **alike, kinds={"dust": 0.1}, severity="heavy"),
        one(path="c", fingerprint=2**60, tiny=bytes(reversed(range(256))), negative=True),
    ]
    return summarize(seen, 2**31)


def test_a_folder_is_told_in_numbers(survey):
    told = totals(survey)
    assert (told["photos"], told["unreadable"], told["copies"], told["doubles"]) == (3, 1, 1, 1)
    assert told["severity"] == {"none": 2, "light": 0, "moderate": 0, "heavy": 1}
    assert (told["veiled"], told["faded"], told["negatives"]) == (1, 1, 1)
    assert told["seconds"] > 0 and told["disk"] == 1008
    assert survey.copies == survey.doubles == ((0, 2),)


def test_a_survey_is_json_and_a_table_of_one_line_per_photo(survey):
    document = json.loads(json.dumps(as_document(survey), allow_nan=False))
    lines = list(csv.DictReader(io.StringIO(as_csv(survey))))
    assert len(lines) == len(document["photos"]) == 4
    assert [line["double_group"] for line in lines] == ["1", "0", "1", "0"]
    assert lines[2]["kinds"] == "dust=0.1" and document["photos"][2]["kinds"] == {"dust": 0.1}
    assert lines[1]["problem"] == "bad.jpg: is not a photo"
    assert not {"tiny", "thumbnail", "fingerprint"} & set(lines[0])
