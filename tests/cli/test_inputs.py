"""From what a person names to files and targets."""

import dataclasses
import os
from pathlib import Path

import click
import pytest

from unfade.batch.fingerprint import stamp
from unfade.batch.ledger import Entry, Ledger, Phase
from unfade.batch.resume import Known
from unfade.cli.inputs import Found, find, is_file_target, targets
from unfade.io.read import can_read


def tree(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def photos(found):
    return [item.below.as_posix() for item in found if not item.problem]


def test_a_folder_is_walked_in_order_and_its_other_files_are_told(tmp_path):
    tree(tmp_path, "b.jpg", "a/z.TIF", "a/.DS_Store", "Thumbs.db", "._b.jpg", ".trash/c.jpg")
    found = find([str(tmp_path)], can_read)
    assert photos(found) == ["b.jpg", "a/z.TIF"]
    others = {item.below.name: item for item in found if item.problem}
    assert set(others) == {".DS_Store", "Thumbs.db", "._b.jpg"}
    assert not any(item.named for item in others.values())


def test_a_pattern_is_expanded_also_where_the_shell_did_not(tmp_path):
    tree(tmp_path, "a.jpg", "b.jpg", "c.png", "deep/er/d.jpg")
    assert photos(find([str(tmp_path / "*.jpg")], can_read)) == ["a.jpg", "b.jpg"]
    assert photos(find([str(tmp_path / "**" / "d.jpg")], can_read)) == ["d.jpg"]


def test_a_pattern_that_matches_a_folder_walks_it(tmp_path):
    tree(tmp_path, "1968/a.jpg", "1969/b.jpg")
    assert photos(find([str(tmp_path / "19*")], can_read)) == ["a.jpg", "b.jpg"]


def test_a_pattern_without_a_match_is_a_named_problem(tmp_path):
    (item,) = find([str(tmp_path / "*.jpg")], can_read)
    assert item.named and "no file matches" in item.problem


def test_a_name_with_brackets_is_a_file_and_no_pattern(tmp_path):
    tree(tmp_path, "scan[1].jpg", "scan1.jpg")
    assert photos(find([str(tmp_path / "scan[1].jpg")], can_read)) == ["scan[1].jpg"]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path):
    tree(tmp_path, ".DS_Store")
    (item,) = find([str(tmp_path / ".DS_Store")], can_read)
    assert item.named and not item.problem


def test_a_file_found_twice_is_taken_once(tmp_path):
    tree(tmp_path, "a.jpg")
    inputs = [str(tmp_path), str(tmp_path / "a.jpg"), str(tmp_path / "*.jpg")]
    assert photos(find(inputs, can_read)) == ["a.jpg"]


def test_the_folder_of_results_is_not_walked(tmp_path):
    tree(tmp_path, "a.jpg", "out/a.jpg", "out/deep/b.jpg", "output/c.jpg")
    found = find([str(tmp_path)], can_read, tmp_path / "out")
    assert photos(found) == ["a.jpg", "output/c.jpg"]


def test_earlier_results_in_a_folder_are_left_out(tmp_path):
    ours = ("a.restored.jpg", "a.mask.png", "a.restored.jpg.step-2-inpaint.jpg")
    ours += ("a.restored.jpg.origin.png", "a.restored.jpg.web.jpg", "a.jpg.2048px.webp")
    tree(tmp_path, "a.jpg", "the.web.jpg", *ours)
    found = find([str(tmp_path)], can_read)
    assert photos(found) == ["a.jpg", "the.web.jpg"]
    found = find([str(tmp_path / "a*.jpg")], can_read)
    assert photos(found) == ["a.jpg"] and not any(item.named for item in found if item.problem)
    asked = photos(find([str(tmp_path / "*.restored.jpg")], can_read))
    assert asked == ["a.restored.jpg"]
    assert {item.problem for item in found if item.problem} == {"an earlier result"}


def test_a_folder_of_earlier_results_is_taken_only_where_it_is_named(tmp_path):
    tree(tmp_path, "a.jpg", "out/.unfade/ledger.sqlite", "out/a.jpg")
    found = find([str(tmp_path)], can_read)
    assert photos(found) == ["a.jpg"]
    assert [item.problem for item in found if item.problem] == ["a folder of earlier results"]
    assert photos(find([str(tmp_path / "out")], can_read)) == ["a.jpg"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_to_a_folder_is_told_and_not_followed(tmp_path):
    tree(tmp_path, "a/a.jpg", "b/b.jpg")
    (tmp_path / "a" / "more").symlink_to(tmp_path / "b")
    (item,) = [item for item in find([str(tmp_path / "a")], can_read) if item.problem]
    assert item.path.name == "more" and "not followed" in item.problem


def test_a_picture_of_another_kind_is_told_what_to_do(tmp_path):
    tree(tmp_path, "a.bmp", "b.CR2")
    found = find([str(tmp_path)], can_read)
    assert all("save it as TIFF" in item.problem for item in found)


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0,
                    reason="nothing is closed to the administrator")  # fmt: skip
