"""Paired photos from disk, and what is said where they do not match."""

from __future__ import annotations

import shutil
import tarfile

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from unfade.errors import ReadError  # noqa: E402
from unfade.photo import Damage  # noqa: E402
from unfade.train.crops import Draw  # noqa: E402
from unfade.train.fit import fit  # noqa: E402
from unfade.train.loaders import loaders, read_material  # noqa: E402
from unfade.train.pairs import PairCrops, crop_alike, find_pairs, read_pair  # noqa: E402
from unfade.train.run import Run  # noqa: E402


@pytest.fixture
def pairs(tmp_path):
    """Twenty photos of one's own: aged, retouched, a mask, and kinds for the first."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "mine"
    for part in ("aged", "clean", "mask", "kinds"):
        (folder / part / "album").mkdir(parents=True)
    for index in range(20):
        clean = cv2.resize(rng.integers(0, 255, (9, 12, 3), np.uint8), (72, 56))
        mask = np.zeros((56, 72), np.uint8)
        cv2.line(mask, (5, 5), (60, 50), 255, 2)
        aged = np.where(mask[:, :, None] > 0, 255, clean).astype(np.uint8)
        name = f"album/{index:02d}.png"
        cv2.imwrite(str(folder / "aged" / name), aged)
        cv2.imwrite(str(folder / "clean" / name), clean)
        cv2.imwrite(str(folder / "mask" / name), mask)
        if index == 0:
            cv2.imwrite(str(folder / "kinds" / name), mask // 255 * Damage.SCRATCH)
    return folder


def test_parts_are_found_by_their_names(pairs):
    found = find_pairs(pairs, "damage")
    assert len(found) == 20
    assert set(found[0].parts) == {"aged", "clean", "mask", "kinds"}
    assert set(found[1].parts) == {"aged", "clean", "mask"}
    planes = read_pair(found[0])
    assert planes["mask"].max() == 1 and planes["kinds"].max() == Damage.SCRATCH
    assert planes["aged"].shape == (56, 72, 3)


def test_the_suffix_of_a_part_may_differ(pairs):
    for path in (pairs / "mask" / "album").iterdir():
        cv2.imwrite(str(path.with_suffix(".bmp")), cv2.imread(str(path), 0))
        path.unlink()
    assert len(find_pairs(pairs, "damage")) == 20


def test_pairs_may_lie_in_a_tar_file(pairs, tmp_path):
    with tarfile.open(tmp_path / "mine.tar", "w") as tar:
        tar.add(pairs, "set")
    packed, loose = find_pairs(tmp_path / "mine.tar", "restore"), find_pairs(pairs, "restore")
    assert [p.source.digest for p in packed] == [p.source.digest for p in loose]


def test_a_missing_mask_is_named(pairs):
    (pairs / "mask" / "album" / "07.png").unlink()
    with pytest.raises(ReadError, match=r"1 pictures of .*/aged have no mask/: .*album/07"):
        find_pairs(pairs, "damage")
    assert len(find_pairs(pairs, "restore")) == 20


def test_a_missing_part_is_named(tmp_path, photos):
    with pytest.raises(ReadError, match=r"no pictures in .*/clean; inpaint needs clean/ and mask/"):
        find_pairs(photos, "inpaint")


def test_a_mask_of_another_size_is_named_before_anything_is_learned(pairs):
    path = pairs / "mask" / "album" / "03.png"
    cv2.imwrite(str(path), np.zeros((40, 72), np.uint8))
    with pytest.raises(ReadError, match=r"mask.*03\.png is 72 x 40, but aged/ is 72 x 56"):
        PairCrops(find_pairs(pairs, "damage"), "damage")


def masks_become(pairs, make):
    """Write all masks as `make` makes them of (H, W) in 0 and 255; answers with what is true."""
    for path in (pairs / "mask" / "album").iterdir():
        mask = cv2.imread(str(path), 0)
        cv2.imwrite(str(path), make(mask))
    return mask / np.float32(255)


def red(mask):
    return np.dstack([mask * 0, mask * 0, mask])


def layer(mask):
    """Painted in red, and what is under it black or white, but transparent."""
    return np.dstack([mask * 0, mask * 0, mask, mask])


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda mask: mask // 255, id="ones"),
        pytest.param(lambda mask: (mask // 255).astype(np.uint16), id="ones of 16 bits"),
        pytest.param(lambda mask: mask.astype(np.uint16) * 257, id="16 bits"),
        pytest.param(red, id="red on black"),
        pytest.param(layer, id="a red layer"),
        pytest.param(lambda mask: np.dstack([mask * 0] * 3 + [mask]), id="a black layer"),
        pytest.param(lambda mask: np.dstack([mask] * 3 + [mask * 0 + 255]), id="opaque"),
        pytest.param(lambda mask: np.dstack([mask * 0 + 255] * 3 + [mask]), id="a white layer"),
    ],
)
def test_masks_are_read_as_they_are_meant(make, pairs):
    truth = masks_become(pairs, make)
    mask = read_pair(find_pairs(pairs, "restore")[5])["mask"]
    assert mask.dtype == np.float32
    np.testing.assert_array_equal(mask, truth)


def test_what_is_white_and_black_on_a_layer_is_not_damaged_where_black(pairs):
    def turned(mask):
        opacity = mask * 0 + 255
        opacity[:10] = 0
        return np.dstack([mask] * 3 + [opacity])

    truth = masks_become(pairs, turned)
    truth[:10] = 0
    np.testing.assert_array_equal(read_pair(find_pairs(pairs, "damage")[5])["mask"], truth)


def test_the_faintest_traces_of_an_aging_are_not_taken_for_a_mask_of_ones(pairs):
    masks_become(pairs, lambda mask: mask // 255)
    path = pairs / "kinds" / "album" / "00.png"
    cv2.imwrite(str(path), cv2.imread(str(path), 0) * 0)
    first, second = (read_pair(pair)["mask"].max() for pair in find_pairs(pairs, "restore")[:2])
    assert first == pytest.approx(1 / 255) and second == 1


@pytest.mark.parametrize(
    ("value", "complaint"),
    [(0, "no mask in .*/mask holds any damage"), (255, "every mask in .* damaged as a whole")],
)
def test_masks_that_say_nothing_are_refused(value, complaint, pairs):
    masks_become(pairs, lambda mask: np.full_like(mask, value))
    for task in ("damage", "inpaint"):
        with pytest.raises(ReadError, match=complaint):
            find_pairs(pairs, task)
    assert len(find_pairs(pairs, "restore")) == 20


def test_one_mask_that_holds_damage_is_enough(pairs):
    for path in sorted((pairs / "mask" / "album").iterdir())[:-1]:
        cv2.imwrite(str(path), np.zeros((56, 72), np.uint8))
    assert len(find_pairs(pairs, "damage")) == 20


def test_a_kind_that_does_not_exist_is_named(pairs):
    cv2.imwrite(str(pairs / "kinds" / "album" / "00.png"), np.full((56, 72), 99, np.uint8))
    with pytest.raises(ReadError, match=r"kinds.*00\.png holds 99; kinds are 0 to 7"):
        PairCrops(find_pairs(pairs, "damage"), "damage")


@pytest.mark.parametrize(("task", "part"), [("damage", 1), ("restore", 2)])
def test_handwriting_of_an_aged_pair_is_no_damage(task, part, pairs):
    kinds = np.full((56, 72), Damage.ORIGINAL, np.uint8)
    kinds[:, 36:] = Damage.SCRATCH
    cv2.imwrite(str(pairs / "kinds" / "album" / "00.png"), kinds)
    pair = find_pairs(pairs, task)[0]
    mask = PairCrops([pair], task).make(read_pair(pair))[part]
    assert not mask[:, :36].any()
    np.testing.assert_array_equal(mask[:, 36:], read_pair(pair)["mask"][:, 36:])


def test_a_broken_picture_is_named(pairs):
    (pairs / "aged" / "album" / "05.png").write_bytes(b"broken")
    with pytest.raises(ReadError, match=r"1 of 20 pictures cannot be read: .*album/05"):
        PairCrops(find_pairs(pairs, "damage"), "damage")


def test_all_parts_are_cut_at_the_same_place():
    rows, columns = np.mgrid[:40, :50].astype(np.float32)
    planes = {"aged": np.dstack([rows, columns, rows]), "mask": rows, "clean": columns}
    for seed in range(8):
        crops = crop_alike(planes, 24, np.random.default_rng(seed))
        assert np.array_equal(crops["aged"][:, :, 0], crops["mask"])
        assert np.array_equal(crops["aged"][:, :, 1], crops["clean"])
        assert crops["mask"].shape == (24, 24)
    assert crop_alike(planes, 64, np.random.default_rng(0))["aged"].shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("task", "channels"),
    [
        ("damage", (3, 1, 1)),
        ("inpaint", (3, 1, 3)),
        ("denoise", (3, 3)),
        ("restore", (3, 3, 1)),
    ],
)
def test_every_task_gets_what_it_takes(task, channels, pairs):
    example = PairCrops(find_pairs(pairs, task), task)[Draw(3, 32)]
    assert tuple(tensor.shape for tensor in example) == tuple((c, 32, 32) for c in channels)
    again = PairCrops(find_pairs(pairs, task), task)[Draw(3, 32)]
    assert all(torch.equal(a, b) for a, b in zip(example, again, strict=True))


def test_inpainting_of_pairs_hides_what_is_under_the_mask(pairs):
    fill, mask, clean = PairCrops(find_pairs(pairs, "inpaint"), "inpaint")[Draw(1, 56)]
    assert torch.equal(fill * (1 - mask), clean * (1 - mask))
    assert float(((fill - clean) * mask).abs().max()) > 0


def test_inpainting_of_faded_pairs_fills_with_the_tones_of_the_clean_part(pairs):
    for path in (pairs / "aged" / "album").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path)) // 2 + 90)
    fill, mask, clean = PairCrops(find_pairs(pairs, "inpaint"), "inpaint")[Draw(1, 56)]
    assert torch.equal(fill * (1 - mask), clean * (1 - mask))
    # What is filled lies within the tones around it.
    assert float(fill.min()) >= float(clean.min()) - 0.02


@pytest.fixture
def versions(pairs):
    """The same photos aged three times each, as `unfade age` does if asked for versions."""
    for part in ("aged", "clean", "mask"):
        for path in sorted((pairs / part / "album").iterdir()):
            picture = cv2.imread(str(path))
            for version in (2, 3):
                marked = picture if part == "clean" else np.roll(picture, version * 7, axis=0)
                cv2.imwrite(str(path.with_stem(f"{path.stem}.{version}")), marked)
    return pairs


@pytest.mark.parametrize("task", ["damage", "inpaint", "denoise"])
def test_a_clean_photo_is_never_on_both_sides(task, versions):
    material = read_material(Run(task, pairs=(str(versions),), side=32))
    ours, theirs = (
        {pair.parts["clean"].digest for pair in part.pairs}
        for part in (material.learn, material.check)
    )
    assert ours and theirs and not ours & theirs
    assert len(material.check.pairs) == 3 * len(theirs)


def test_clean_photos_of_pairs_that_are_checked_with_are_not_learned_from(pairs, photos, tmp_path):
    clean = tmp_path / "photos"
    shutil.copytree(photos, clean)
    held = [
        pair.parts["clean"]
        for pair in read_material(Run("denoise", pairs=(str(pairs),), side=32)).check.pairs
    ]
    for source in held:
        shutil.copyfile(source.path, clean / f"again-{source.path.name}")
    material = read_material(Run("denoise", (str(clean),), (str(pairs),), side=32))
    learned = {sha for part, sha in material._rows if part == "learn"}
    assert len(held) == 2 and not {source.digest.hex() for source in held} & learned
    assert 5 <= len(material.learn.first.photos) <= 6


@pytest.mark.parametrize("part", ["aged", "mask", "kinds"])
def test_a_part_that_was_edited_makes_other_examples(part, pairs, tmp_path):
    def read():
        material = read_material(run)
        return material.sha256, material.kept(run).folder

    run = Run("damage", pairs=(str(pairs),), side=32, kept=str(tmp_path / "kept"))
    before = read()
    assert read() == before
    path = pairs / part / "album" / "00.png"
    cv2.imwrite(str(path), np.roll(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), 9, axis=0))
    sha256, folder = read()
    assert sha256 != before[0] and folder != before[1]


def test_white_noise_is_learned_from_beside_pairs_too(pairs, photos):
    run = Run("denoise", (str(photos),), (str(pairs),), noise="both", share=0.5, side=32)
    learn = read_material(run).learn
    # White noise alone is not clipped to what a file can hold.
    white = sum(bool(learn[Draw(number, 32)][0].max() > 1) for number in range(80))
    assert 8 < white < 32


def test_pairs_and_judged_marks_do_not_go_together():
    with pytest.raises(ValueError, match="--judged and --pairs do not go together"):
        Run("damage", ("photos",), ("mine",), judged=("marks.json", "old"))


def test_pairs_and_clean_photos_are_mixed_and_checked_with_pairs(pairs, photos):
    run = Run("damage", (str(photos),), (str(pairs),), side=32, batch=2, steps=4, workers=0)
    material = read_material(run)
    assert material.manifest.count("album") == 20 * 3 + 1
    assert len(material.check.pairs) == 2
    learn, check = loaders(run, material)
    assert [t.shape for t in next(iter(learn))] == [(2, 3, 32, 32), (2, 1, 32, 32), (2, 1, 32, 32)]
    assert len(list(check)) == 8


def test_twenty_photos_of_ones_own_change_weights_that_were_begun_with(pairs, photos, tmp_path):
    settings = {"steps": 2, "batch": 2, "side": 32, "every": 2, "workers": 0, "threads": 1}
    first = Run("damage", (str(photos),), out=str(tmp_path / "first"), **settings)
    fit(first)
    told = []
    mine = {"init": str(tmp_path / "first"), "lr": 1e-4, **settings}
    last = fit(Run("damage", pairs=(str(pairs),), out=str(tmp_path / "mine"), **mine), told.append)
    assert any("tensors taken" in line and "fresh" not in line for line in told)
    before, after = (
        torch.load(p, weights_only=True)["state_dict"]
        for p in (tmp_path / "first" / "last.ckpt", last)
    )
    # Of the convolutions: normalization says the same with other statistics.
    layers = [k for k in before if before[k].ndim > 1]
    moved = max(float((before[k] - after[k]).abs().max()) for k in layers)
    assert 0 < moved < 0.01
