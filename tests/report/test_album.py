"""The album of a batch: complete, safe, offline, usable by keyboard, and quick with many photos."""

import dataclasses
import html.parser
import json
import time
import urllib.parse

import numpy as np
import pytest

from unfade.photo import Origin
from unfade.report.album import (
    PHOTOS,
    Entry,
    entry_key,
    read_entries,
    write_album,
    write_entry,
    write_failure,
)
from unfade.report.pictures import LOOKS

EVIL = "<script>alert('1 & \"2\"')</script>"


class Reader(html.parser.HTMLParser):
    """Collects tags, and whether they close."""

    VOID = frozenset({"meta", "img", "input", "link", "br"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.unbalanced = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def all(self, wanted):
        return [attributes for tag, attributes in self.tags if tag == wanted]


@pytest.fixture
def album(tmp_path, restored, deed):
    """An album of one photo restored, one in which nothing changed, one that failed."""
    folder = tmp_path / "album"
    damage = np.zeros((12, 16), np.float32)
    damage[6, 6] = 1
    after = dataclasses.replace(restored, damage=damage)
    write_entry(folder, restored, after, deed, tmp_path / "out" / "a.png")
    same = dataclasses.replace(restored, origin=None)
    write_entry(folder, same, same, deed, tmp_path / "out" / "b.png")
    write_failure(folder, tmp_path / "broken.jpg", tmp_path / "out" / "c.jpg", f"because {EVIL}")
    return folder


def page(folder, title="Album"):
    return write_album(folder, title, "unfade").read_text("utf-8")


def test_the_page_shows_every_photo_with_pictures_that_are_there(album):
    reader = Reader(page(album))
    assert reader.unbalanced == [] and reader.open == []
    cards = reader.all("article")
    assert [card["data-state"] for card in cards] == ["copied", "done"] or [
        card["data-state"] for card in cards
    ] == ["done", "copied"]
    images = reader.all("img")
    assert len(images) == 2 * 2 + 2
    for image in images:
        for name in ("src", "data-large"):
            if name in image:
                assert (album / urllib.parse.unquote(image[name])).is_file()


def test_it_tells_what_failed_what_was_done_and_numbers(album):
    text = page(album, "Family & friends")
    assert "3 photos: 1 restored, 1 needed nothing, 1 failed." in text
    assert "Family &amp; friends" in text and "broken.jpg" in text
    assert LOOKS[Origin.FILLED].words in text and LOOKS[Origin.GENERATED].words not in text


def test_nothing_is_loaded_from_elsewhere(album):
    reader = Reader(page(album))
    addresses = [a[name] for _, a in reader.tags for name in ("src", "href") if name in a]
    assert addresses and not any(":" in urllib.parse.unquote(a) for a in addresses)
    assert "http" not in page(album) and "@import" not in page(album) and "url(" not in page(album)
    assert not reader.all("link")


def test_pictures_wait_until_they_are_seen(album):
    assert all(image["loading"] == "lazy" for image in Reader(page(album)).all("img"))
    assert "content-visibility: auto" in page(album)


def test_it_can_be_used_without_a_mouse_or_eyes(album):
    reader = Reader(page(album))
    sliders = [i for i in reader.all("input") if i["type"] == "range"]
    assert len(sliders) == 2 and all(slider["aria-label"] for slider in sliders)
    assert all("alt" in image for image in reader.all("img"))
    labels = {label.get("for") for label in reader.all("label")}
    assert {control["id"] for control in reader.all("select")} <= labels
    assert all(button["type"] == "button" for button in reader.all("button"))
    assert ("html", {"lang": "en"}) in reader.tags


def test_what_a_file_is_called_is_shown_and_not_run(album, tmp_path):
    name = EVIL.replace("/", "_")
    write_failure(album, tmp_path / name, tmp_path / "x.png", EVIL)
    for path in (album / PHOTOS).glob("*.json"):
        told = json.loads(path.read_text("utf-8"))
        if told["state"] == "done":
            told |= {"name": EVIL, "chosen": EVIL, "target": EVIL, "steps": [[EVIL, EVIL]]}
            path.write_text(json.dumps(told), "utf-8")
    text = page(album, EVIL)
    assert "<script>alert" not in text
    assert Reader(text).unbalanced == []


def test_a_photo_done_again_takes_its_own_place(album, tmp_path, restored, deed):
    target = tmp_path / "out" / "c.jpg"
    failed = next(entry for entry in read_entries(album) if entry.state == "failed")
    source = tmp_path / "broken.jpg"
    assert entry_key(target, source) == failed.key
    again = dataclasses.replace(deed.inputs["photo"], path=source)
    write_entry(
        album, restored, restored, dataclasses.replace(deed, inputs={"photo": again}), target
    )
    assert [entry.state for entry in read_entries(album)].count("failed") == 0
    assert len(read_entries(album)) == 3


def test_two_photos_of_one_name_have_files_of_their_own(tmp_path):
    keys = {entry_key(tmp_path / place / "a.png", tmp_path / "a.png") for place in ("x", "y")}
    assert len(keys) == 2
    assert entry_key(tmp_path / "x.png", tmp_path / "../../é<&>.png").startswith("photo-")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"key": 1}', "[" * 100_000])
def test_a_damaged_entry_does_not_spoil_the_page(album, text):
    (album / PHOTOS / "damaged.json").write_text(text)
    assert [e.name for e in read_entries(album) if e.state == "failed"] == ["broken.jpg", "damaged"]
    assert "photos/damaged.json cannot be read" in page(album)


def test_an_album_of_nothing_says_so(tmp_path):
    assert "0 photos: none." in page(tmp_path / "album")


def test_an_album_of_one_photo_says_so(tmp_path, restored, deed):
    write_entry(tmp_path / "album", restored, restored, deed, tmp_path / "a.png")
    assert "1 photo: 1 restored." in page(tmp_path / "album")


@pytest.fixture
def tree(tmp_path, restored, deed):
    """An album of photos in folders, two of them of one name, and of one that failed."""
    folder = tmp_path / "album"
    for name in ("b/scan.png", "a/scan.png", "c.png"):
        write_entry(folder, restored, restored, deed, tmp_path / "out" / name)
    write_failure(folder, tmp_path / "x.jpg", tmp_path / "out" / "a" / "x.jpg", "broken")
    return folder


def test_photos_are_named_and_ordered_by_their_place_in_the_tree(tree):
    names = [entry.name for entry in read_entries(tree)]
    assert names == ["scan.png", "a/scan.png", "a/x.jpg", "b/scan.png"]
    reader = Reader(page(tree))
    assert [card["data-name"] for card in reader.all("article")] == [
        name for name in names if name != "a/x.jpg"
    ]
    assert "<th scope='row'>a/x.jpg</th>" in page(tree)


def test_only_what_is_there_is_linked(tree, tmp_path):
    assert Reader(page(tree)).all("a") == []
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "scan.png").touch()
    assert Reader(page(tree)).all("a") == [{"href": "../out/a/scan.png"}]
    (tmp_path / "out" / "a" / "scan.png.unfade.json").touch()
    links = [link["href"] for link in Reader(page(tree)).all("a")]
    assert links == ["../out/a/scan.png", "../out/a/scan.png.unfade.json"]