def test_a_folder_that_is_closed_is_a_named_problem(tmp_path):
    tree(tmp_path, "a.jpg", "closed/b.jpg")
    (tmp_path / "closed").chmod(0)
    found = find([str(tmp_path)], can_read)
    (tmp_path / "closed").chmod(0o755)
    assert [item.path.name for item in found if item.named and item.problem] == ["closed"]


def test_a_closed_folder_costs_no_photo_beside_it(tmp_path, monkeypatch):
    tree(tmp_path, "a.jpg", "lost+found/b.jpg")
    closed, scan, stat = str(tmp_path / "lost+found"), os.scandir, os.stat

    def scandir(path):
        if str(path) == closed:
            raise PermissionError(13, "Permission denied", closed)
        return scan(path)

    def look(path, *more, **words):
        if str(path).startswith(f"{closed}{os.sep}"):
            raise PermissionError(13, "Permission denied", path)
        return stat(path, *more, **words)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", look)
    found = find([str(tmp_path)], can_read)
    assert photos(found) == ["a.jpg"]
    (problem,) = [item for item in found if item.problem]
    assert problem.named and "lost+found: cannot be looked into: Permission" in problem.problem


def test_a_file_that_is_named_is_taken_though_a_folder_with_it_is_walked(tmp_path):
    tree(tmp_path, "x.jpg", "x.restored.jpg", "notes.txt")
    named = [str(tmp_path / name) for name in ("x.restored.jpg", "notes.txt")]
    for inputs in ([str(tmp_path), *named], [*named, str(tmp_path)]):
        found = find(inputs, can_read)
        assert sorted(photos(found)) == ["notes.txt", "x.jpg", "x.restored.jpg"]
        assert len(found) == 3


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "jpe", "jfif", "png", "tif", "heic"])
def test_companions_of_every_kind_of_photo_are_earlier_results(tmp_path, suffix):
    tree(tmp_path, f"a.{suffix}", f"a.{suffix}.web.jpg", f"a.{suffix}.2048px.jpg")
    assert photos(find([str(tmp_path)], can_read)) == [f"a.{suffix}"]


KEY = "a-0123456789"
PICTURES = [
    f"{KEY}.{when}.{size}.jpg" for when in ("before", "after") for size in ("small", "large")
]


def test_an_album_of_ours_is_not_walked(tmp_path):
    tree(tmp_path, "a.jpg", "album/index.html", f"album/photos/{KEY}.json")
    tree(tmp_path / "album" / "photos", *PICTURES, f"{KEY}.mask.png")
    found = find([str(tmp_path)], can_read)
    assert photos(found) == ["a.jpg"]
    assert [i.below.as_posix() for i in found if "an album" in i.problem] == ["album/photos"]
    assert photos(find([str(tmp_path / "album" / "photos")], can_read)) == []


def test_photos_of_my_own_among_those_of_an_album_are_taken(tmp_path):
    tree(tmp_path / "photos", *PICTURES, f"{KEY}.json", "a.jpg", "b-0123456789.after.small.jpg")
    assert photos(find([str(tmp_path)], can_read)) == [
        "photos/a.jpg",
        "photos/b-0123456789.after.small.jpg",
    ]
    named = str(tmp_path / "photos" / PICTURES[0])
    assert photos(find([named], can_read)) == [PICTURES[0]]


def written(out, source, target, done=True):
    """Put a result into the ledger of a folder."""
    with Ledger(out) as ledger:
        mark = stamp(out / target) if done else None
        phase = Phase.DONE if done else Phase.PLANNED
        ledger.put(Entry(target, str(source), phase, after=mark, files=(target,) if done else ()))


def test_results_among_the_photos_are_known_by_the_ledger(tmp_path):
    tree(tmp_path, "x.jpg", "x.png", "y.jpg", "y.png", "new.png")
    written(tmp_path, tmp_path / "x.jpg", "x.png")
    written(tmp_path, tmp_path / "y.jpg", "y.png", done=False)
    for inputs in ([str(tmp_path)], [str(tmp_path / "*.*")]):
        found = find(inputs, can_read, tmp_path)
        assert photos(found) == ["new.png", "x.jpg", "y.jpg", "y.png"]
        (result,) = [item for item in found if item.problem]
        assert (result.path.name, result.problem) == ("x.png", "an earlier result")
        assert not result.named
    assert "x.png" in photos(find([str(tmp_path)], can_read))
    assert "x.png" in photos(find([str(tmp_path / "x.png")], can_read, tmp_path))


