"""The album of a batch: complete, safe, offline, usable by keyboard, and quick with many photos."""

import dataclasses
import hashlib
import html.parser
import json
import os
import time
import urllib.parse

import numpy as np
import pytest

from unfade.photo import Origin
from unfade.report import album as albums
from unfade.report.album import write_album, write_entry, write_failure
from unfade.report.entries import PHOTOS, Entry, entry_key, has_entry, read_entries, store
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
    assert entry_key(album, target, source) == failed.key
    again = dataclasses.replace(deed.inputs["photo"], path=source)
    write_entry(
        album, restored, restored, dataclasses.replace(deed, inputs={"photo": again}), target
    )
    assert [entry.state for entry in read_entries(album)].count("failed") == 0
    assert len(read_entries(album)) == 3


def test_two_photos_of_one_name_have_files_of_their_own(tmp_path):
    source, places = tmp_path / "a.png", [tmp_path / name / "a.png" for name in ("x", "y")]
    assert len({entry_key(tmp_path, place, source) for place in places}) == 2
    odd = tmp_path / "../../é<&>.png"
    assert entry_key(tmp_path, tmp_path / "x.png", odd).startswith("photo-")


def test_a_machine_that_mounts_the_folder_elsewhere_finds_its_photos(tmp_path, restored, deed):
    here, there = tmp_path / "mnt" / "photos", tmp_path / "Volumes" / "photos"
    source = deed.inputs["photo"].path
    write_entry(here / "album", restored, restored, deed, here / "out" / "a.png")
    there.parent.mkdir()
    here.rename(there)
    assert has_entry(there / "album", there / "out" / "a.png", source)
    assert not has_entry(there / "album", there / "out" / "b.png", source)
    write_failure(there / "album", source, there / "out" / "a.png", "broken")
    (entry,) = read_entries(there / "album")
    assert entry.state == "failed"


def test_an_album_of_an_earlier_version_goes_on(tmp_path, restored, deed):
    folder, target = tmp_path / "album", tmp_path / "out" / "a.png"
    source = deed.inputs["photo"].path
    write_failure(folder, source, target, "broken")
    (now,) = read_entries(folder)
    earlier = f"scan-{hashlib.sha256(os.fsencode(target)).hexdigest()[:10]}"
    path = folder / PHOTOS / f"{now.key}.json"
    told = json.loads(path.read_text("utf-8"))
    path.unlink()
    (folder / PHOTOS / f"{earlier}.json").write_text(json.dumps({**told, "key": earlier}), "utf-8")
    assert now.key != earlier and has_entry(folder, target, source)
    write_entry(folder, restored, restored, deed, target)
    (entry,) = read_entries(folder)
    assert entry.key == earlier and entry.state == "done"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"key": 1}', "[" * 100_000])
def test_a_damaged_entry_does_not_spoil_the_page(album, text):
    (album / PHOTOS / "damaged.json").write_text(text)
    assert [e.name for e in read_entries(album) if e.state == "failed"] == ["broken.jpg", "damaged"]
    assert "photos/damaged.json cannot be read" in page(album)


def written(folder, **fields):
    """An album of one photo whose data somebody wrote by hand."""
    told = dataclasses.asdict(Entry("k", "n", "done", size=(3, 4), pixels={"untouched": 12}))
    (folder / PHOTOS).mkdir(parents=True)
    (folder / PHOTOS / "k.json").write_text(json.dumps({**told, **fields}), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", "../../other"),
        ("name", 5),
        ("state", "well"),
        ("state", [1]),
        ("message", None),
        ("target", ["x"]),
        ("recipe", {}),
        ("chosen", 1),
        ("size", 3),
        ("size", [10**400, 1]),
        ("size", ["1", "1"]),
        ("size", [-1, 1]),
        ("pixels", []),
        ("pixels", {"untouched": "x"}),
        ("pixels", {"untouched": 10**400}),
        ("pixels", {"untouched": -1}),
        ("steps", [["a", 1]]),
        ("steps", 1),
        ("numbers", []),
        ("numbers", {"psnr": {}}),
        ("numbers", {"psnr": 10**400}),
        ("seconds", "x"),
        ("seconds", True),
        ("seconds", float("nan")),
        ("pictures", 1),
        ("color", "red"),
    ],
)
def test_an_entry_with_a_field_of_another_kind_counts_as_failed(tmp_path, field, value):
    folder = written(tmp_path / "album", **{field: value})
    assert "1 photo: 1 failed." in page(folder) and "photos/k.json cannot be read" in page(folder)


def test_only_layers_that_there_are_come_onto_the_page(tmp_path):
    evil = 'x" src=q onerror="alert(1)'
    folder = written(tmp_path / "album", pictures=[evil, "origin", ["mask"]])
    text = page(folder)
    assert "onerror" not in text and "alert(1)" not in text
    assert text.count('class="layer overlay origin"') == 1
    assert 'class="layer overlay mask"' not in text


def test_measurements_of_every_kind_are_read(tmp_path):
    folder = written(tmp_path / "album", numbers={"a": 1, "b": 0.5, "c": None, "d": True, "e": "f"})
    assert "1 photo: 1 restored." in page(folder)


def put(folder, key):
    store(folder, Entry(key, key, "done", size=(3, 4), pixels={"untouched": 12}))


def test_two_runs_that_end_together_lose_no_photo(tmp_path, monkeypatch):
    put(tmp_path, "first")
    real = albums.write_text

    def late(path, text):
        monkeypatch.setattr(albums, "write_text", real)
        put(tmp_path, "second")
        page(tmp_path)
        real(path, text)

    monkeypatch.setattr(albums, "write_text", late)
    text = page(tmp_path)
    assert "photos/first." in text and "photos/second." in text


def test_a_run_that_goes_on_for_long_keeps_nobody_from_ending(tmp_path, monkeypatch):
    real, keys = albums.write_text, iter(range(1000))

    def busy(path, text):
        real(path, text)
        if path.suffix == ".html":
            put(tmp_path, f"p-{next(keys)}")

    monkeypatch.setattr(albums, "write_text", busy)
    assert "<article" in page(tmp_path)
    assert next(keys) == albums.ROUNDS


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
