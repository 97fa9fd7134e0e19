"""The headline of a page and of a photo in an album: what was done, in plain words."""

import dataclasses
import json

import numpy as np
import pytest

from unfade.photo import Origin, Photo, Step
from unfade.report.album import write_album, write_entry
from unfade.report.entries import PHOTOS, read_entries
from unfade.report.history import About
from unfade.report.page import page_html, summary

FOUND = Step("damage", notes={"marks": 3})


def did(stage, pixels=5):
    return Step(stage, changed_pixels=pixels)


@pytest.mark.parametrize(
    ("shares", "history", "words"),
    [
        ({"untouched": 1.0}, (FOUND, did("fading", 0)),
         "Left as it is: every pixel is the scanner's own."),
        ({"denoised": 1.0}, (did("denoise"),), "Noise reduced; nothing filled."),
        ({"tone": 0.998, "filled": 0.002}, (FOUND, did("inpaint"), did("fading")),
         "Faded tones corrected; 0.2 % filled (3 marks)."),
        ({"denoised": 0.998, "filled": 0.002}, (did("inpaint"), did("denoise"), did("grain")),
         "Noise reduced, grain given back; 0.2 % filled."),
        ({"untouched": 0.99999, "filled": 0.00001},
         (Step("damage", notes={"marks": 1}), did("inpaint")),
         "Less than 0.1 % filled (1 mark); the rest is untouched."),
        ({"untouched": 0.9, "tone": 0.1}, (did("veils"), did("denoise", 0)),
         "Stains and veils lifted; nothing filled."),
        ({"tone": 1.0}, (did("negative"), did("fading"), did("fading")),
         "Negative inverted, faded tones corrected; nothing filled."),
        ({"tone": 1.0}, (did("sharpen"),), "Changed by sharpen; nothing filled."),
        ({"filled": 1.0}, (FOUND, did("inpaint")), "100 % filled (3 marks)."),
    ],
)  # fmt: skip
def test_it_says_what_was_done(shares, history, words):
    assert summary(shares, history) == words


def test_where_the_history_says_nothing_the_pixels_are_told():
    words = "Less than 0.1 % of the photo is untouched; nothing was filled in."
    assert summary({"untouched": 0.0001, "tone": 0.9999}, (FOUND,)) == words


@pytest.fixture
def toned():
    """A photo in which every pixel was toned."""
    origin = np.full((12, 16), Origin.TONE, np.uint8)
    pixels = np.full((12, 16, 3), 0.5, np.float32)
    return Photo(pixels, origin=origin, history=(FOUND, did("fading", 192)))


def test_a_page_begins_with_it(toned):
    text = page_html(toned, toned, "scan.tif", About())
    assert "Faded tones corrected; nothing filled." in text
    assert "0 % of the photo" not in text and "<b>100 %</b> tone and color corrected" in text


def test_an_album_tells_it_of_each_photo_and_of_earlier_ones_the_pixels(toned, tmp_path, deed):
    write_entry(tmp_path, toned, toned, deed, tmp_path / "a.png")
    text = write_album(tmp_path, "Album", "unfade").read_text("utf-8")
    assert "<p>Faded tones corrected; nothing filled.</p>" in text
    (path,) = (tmp_path / PHOTOS).glob("*.json")
    told = json.loads(path.read_text("utf-8"))
    del told["did"]
    path.write_text(json.dumps(told), "utf-8")
    (entry,) = read_entries(tmp_path)
    assert entry.state == "done" and entry.did == ""
    text = write_album(tmp_path, "Album", "unfade").read_text("utf-8")
    assert "0\u00a0% of the photo is untouched" in text


def test_what_it_says_is_shown_and_not_run(toned, tmp_path, deed):
    evil = dataclasses.replace(toned, history=(did("<script>alert(1)</script>"),))
    write_entry(tmp_path, evil, evil, deed, tmp_path / "a.png")
    for text in (
        page_html(evil, evil, "scan.tif", About()),
        write_album(tmp_path, "Album", "unfade").read_text("utf-8"),
    ):
        assert "<script>alert(1)" not in text
