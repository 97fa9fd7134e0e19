"""Where pictures come from, and on which side of a split they fall."""

from __future__ import annotations

import json
import tarfile

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from unfade.errors import ReadError
from unfade.train.crops import Batches, Draw, Mixed, Phase, phases
from unfade.train.data import (
    Pictures,
    Source,
    find_frames,
    find_sources,
    gather,
    held_out,
    manifest,
    split,
)
from unfade.train.judged import read_judged
from unfade.train.loaders import read_material
from unfade.train.run import Run


def picture(path, value, side=16):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(value).integers(0, 256, (side, side, 3), np.uint8)
    cv2.imwrite(str(path), noise)
    return path


@pytest.fixture
def shard(tmp_path):
    folder = tmp_path / "loose"
    for index in range(5):
        picture(folder / f"film_{index % 2}" / f"{index:04d}.png", index)
    (folder / "notes.txt").write_text("no picture")
    path = tmp_path / "shard.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(folder, "frames")
    return path


def test_pictures_of_a_tar_file_are_those_of_the_folder(shard, tmp_path):
    packed, loose = find_sources(shard), find_sources(tmp_path / "loose")
    assert len(packed) == len(loose) == 5
    assert [s.digest for s in packed] == [s.digest for s in loose]
    for ours, theirs in zip(Pictures(packed), Pictures(loose), strict=True):
        assert np.array_equal(ours, theirs)
    assert packed[0].name.endswith("shard.tar:frames/film_0/0000.png")


def test_a_folder_of_tar_files_is_opened(shard, tmp_path):
    only = tmp_path / "only"
    only.mkdir()
    shard.rename(only / "a.tar")
    assert len(find_sources(only)) == 5
    picture(only / "b.png", 9)
    assert len(find_sources(only)) == 6
    assert len(gather([str(only), str(tmp_path / "loose")], find_sources)) == 11


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda p: p.mkdir(), "no pictures in"),
        (lambda p: p.write_bytes(b"x" * 1024), "cannot be read as a plain tar file"),
        (lambda p: tarfile.open(p, "w").close(), "no pictures in"),
        (lambda p: None, "neither a folder nor a tar file"),
    ],
)
def test_a_place_without_pictures_is_named(make, complaint, tmp_path):
    place = tmp_path / "place.tar"
    make(place)
    with pytest.raises(ReadError, match=complaint):
        find_sources(place)


def test_pictures_that_cannot_be_read_are_named_before_anything_is_learned(tmp_path, photos):
    good = find_sources(photos)
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_bytes(b"broken")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(ReadError, match=r"3 of 9 pictures cannot be read: .*a\.png, .*b\.jpg"):
        Pictures(good + find_sources(tmp_path))


def test_broken_pictures_of_all_parts_are_named_at_once(tmp_path, photos):
    for path in photos.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    look = tmp_path / "look"
    look.mkdir()
    (look / "old.png").write_bytes(b"broken")
    sides = split(find_sources(photos))
    broken = [part[0].path.name for part in sides]
    for name in broken:
        (tmp_path / name).write_bytes(name.encode())
    run = Run("denoise", (str(tmp_path),), look=(str(look),))
    with pytest.raises(ReadError, match=r"3 of 7 pictures cannot be read") as error:
        read_material(run)
    assert all(name in str(error.value) for name in [*broken, "old.png"])


def test_judged_photos_that_are_broken_are_named_at_once(photos, tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())
    sources = find_sources(photos) + find_sources(tmp_path)
    verdicts = [{"sha256": s.digest.hex(), "rest": "detail"} for s in sources[4:]]
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"photos": verdicts}))
    with pytest.raises(ReadError, match=r"2 of 4 pictures cannot be read: .*a\.png, .*b\.png"):
        read_judged(file, sources)
    file.write_text("{}")
    with pytest.raises(
        ReadError, match=r"no file of judged marks \('photos' is missing\); expected"
    ):
        read_judged(file, sources)


def test_what_is_looked_at_is_read_with_the_rest(photos):
    material = read_material(Run("denoise", (str(photos),), look=(str(photos),)))
    assert len(material.look) == 4 and not material.alone
    learn, check = split(find_sources(photos))
    assert [s.digest for s in material.learn.photos.sources] == [s.digest for s in learn]
    assert np.array_equal(material.check.photos[0], check[0].decode())


@pytest.mark.parametrize("shape", [(9, 7, 3), (9, 7)])
def test_floats_are_read_like_integers(shape, tmp_path):
    codes = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    cv2.imwrite(str(tmp_path / "a.tif"), codes / np.float32(255))
    cv2.imwrite(str(tmp_path / "a.png"), codes)
    whole, floats = (Source(tmp_path / name) for name in ("a.png", "a.tif"))
    for flags in (cv2.IMREAD_COLOR_RGB, cv2.IMREAD_GRAYSCALE):
        ours, theirs = floats.decode(flags), whole.decode(flags)
        assert ours.shape == theirs.shape
        assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert np.array_equal(floats.decode(), whole.decode())


def test_pictures_that_do_not_fit_into_memory_are_decoded_again(photos):
    sources = find_sources(photos)
    kept, again = Pictures(sources), Pictures(sources, cache_mb=0)
    assert all(np.array_equal(a, b) for a, b in zip(kept, again, strict=True))
    assert kept[1] is kept[1] and again[1] is not again[1]


