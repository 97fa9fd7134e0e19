"""Reports: data that anyone can read later, and a page that needs nothing but itself."""

import dataclasses
import html.parser
import json
import math
from pathlib import Path

import numpy as np
import pytest

from unfade.errors import WriteError
from unfade.photo import Grain, Metadata, Origin, Photo, Step
from unfade.report.history import About, embedded_json, history_dict, origin_share, plain
from unfade.report.page import page_html, percent, summary
from unfade.report.pictures import LOOKS, change_boxes, mask_overlay, origin_overlay
from unfade.report.sidecar import beside, write_bytes, write_report, write_text

EVIL = "<script>alert('1 & \"2\"')</script>"


def pair(side=(120, 180)):
    """A photo before and after: one line filled, one corner toned."""
    before = Photo(
        np.random.default_rng(0).uniform(0, 1, (*side, 3)).astype(np.float32),
        metadata=Metadata(source="album/scan.tif", bits=16),
    )
    pixels, origin = before.pixels.copy(), np.zeros(side, np.uint8)
    damage = np.zeros(side, np.float32)
    pixels[:20, :20] *= 0.9
    origin[:20, :20] = Origin.TONE
    pixels[40] = 0.5
    origin[40], damage[40] = Origin.FILLED, 1
    steps = (
        Step("damage", {"sensitivity": 0.5}, {"damage": "ab" * 32}, "openvino", {"marks": 1}),
        Step("inpaint", {}, {}, "", {"evidence": "one line"}, 180, 0.25),
    )
    after = dataclasses.replace(before, pixels=pixels, origin=origin, damage=damage, history=steps)
    return before, after


def page(before, after, about=None, title="scan.tif"):
    return page_html(before, after, title, about or About("print", "unsure"))


class Reader(html.parser.HTMLParser):
    """Collects what a page is made of, and whether its tags close."""

    VOID = frozenset({"meta", "img", "input", "link", "br"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.addresses, self.unbalanced = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.addresses += [v for k, v in attributes if k in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)


def test_the_history_tells_steps_settings_models_and_notes():
    told = history_dict(pair()[1], About("print", "unsure", {"psnr_db": np.float32(30)}))
    assert told["schema"] == 1
    assert told["size"] == {"height": 120, "width": 180, "channels": 3}
    assert (told["recipe"], told["chosen"], told["numbers"]) == ("print", "unsure", {"psnr_db": 30})
    assert told["steps"][0]["models"] == {"damage": "ab" * 32}
    assert told["steps"][1]["changed_pixels"] == 180


def test_the_embedded_history_leaves_out_paths_and_durations():
    after = pair()[1]
    told, whole = json.loads(embedded_json(after, About(), "now")), history_dict(after, About())
    assert told["steps"] == [{k: v for k, v in s.items() if k != "seconds"} for s in whole["steps"]]
    assert whole.keys() - told.keys() == {"source"} and told["when"] == "now"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.arange(3), [0, 1, 2]),
        ((1, (2.0, "x")), [1, [2.0, "x"]]),
        (math.nan, None),
        (np.float64("inf"), None),
        (Origin.FILLED, "filled"),
        ({1: True}, {"1": True}),
        (None, None),
    ],
)
def test_values_become_what_json_knows(value, expected):
    told = plain(value)
    assert told == expected and type(told) is type(expected)
    json.dumps(told, allow_nan=False)


def test_dataclasses_become_tables():
    assert plain(Grain((0.5,), ((0.1,),)))["tones"] == [0.5]


def test_the_shares_of_what_became_of_the_pixels_add_up():
    shares = origin_share(pair()[1])
    assert shares == {
        "untouched": pytest.approx(1 - (400 + 180) / (120 * 180)),
        "tone": pytest.approx(400 / (120 * 180)),
        "filled": pytest.approx(180 / (120 * 180)),
    }
    assert origin_share(pair()[0]) == {"untouched": 1.0}


def test_the_summary_does_not_flatter():
    assert summary({"untouched": 1.0}).startswith("Nothing was changed")
    assert "More than 99.9 %" in summary({"untouched": 0.9999, "filled": 0.0001})
    assert "less than 0.1 %" in summary({"untouched": 0.9999, "filled": 0.0001})


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.00001, "less than 0.1 %"), (0.5, "50 %"), (0.1234, "12.3 %"),
     (0.99999, "more than 99.9 %"), (1, "100 %")],
)  # fmt: skip
def test_a_share_is_never_rounded_to_nothing_or_all(share, words):
    assert percent(share) == words


def test_the_page_is_well_formed_and_loads_nothing():
    reader = Reader(page(*pair()))
    assert reader.unbalanced == [] and reader.open == []
    assert reader.addresses
    assert all(address.startswith("data:image/") for address in reader.addresses)
    assert "http" not in page(*pair()).replace("http-equiv", "")


def test_the_page_can_be_used_without_a_mouse_or_eyes():
    tags = Reader(page(*pair())).tags
    (slider,) = [a for tag, a in tags if tag == "input" and a["type"] == "range"]
    assert slider["aria-label"]
    assert all(a.get("alt") for tag, a in tags if tag == "img")
    assert ("html", {"lang": "en"}) in tags


