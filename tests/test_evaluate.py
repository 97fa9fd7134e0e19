"""Evaluating: what is asked, who is asked, what is measured, and that it can be repeated."""

import dataclasses
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from unfade import evaluate
from unfade.darkroom import Darkroom
from unfade.degrade.capture import Blur
from unfade.errors import EvaluationError
from unfade.evaluate import baselines, make_method, run_cases
from unfade.evaluate.baselines import BASELINES
from unfade.evaluate.cases import Aging, Kind, aged_cases, open_case, paired_cases, real_cases
from unfade.evaluate.damage import Tally, pooled, size_class, tallies
from unfade.evaluate.methods import RunCommand, RunRecipe, TakeFiles
from unfade.evaluate.page import page_html
from unfade.evaluate.sheet import Row
from unfade.evaluate.store import Store
from unfade.evaluate.summary import document
from unfade.io.read import read
from unfade.io.write import write, write_plane
from unfade.photo import Damage, Photo
from unfade.recipe import Recipe

COPY = f'"{sys.executable}" -c "import shutil,sys; shutil.copy(*sys.argv[1:])" {{input}} {{output}}'


def scene(seed, size=(72, 80)):
    """A smooth colored picture with an edge."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    rng = np.random.default_rng(seed)
    planes = [0.5 + 0.3 * np.sin(x / rng.uniform(8, 14) + y / rng.uniform(9, 20)) for _ in range(3)]
    pixels = np.stack(planes, axis=2)
    pixels[:, size[1] // 2 :] *= 0.8
    return Photo(np.rint(pixels * 255).astype(np.float32) / 255)


@pytest.fixture
def room():
    return Darkroom(threads=1)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "photos"
    (place / "below").mkdir(parents=True)
    write(scene(0), place / "a.png")
    write(scene(1), place / "below" / "b.png")
    return place


def methods(*names):
    return [make_method(f"baseline:{name}") for name in names]


def test_one_seed_gives_identical_figures_and_another_does_not(folder):
    def measured(seed):
        cases = aged_cases(folder, [Aging("film-35mm", 0.6, seed)])
        return run_cases(cases, methods("identity", "median"), Darkroom(threads=1))

    first, again, other = measured(3), measured(3), measured(4)
    assert [dataclasses.replace(row, cost={}) for row in first.rows] == [
        dataclasses.replace(row, cost={}) for row in again.rows
    ]
    assert not any(row.error for row in first.rows)
    aged = [row.figures["psnr"] for row in first.rows if row.kind == "aged"]
    assert aged != [row.figures["psnr"] for row in other.rows if row.kind == "aged"]


def test_a_photo_is_aged_alike_whatever_else_is_there_and_as_unfade_age_does(folder, room):
    from unfade.verbs import age

    (case, _) = aged_cases(folder, [Aging("print-color", 0.5, 9)], clean=False)
    given = open_case(case, room).given.to_array()
    (folder / "below" / "b.png").unlink()
    (alone,) = aged_cases(folder, [Aging("print-color", 0.5, 9)], clean=False)
    assert np.array_equal(given, open_case(alone, room).given.to_array())
    import zlib

    seed = (9, zlib.crc32(b"a.png"), 0)
    aged, _ = age(folder / "a.png", preset="print-color", severity=0.5, seed=seed)
    eight = np.rint(given * 255) if given.dtype != np.uint8 else given
    assert np.abs(aged.to_array().astype(int) - eight.astype(int)).max() <= 1


def test_a_grey_print_has_a_grey_truth(folder, room):
    case = aged_cases(folder, [Aging("print-bw", 0.5)])[0]
    truth = open_case(case, room).truth.pixels
    assert truth.shape[2] == 1 or np.ptp(truth, axis=2).max() < 0.15
    assert np.ptp(scene(0).pixels, axis=2).max() > 0.3


def test_a_clean_photo_comes_out_clean_or_it_is_told(folder, room):
    cases = [case for case in aged_cases(folder, [Aging()]) if case.kind is Kind.CLEAN]
    rows = run_cases(cases, methods("identity", "median", "telea-true-mask"), room).rows
    same = {row.method: row.figures["identical_share"] for row in rows if row.photo == "a.png"}
    assert same["identity"] == same["telea-true-mask"] == 1 > same["median"]
    assert rows[0].figures["psnr"] == 100


def test_a_bad_file_is_one_row_and_stops_nothing(folder, room):
    (folder / "a1.png").write_bytes(b"not a photo")
    rows = run_cases(aged_cases(folder, [Aging()], clean=False), methods("identity"), room).rows
    assert [row.photo for row in rows] == ["a.png", "a1.png", "below/b.png"]
    assert [bool(row.error) for row in rows] == [False, True, False]
    assert not rows[1].figures


def test_a_folder_without_photos_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="holds no photo"):
        real_cases(tmp_path)


def pairs(tmp_path):
    """One pair with a white hole, and its mask."""
    clean = scene(5)
    hole = np.zeros(clean.size, np.float32)
    hole[30:36, 20:50] = 1
    hurt = Photo(np.where(hole[:, :, None] > 0, np.float32(1), clean.pixels))
    for name in ("aged", "clean", "mask"):
        (tmp_path / name).mkdir()
    write(hurt, tmp_path / "aged" / "x.png")
    write(clean, tmp_path / "clean" / "x.tif")
    write_plane(hole, tmp_path / "mask" / "x.png")
    return [tmp_path / name for name in ("aged", "clean", "mask")]


def test_pairs_are_measured_inside_near_and_outside_their_mask(tmp_path, room):
    cases = paired_cases(*pairs(tmp_path))
    assert [case.kind for case in cases] == [Kind.PAIR, Kind.CLEAN]
    sheet = run_cases(cases[:1], methods("identity", "telea-true-mask"), room)
    nothing, filled = (row.figures for row in sheet.rows)
    assert nothing["psnr_outside"] == 100 and nothing["psnr_inside"] < 10
    assert filled["psnr_inside"] > nothing["psnr_inside"] + 10
    assert filled["psnr_gain_inside"] == pytest.approx(
        filled["psnr_inside"] - nothing["psnr_inside"]
    )
    # The true mask is grown by two pixels, so what lies near is filled as well, what is far not.
    assert 30 < filled["psnr_near"] < filled["psnr_outside"] < 100
    assert filled["delta_e_inside"] < nothing["delta_e_inside"] / 3


def test_without_a_mask_nothing_is_said_of_it(tmp_path, room):
    aged, clean, _ = pairs(tmp_path)
    rows = run_cases(
        paired_cases(aged, clean, check=False), methods("identity", "telea-true-mask"), room
    ).rows
    assert "psnr" in rows[0].figures and "psnr_inside" not in rows[0].figures
    assert "true mask" in rows[1].error


def test_files_without_a_partner_are_refused(tmp_path):
    aged, clean, mask = pairs(tmp_path)
    shutil.copy(aged / "x.png", aged / "y.png")
    with pytest.raises(EvaluationError, match="no partner"):
        paired_cases(aged, clean)
    shutil.copy(clean / "x.tif", clean / "y.tif")
    with pytest.raises(EvaluationError, match="no mask"):
        paired_cases(aged, clean, mask)


def test_real_photos_are_described_before_and_after(folder, room):
    sheet = run_cases(real_cases(folder), methods("median"), room)
    told = sheet.rows[0].figures
    assert told["contrast_after"] < told["contrast_before"]
    assert {"noise_after", "blockiness_after", "blur_after", "colorfulness_after"} < set(told)
    assert "psnr" not in told and told["changed_share"] > 0


def test_a_foreign_program_is_asked_through_files(folder, room):
    cases = aged_cases(folder, [Aging()], clean=False)
    sheet = run_cases(cases, [RunCommand("copy", COPY), *methods("identity")], room)
    copied, same = sheet.rows[:2]
    assert copied.figures["psnr"] == same.figures["psnr"]
    assert copied.cost["seconds"] > 0
    if sys.platform != "win32":
        assert copied.cost["peak_memory_mib"] > 1


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import sys; sys.exit('no model found')", "no model found"),
        ("pass", "wrote no output.png"),
        ("import time; time.sleep(60)", "took longer than 2 s and was ended; see --timeout"),
    ],
)
def test_a_foreign_program_that_fails_is_told(folder, room, program, says):
    command = f'"{sys.executable}" -c "{program}" {{input}} {{output}}'
    cases = aged_cases(folder, [Aging()], clean=False)[:1]
    (row,) = run_cases(cases, [RunCommand("bad", command, timeout=2)], room).rows
    assert says in row.error


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for a process by its number")
def test_a_program_that_takes_too_long_ends_with_all_that_it_started(folder, room, tmp_path):
    told = tmp_path / "number"
    tool = tmp_path / "tool.sh"
    tool.write_text(f"sleep 60 &\necho $! > '{told}'\nwait\n")
    cases = aged_cases(folder, [Aging()], clean=False)[:1]
    method = RunCommand("bad", f"sh '{tool}' {{input}} {{output}}", timeout=1)
    (row,) = run_cases(cases, [method], room).rows
    assert "took longer than 1 s" in row.error
    assert ended(int(told.read_text()))


def ended(number):
    """Whether a process ends within five seconds; one that nobody waited for has."""
    for _ in range(50):
        try:
            os.kill(number, 0)
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for a process by its number")
def test_ctrl_c_ends_the_program_too(folder, room, tmp_path, monkeypatch):
    numbers = []

    def interrupted(process):
        numbers.append(process.pid)
        raise KeyboardInterrupt

    monkeypatch.setattr("unfade.evaluate.methods._wait", interrupted)
    case = aged_cases(folder, [Aging()], clean=False)[0]
    sleep = f'"{sys.executable}" -c "import time; time.sleep(60)" {{input}} {{output}}'
    method = RunCommand("long", sleep)
    with pytest.raises(KeyboardInterrupt):
        method(open_case(case, room), room)
    assert ended(numbers[0])


def test_a_method_that_failed_on_every_photo_is_in_the_summary(folder, room):
    method = RunCommand(
        "bad", f'"{sys.executable}" -c "import sys; sys.exit(3)" {{input}} {{output}}'
    )
    sheet = run_cases(real_cases(folder), [*methods("identity"), method], room)
    told = document(sheet, {"title": "t", "facts": {}, "software": "s"})
    counts = {e["method"]: (e["photos"], e["failed"]) for e in told["summary"]}
    assert counts == {"identity": (2, 0), "bad": (0, 2)}
    assert "<td>bad</td>" in page_html(told, sheet, [])


def test_the_partner_of_the_very_name_is_taken_and_doubles_are_refused(tmp_path):
    aged, clean, mask = pairs(tmp_path)
    write(scene(1), clean / "x.webp")
    with pytest.raises(EvaluationError, match=r"one partner in .*, got x\.tif, x\.webp; leave one"):
        paired_cases(aged, clean, check=False)
    shutil.copy(aged / "x.png", clean / "x.png")
    (case,) = paired_cases(aged, clean, check=False)
    assert case.truth == clean / "x.png"
    shutil.copy(mask / "x.png", mask / "x.jpg")
    (case,) = paired_cases(aged, clean, mask, check=False)
    assert case.mask == mask / "x.png"
    (mask / "x.png").rename(mask / "x.tif")
    with pytest.raises(EvaluationError, match="one mask in"):
        paired_cases(aged, clean, mask, check=False)


def test_a_command_needs_both_places():
    with pytest.raises(EvaluationError, match="must hold"):
        RunCommand("x", "tool {input}")


def test_the_files_of_another_tool_are_measured(tmp_path, room):
    aged, clean, mask = pairs(tmp_path)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    write(read(clean / "x.tif"), theirs / "x.old.tif")
    (row,) = run_cases(paired_cases(aged, clean, mask, check=False), [taken(theirs)], room).rows
    assert "no result" in row.error
    write(read(clean / "x.tif"), theirs / "x.tif")
    (row,) = run_cases(paired_cases(aged, clean, mask, check=False), [taken(theirs)], room).rows
    assert row.figures["psnr"] == 100 and not row.cost
    write(scene(5, (10, 20)), theirs / "x.tif")
    (row,) = run_cases(paired_cases(aged, clean, mask, check=False), [taken(theirs)], room).rows
    assert "80 x 72" in row.error


def taken(folder):
    return TakeFiles("theirs", folder)


def test_a_recipe_marks_damage_and_its_curve_is_pooled(folder, room):
    cases = aged_cases(folder, [Aging("film-35mm", 0.9)], clean=False)
    sheet = run_cases(cases, [make_method("print")], room)
    assert [row.error for row in sheet.rows] == ["", ""]
    assert all(0 <= row.figures["mask_f1"] <= 1 for row in sheet.rows)
    (curve,) = sheet.curves.values()
    damaged, sound = (int(counts.sum()) for counts in curve.counts)
    assert damaged + sound == 2 * 72 * 80
    share = np.mean([row.figures["damaged_share"] for row in sheet.rows])
    assert damaged / (damaged + sound) == pytest.approx(share)


def test_a_store_gives_back_what_it_has_and_measures_what_changed(folder, room, tmp_path):
    asked = []

    @dataclasses.dataclass(frozen=True)
    class Counting(RunRecipe):
        def __call__(self, question, darkroom):
            asked.append(question.case.name)
            return super().__call__(question, darkroom)

    recipe = Recipe("blur", (Blur(),))
    method = Counting("blur", recipe)
    cases = aged_cases(folder, [Aging()], clean=False)
    store = Store(tmp_path / "kept")
    first = run_cases(cases, [method], room, store)
    again = run_cases(cases, [method], room, store)
    assert asked == ["a.png", "below/b.png"] and first.rows == again.rows
    run_cases(aged_cases(folder, [Aging(seed=1)], clean=False), [method], room, store)
    assert len(asked) == 4
    run_cases(cases, [Counting("blur", recipe.including(Blur()))], room, store)
    assert len(asked) == 6
    write(scene(9), folder / "a.png")
    run_cases(cases, [method], room, store)
    assert len(asked) == 7
    broken = min((tmp_path / "kept").iterdir())
    broken.write_bytes(b"half a file")
    assert store.load(broken.stem) is None


def test_a_row_survives_json(folder, room):
    row = run_cases(aged_cases(folder, [Aging()])[:1], methods("identity"), room).rows[0]
    row = dataclasses.replace(row, tallies={"size 5-24": Tally(1, 2)})
    assert Row.from_dict(row.to_dict()) == row
    with pytest.raises(ValueError, match="not a row"):
        Row.from_dict({"method": "x"})


def test_methods_need_different_names(folder, room):
    with pytest.raises(ValueError, match="different names"):
        run_cases(aged_cases(folder, [Aging()]), methods("median", "median"), room)


def test_defects_found_are_counted_by_size_and_kind():
    artifacts = np.zeros((60, 60), np.float32)
    artifacts[2:5, 2:5] = 0.5  # 9 px, found
    artifacts[10:15, 10:15] = 0.5  # 25 px of dust, missed
    artifacts[30:32, 5:55] = 0.5  # a scratch of 100 px, found over half of its length
    kinds = np.zeros((60, 60), np.uint8)
    kinds[10:15, 10:15], kinds[30:32, 5:55] = Damage.DUST, Damage.SCRATCH
    marks = np.zeros((60, 60), np.float32)
    marks[2:5, 2:5] = marks[30:32, 5:30] = 1
    found = tallies(artifacts, marks, kinds)
    assert found == {
        "size 5-24": Tally(1, 1),
        "size 25-99": Tally(0, 1),
        "kind dust": Tally(0, 1),
        "size 100-399": Tally(1, 1),
        "kind scratch": Tally(1, 1),
    }
    assert pooled([found, found])["kind dust"] == Tally(0, 2)
    assert size_class(5000) == "size 1600+"


@pytest.mark.parametrize("name", [n for n, b in BASELINES.items() if b.mask == baselines.TRUE])
def test_fillers_fill_the_hole_and_leave_the_rest(name):
    pytest.importorskip("skimage")
    clean = scene(7).pixels
    mask = np.zeros(clean.shape[:2], np.float32)
    mask[20:26, 10:30] = 1
    hurt = np.where(mask[:, :, None] > 0, np.float32(1), clean)
    filled = BASELINES[name].restore(hurt, mask)
    assert np.array_equal(filled[mask == 0], hurt[mask == 0])
    assert np.abs(filled - clean)[mask > 0].mean() < 0.1 * np.abs(hurt - clean)[mask > 0].mean()
    grey = BASELINES[name].restore(hurt[:, :, :1], mask)
    assert grey.shape == (72, 80, 1)


def noisy_pair(size):
    clean = scene(8, size).pixels
    noise = np.random.default_rng(0).normal(0, 8 / 255, clean.shape).astype(np.float32)
    return np.clip(clean + noise, 0, 1), clean


@pytest.mark.parametrize("name", ["median", "nlm", "wavelet"])
def test_denoisers_take_noise_out(name):
    if name == "wavelet":
        pytest.importorskip("pywt")
    noisy, clean = noisy_pair((96, 96))
    for channels in (3, 1):
        given, truth = noisy[:, :, :channels], clean[:, :, :channels]
        out = BASELINES[name].restore(given, np.zeros((96, 96), np.float32))
        assert out.shape == truth.shape
        assert np.square(out - truth).mean() < 0.7 * np.square(given - truth).mean()


def test_bm3d_takes_noise_out():
    """One small grey picture only: the library takes seconds for any."""
    pytest.importorskip("bm3d")
    noisy, clean = (picture[:, :, :1] for picture in noisy_pair((48, 48)))
    out = BASELINES["bm3d"].restore(noisy, np.zeros((48, 48), np.float32))
    assert np.square(out - clean).mean() < 0.7 * np.square(noisy - clean).mean()


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm3d", None)
    with pytest.raises(EvaluationError, match=r"pip install 'unfade\[bm3d\]'"):
        BASELINES["bm3d"].restore(scene(0).pixels, np.zeros((72, 80), np.float32))


def test_unknown_baselines_are_refused():
    with pytest.raises(EvaluationError, match="navier-stokes-ours-mask"):
        make_method("baseline:magic")


def test_every_public_name_is_there():
    assert all(getattr(evaluate, name) for name in evaluate.__all__)