def test_measurements_are_told_in_words_and_stay_whole(tmp_path, restored, deed):
    told = dataclasses.replace(deed, numbers={"changed_pixels": 383955.0, "new_number": 0.25})
    write_entry(tmp_path / "album", restored, restored, told, tmp_path / "a.png")
    text = page(tmp_path / "album")
    row = "<th scope='row'>Pixels that changed</th><td class=\"number\">383,955</td>"
    assert row in text and "changed_pixels" not in text
    assert "<th scope='row'>New number</th><td class=\"number\">0.25</td>" in text
    assert "td.number { white-space: nowrap; }" in text


def test_before_and_after_are_told_apart_on_every_photo(album):
    text = page(album)
    assert text.count('<span class="tag l">Before</span><span class="tag r">After</span>') == 2


def test_on_a_phone_the_bar_scrolls_away_and_the_viewer_folds(album):
    narrow = page(album).partition("@media (max-width: 40rem) {")[2].partition("@media print")[0]
    assert ".bar { position: static; }" in narrow
    assert "dialog .head h2 { flex: 1 0 100%; }" in narrow


def test_a_thousand_photos_make_a_page_in_a_second(tmp_path):
    photos = tmp_path / PHOTOS
    photos.mkdir()
    for number in range(1000):
        entry = Entry(
            f"p-{number}", f"p{number}.tif", "done", size=(3, 4), pixels={"untouched": 12}
        )
        (photos / f"p-{number}.json").write_text(json.dumps(dataclasses.asdict(entry)))
    start = time.process_time()
    text = page(tmp_path)
    assert time.process_time() - start < 1.5
    assert len(text) < 3_000_000 and text.count("<article") == 1000