def test_the_page_shows_masks_origins_steps_and_numbers():
    numbers = {"psnr_after_db": 31.25, "changed_pixels": 2469321.0}
    text = page(*pair(), About("print", "unsure", numbers))
    for words in (
        'id="show-mask"',
        'id="show-origin"',
        "one line",
        "31.25",
        "Pixels that changed",
        "2,469,321",
        "scan.tif",
        "unsure",
        "0.25 s",
    ):
        assert words in text
    for origin in (Origin.UNTOUCHED, Origin.TONE, Origin.FILLED):
        assert LOOKS[origin].words in text
    assert LOOKS[Origin.GENERATED].words not in text


def test_what_a_file_says_is_shown_and_not_run():
    before, after = pair()
    steps = (Step(EVIL, {EVIL: EVIL}, {}, "", {"evidence": EVIL, EVIL: [EVIL]}),)
    after = dataclasses.replace(after, history=steps, metadata=Metadata(source=EVIL))
    text = page(before, after, About(EVIL, EVIL, {EVIL: EVIL}), title=EVIL)
    assert "<script>alert" not in text
    assert Reader(text).unbalanced == []


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3000, 20)])
def test_any_size_of_photo_gets_a_page(size, channels):
    photo = Photo(np.full((*size, channels), 0.5, np.float32))
    assert Reader(page(photo, photo)).unbalanced == []


def test_a_photo_that_grew_gets_a_page():
    before = Photo(np.zeros((20, 30, 3), np.float32))
    after = Photo(np.zeros((40, 60, 3), np.float32), origin=np.full((40, 60), 2, np.uint8))
    assert "60 × 40 px" in page(before, after)


def test_a_photo_nobody_changed_says_so():
    before, _ = pair()
    text = page(before, before)
    assert "Nothing was changed" in text and 'id="show-' not in text


def test_a_hair_thin_mark_is_still_seen_when_the_photo_is_shrunk():
    mask = np.zeros((5600, 400), np.float32)
    mask[:, 200] = 1
    overlay = mask_overlay(mask)
    assert overlay.shape[0] == 1400
    assert overlay[:, :, 3].max(axis=1).min() > 200


def test_a_large_overlay_is_made_in_bands_and_looks_the_same(monkeypatch):
    origin = np.zeros((3000, 2000), np.uint8)
    origin[1000:1010, 300:1700], origin[2500:, 1500:] = Origin.FILLED, Origin.TONE
    whole = origin_overlay(origin, 300).astype(int)
    monkeypatch.setattr("unfade.report.pictures.AT_ONCE", 1000)
    banded = origin_overlay(origin, 300).astype(int)
    assert whole.shape == banded.shape
    assert np.abs(whole - banded)[:, :, 3].max() <= 1


def test_the_more_inventive_mark_is_drawn_on_top():
    origin = np.full((10, 10), Origin.TONE, np.uint8)
    origin[4] = Origin.FILLED
    overlay = origin_overlay(origin)
    assert tuple(overlay[4, 4, :3]) == LOOKS[Origin.FILLED].color
    assert tuple(overlay[0, 0, :3]) == LOOKS[Origin.TONE].color


def test_close_ups_lie_where_the_photo_changed_and_within_it():
    before, after = pair((800, 1000))
    boxes = change_boxes(before, after)
    assert boxes
    _, top, _, bottom = boxes[0]
    assert top <= 40 <= bottom
    assert all(0 <= a < c <= 1000 and 0 <= b < d <= 800 for a, b, c, d in boxes)
    assert change_boxes(before, before) == []


def test_the_report_lies_beside_the_photo(tmp_path):
    before, after = pair()
    page_path = write_report(before, after, tmp_path / "scan.restored.tif", About("print"))
    assert page_path.read_text("utf-8").startswith("<!doctype html>")
    assert [p.name for p in tmp_path.iterdir()] == ["scan.restored.tif.report.html"]


def test_a_text_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    write_text(path, "old")

    def refuse(handle):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(WriteError, match="disk full"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_names_beside_a_photo_keep_its_dots():
    assert beside(Path("a/b.c.tif"), "mask.png").name == "b.c.tif.mask.png"


def test_sentences_begin_with_a_capital():
    assert summary({"untouched": 0.0001, "tone": 0.9999}).startswith("Less than 0.1 % of the photo")
    assert summary({"untouched": 0.5, "tone": 0.5}) == (
        "50 % of the photo is untouched; nothing was filled in."
    )


def test_numbers_are_not_broken_and_have_names():
    before, after = pair()
    about = About("print", "unsure", {"changed_pixels": 383955.0, "some_number": True})
    text = page(before, after, about)
    row = "<th scope='row'>Pixels that changed</th><td class=\"number\">383,955</td>"
    assert row in text and "td.number { white-space: nowrap; }" in text
    assert "<th scope='row'>Some number</th><td>yes</td>" in text


def test_a_page_may_have_as_long_a_name_as_the_disk_lets_it(tmp_path):
    path = tmp_path / ("n" * 243 + ".report.html")
    write_text(path, "text")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_name_that_is_too_long_is_told_without_the_name_of_a_temporary_file(tmp_path):
    path = tmp_path / ("n" * 245 + ".report.html")
    with pytest.raises(WriteError) as caught:
        write_bytes(path, b"text")
    assert str(caught.value) == f"{path} cannot be written: File name too long; shorten the name"
    assert list(tmp_path.iterdir()) == []