def test_a_split_goes_by_content_and_not_by_name(tmp_path):
    sources = [Source(picture(tmp_path / f"{k}.png", k)) for k in range(100)]
    learn, check = split(sources)
    assert {s.digest for s in learn}.isdisjoint(s.digest for s in check)
    assert 1 <= len(check) <= 12 and len(learn) + len(check) == 100
    assert [held_out(s.path) for s in check] == [True] * len(check)
    copies = [Source(picture(tmp_path / "copy" / f"x{k}.png", k)) for k in range(100)]
    both = split([*sources, *copies])
    assert {s.digest for s in both[1]} == {s.digest for s in check}
    assert len(both[1]) == 2 * len(check)


@pytest.mark.parametrize(("count", "kept"), [(1, 1), (2, 1), (9, 1), (20, 2), (40, 4)])
def test_of_few_photos_one_in_ten_is_kept_for_checking(count, kept, tmp_path):
    sources = [Source(picture(tmp_path / f"{k}.png", k)) for k in range(count)]
    learn, check = split(sources)
    assert len(check) == kept
    assert len(learn) == max(1, count - kept)


def test_frames_of_a_clip_stay_together(tmp_path):
    for clip in range(6):
        for frame in range(4):
            picture(tmp_path / f"clip{clip}" / f"{frame:04d}.png", 10 * clip + frame)
    frames = find_frames(tmp_path)
    learn, check = split(frames)
    assert {f.film for f in learn}.isdisjoint(f.film for f in check)
    assert len(check) == 4 and len(learn) == 20


def test_frames_in_a_tar_file_are_clips_too(shard):
    assert {len({f.film for f in find_frames(shard)}), len(find_frames(shard))} == {2, 5}


def test_the_manifest_names_every_picture_and_its_checksum_knows_no_places(photos, tmp_path):
    first = read_material(Run("denoise", (str(photos),)))
    lines = first.manifest.splitlines()
    assert lines[0] == "part,sha256,picture" and len(lines) == 7
    assert sum(line.startswith("check,") for line in lines) == 1
    for path in photos.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert read_material(Run("denoise", (str(tmp_path),))).sha256 == first.sha256
    next(tmp_path.iterdir()).unlink()
    assert read_material(Run("denoise", (str(tmp_path),))).sha256 != first.sha256
    assert manifest({}) == "part,sha256,picture\n"


def test_crops_grow_and_batches_shrink_as_restormer_was_trained():
    parts = phases(60, 8, (128, 160, 192, 256, 320, 384))
    assert [p.batch for p in parts] == [8, 5, 4, 2, 1, 1]
    assert [p.until for p in parts] == [10, 20, 30, 40, 50, 60]


def test_crops_and_data_grow_on_their_own():
    parts = phases(12, 4, (64, 128, 192), (1300, 5000))
    assert parts == (
        Phase(4, 64, 4, 1300),
        Phase(6, 128, 1, 1300),
        Phase(8, 128, 1, 5000),
        Phase(12, 192, 1, 5000),
    )
    assert phases(7, 8, (256,)) == (Phase(7, 256, 8, 0),)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7])
@pytest.mark.parametrize("steps", [7, 100, 20_000])
def test_every_side_and_every_number_of_photos_has_its_part(steps, count):
    ascending = tuple(64 * (k + 1) for k in range(count))
    assert tuple(p.side for p in phases(steps, 8, ascending)) == ascending
    assert tuple(p.photos for p in phases(steps, 8, (64,), ascending)) == ascending


PARTS = (Phase(3, 64, 4), Phase(5, 128, 1, 9))


def test_a_run_that_goes_on_sees_what_it_had_not_seen():
    whole = list(Batches(PARTS))
    for done in range(6):
        assert list(Batches(PARTS, done)) == whole[done:]
        assert len(Batches(PARTS, done)) == 5
    numbers = [draw.number for batch in whole for draw in batch]
    assert numbers == list(range(14))
    assert whole[4] == [Draw(13, 128, 9)]


def test_processes_share_the_examples_out():
    pairs = zip(Batches(PARTS, 1, 0, 2), Batches(PARTS, 1, 1, 2), strict=True)
    numbers = [draw.number for both in pairs for batch in both for draw in batch]
    assert numbers == list(range(8, 28))


def test_a_mixture_is_always_the_same_and_has_its_share():
    ours, theirs = ({Draw(k, 8): (name,) for k in range(400)} for name in ("ours", "theirs"))
    mixed = [Mixed(ours, theirs, 0.3)[Draw(k, 8)][0] for k in range(400)]
    assert mixed == [Mixed(ours, theirs, 0.3)[Draw(k, 8)][0] for k in range(400)]
    assert 0.2 < mixed.count("theirs") / 400 < 0.4


def test_a_mixture_within_a_mixture_has_its_share_too():
    pairs, grain, white = (
        {Draw(k, 8): (name,) for k in range(2000)} for name in ("pairs", "grain", "white")
    )
    mixed = Mixed(Mixed(grain, white, 0.5), pairs, 0.5, salt=1)
    found = [mixed[Draw(k, 8)][0] for k in range(2000)]
    assert 900 < found.count("pairs") < 1100
    assert 400 < found.count("white") < 600 and 400 < found.count("grain") < 600