def found(*names):
    return [Found(Path("in") / name, Path(name)) for name in names]


def test_results_go_beside_their_sources_by_default():
    assert targets(found("a.jpg", "x/b.c.tif"), None, "restored") == [
        Path("in/a.restored.jpg"),
        Path("in/x/b.c.restored.tif"),
    ]


def test_the_tree_is_mirrored_in_the_folder_of_results():
    assert targets(found("a.jpg", "x/b.tif"), Path("out"), "restored") == [
        Path("out/a.jpg"),
        Path("out/x/b.tif"),
    ]


def test_the_suffix_follows_the_format():
    assert targets(found("a.jpg", "b.c.tif"), Path("out"), "restored", ".png") == [
        Path("out/a.png"),
        Path("out/b.c.png"),
    ]


def test_two_sources_never_share_a_target():
    same = [Found(Path(f"{n}/a.jpg"), Path("a.jpg")) for n in range(4)]
    same.append(Found(Path("x/A.JPG"), Path("A.JPG")))
    names = [path.name for path in targets(same, Path("out"), "restored")]
    assert names == ["a.jpg", "a-2.jpg", "a-3.jpg", "a-4.jpg", "A-5.JPG"]


def test_a_target_that_a_source_had_stays_its_own(tmp_path):
    items = [Found(tmp_path / name, Path(name)) for name in ("b.jpg", "b.tif")]
    known = [Known(str(tmp_path / "b.tif"), Path("out/b.png"), None)]
    places = targets(items, Path("out"), "restored", ".png", known=known)
    assert places == [Path("out/b-2.png"), Path("out/b.png")]
    assert targets(items, Path("out"), "restored", known=known)[1] == Path("out/b.tif")


def test_no_target_is_the_source_of_another_photo(tmp_path):
    items = [Found(tmp_path / name, Path(name)) for name in ("x.jpg", "x.png")]
    places = targets(items, tmp_path, "restored", ".png")
    assert places == [tmp_path / "x-2.png", tmp_path / "x.png"]


def test_a_photo_that_was_moved_keeps_its_result(tmp_path):
    tree(tmp_path, "here/x.jpg")
    moved = Found(tmp_path / "here" / "x.jpg", Path("x.jpg"))
    place, there = tmp_path / "out" / "x.jpg", str(tmp_path / "there" / "x.jpg")
    same, other = stamp(moved.path), dataclasses.replace(stamp(moved.path), size=7)
    known = [Known(there, place, same)]
    assert targets([moved], tmp_path / "out", "restored", known=known) == [place]
    numbered = [tmp_path / "out" / "x-2.jpg"]
    known = [Known(there, place, other)]
    assert targets([moved], tmp_path / "out", "restored", known=known) == numbered
    both = [Found(Path(there), Path("x.jpg")), moved]
    known = [Known(there, place, same)]
    assert targets(both, tmp_path / "out", "restored", known=known) == [place, *numbered]


def test_a_photo_that_was_moved_before_it_was_begun_keeps_its_name(tmp_path):
    tree(tmp_path, "here/x.jpg", "there/y.jpg")
    moved = [Found(tmp_path / "here" / name, Path(name)) for name in ("x.jpg", "y.jpg")]
    out = tmp_path / "out"
    known = [Known(str(tmp_path / "there" / n), out / n, None) for n in ("x.jpg", "y.jpg")]
    places = targets(moved, out, "restored", known=known)
    assert places == [out / "x.jpg", out / "y-2.jpg"]


def test_the_year_in_a_name_is_no_suffix():
    assert targets(found("Family.1923"), Path("out"), "restored", ".png") == [
        Path("out/Family.1923.png")
    ]
    assert targets(found("Family.1923"), None, "restored") == [Path("in/Family.1923.restored")]


def test_a_single_file_can_go_to_a_file(tmp_path):
    tree(tmp_path, "a.jpg", "folder/b.jpg")
    one, several = (str(tmp_path / "a.jpg"),), (str(tmp_path / "a.jpg"), "b.jpg")
    assert is_file_target(one, tmp_path / "new.tif", can_read)
    assert not is_file_target(one, tmp_path / "new", can_read)
    assert not is_file_target(one, tmp_path / "folder", can_read)
    for inputs in (several, (str(tmp_path / "folder"),), (str(tmp_path / "*.jpg"),)):
        assert not is_file_target(inputs, tmp_path / "new", can_read)
        with pytest.raises(click.UsageError, match="for several, give a folder"):
            is_file_target(inputs, tmp_path / "new.tif", can_read)
    with pytest.raises(click.UsageError, match=r"expected a folder, or a file of .*\.tif"):
        is_file_target(one, tmp_path / "new.gif", can_read)
    place = targets(found("a.jpg"), Path("new.tif"), "restored", "", True)
    assert place == [Path("new.tif")]
