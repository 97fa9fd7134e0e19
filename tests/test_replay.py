"""Replay: the same bytes again, and a name for everything that is not as it was."""

import dataclasses
import json
import os
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest
from click.testing import CliRunner

from unfade import replay
from unfade.batch.share import cores
from unfade.cli.main import unfade
from unfade.darkroom import DEFAULT_MEMORY, Darkroom
from unfade.errors import ReadError, RecipeError
from unfade.io.pages import join_pages
from unfade.io.read import read
from unfade.io.write import write, write_plane
from unfade.jobs.job import Equipment, Existing, Job
from unfade.jobs.outcome import State
from unfade.jobs.run import open_darkroom, run_job
from unfade.models.zoo import checksum
from unfade.photo import Photo
from unfade.recipe import Recipe
from unfade.replay import check_share, replay_sidecar
from unfade.report.papers import Papers
from unfade.report.record import sidecar_path
from unfade.stages import STAGES

TOOLS = Equipment("openvino-fp32", threads=1)
RECIPE = Recipe(
    "all", (STAGES["measure"](), STAGES["damage"](), STAGES["inpaint"](seed=5), STAGES["denoise"]())
)


def scene(side=(96, 128)):
    """A gradient with noise and a white scratch, 16 bit."""
    rows, cols = np.mgrid[0 : side[0], 0 : side[1]]
    pixels = np.stack([rows / side[0], cols / side[1], (rows + cols) / sum(side)], axis=2)
    pixels = np.clip(pixels + np.random.default_rng(0).normal(0, 0.03, pixels.shape), 0, 1)
    pixels[:, side[1] // 2] = 1
    return np.rint(pixels * 65535).astype(np.uint16)


@pytest.fixture(params=["jpg", "png", "tif"])
def restored(request, tmp_path):
    """The sidecar of a photo restored with a mask, as JPEG, PNG or 16-bit TIFF."""
    photo = Photo.from_array(scene())
    source, target = tmp_path / f"scan.{request.param}", tmp_path / "out" / f"new.{request.param}"
    write(photo, source, quality=95 if request.param == "jpg" else None)
    mask = np.zeros((96, 128), np.float32)
    mask[:, 63:66] = 1
    write_plane(mask, tmp_path / "mask.png")
    job = Job(
        *(str(source), str(target), RECIPE),
        equipment=TOOLS,
        mask=str(tmp_path / "mask.png"),
        papers=Papers(sidecar=True),
    )
    outcome = run_job(job, Darkroom("openvino-fp32", threads=1))
    assert outcome.state is State.DONE, outcome.message
    return sidecar_path(target)


@pytest.fixture
def one(tmp_path):
    """The sidecar of one small PNG."""
    write(Photo.from_array((scene((40, 50)) >> 8).astype(np.uint8)), tmp_path / "scan.png")
    target = tmp_path / "new.png"
    mask = np.zeros((40, 50), np.float32)
    mask[10:14] = 1
    write_plane(mask, tmp_path / "mask.png")
    job = Job(
        *(str(tmp_path / "scan.png"), str(target), Recipe("fill", RECIPE.stages[1:3])),
        equipment=TOOLS,
        mask=str(tmp_path / "mask.png"),
        papers=Papers(sidecar=True, when="2001-01-01T00:00:00+00:00"),
    )
    outcome = run_job(job)
    assert outcome.state is State.DONE, outcome.message
    return sidecar_path(target)


def change(path, **entries):
    told = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**told, **entries}), "utf-8")
    return told


def test_the_same_bytes_come_out(restored, tmp_path):
    earlier = restored.with_name(restored.name.removesuffix(".unfade.json"))
    done = replay_sidecar(restored, tmp_path / f"again{earlier.suffix}")
    assert done.identical and done.differs == () and done.result == ()
    assert Path(done.target).read_bytes() == earlier.read_bytes()
    assert read(done.target).metadata.bits == (8 if earlier.suffix == ".jpg" else 16)
    assert b"xmpMM:History" in read(done.target).metadata.fields["xmp-data"]


def test_several_pages_are_replayed_as_one_file(tmp_path):
    for number in (1, 2):
        write(Photo.from_array(np.roll(scene((40, 50)), number)), tmp_path / f"{number}.tif")
    (tmp_path / "out").mkdir()
    join_pages([tmp_path / "1.tif", tmp_path / "2.tif"], tmp_path / "scan.tif")
    recipe = Recipe("all", (STAGES["measure"](), STAGES["denoise"](gate=0.1)))
    papers, target = Papers(sidecar=True), tmp_path / "out" / "new.tif"
    outcome = run_job(Job(str(tmp_path / "scan.tif"), str(target), recipe, papers=papers))
    assert outcome.state is State.DONE, outcome.message
    assert sorted(p.name for p in target.parent.iterdir()) == ["new.tif", "new.tif.unfade.json"]
    told = json.loads(sidecar_path(target).read_text("utf-8"))
    assert [page["options"]["page"] for page in told["pages"]] == [1, 2]
    assert told["output"]["sha256"] == checksum(target)
    done = replay_sidecar(sidecar_path(target), tmp_path / "again" / "new.tif")
    assert done.identical and done.differs == ()
    assert len(list((tmp_path / "again").iterdir())) == 2
    again = replay_sidecar(sidecar_path(Path(done.target)), tmp_path / "third" / "new.tif")
    assert again.identical


def test_a_moved_tree_can_be_replayed(one, tmp_path):
    folder = tmp_path / "moved"
    folder.mkdir()
    for path in [p for p in tmp_path.iterdir() if p.is_file()]:
        path.rename(folder / path.name)
    assert replay_sidecar(folder / one.name, tmp_path / "again.png").identical


def test_another_photo_is_named_and_the_difference_measured(one, tmp_path):
    other = read(tmp_path / "scan.png").to_array()
    other[0, 0] ^= 255
    write(Photo.from_array(other), tmp_path / "scan.png")
    done = replay_sidecar(one, tmp_path / "again.png")
    assert not done.identical
    assert any(line.startswith("the photo changed") for line in done.differs)
    assert "of 2000 pixels differ, by at most 2" in done.result[0]


def test_a_renamed_photo_is_found_where_it_is_said_to_be(one, tmp_path):
    (tmp_path / "scan.png").rename(tmp_path / "renamed.png")
    with pytest.raises(ReadError, match="--photo"):
        replay_sidecar(one, tmp_path / "again.png")
    done = replay_sidecar(one, tmp_path / "again.png", photo=tmp_path / "renamed.png")
    assert done.identical


def test_another_version_engine_and_weights_are_named(one, tmp_path):
    told = json.loads(one.read_text("utf-8"))
    change(
        one,
        software={**told["software"], "numpy": "1.0"},
        equipment={**told["equipment"], "engines": ["openvino-int8"]},
        weights={**told["weights"], "inpaint": "0" * 64, "gone": "1" * 64},
    )
    done = replay_sidecar(one, tmp_path / "again.png", engine="openvino-fp32")
    words = "\n".join(done.differs)
    assert f"numpy 1.0, here {np.__version__}" in words
    assert "engine openvino-int8, here openvino-fp32" in words
    assert "weights inpaint 0000000000000000, here" in words
    assert f"weights gone {'1' * 16}, here none" in words
    assert done.identical


def test_another_setting_changes_the_bytes_and_is_measured(one, tmp_path):
    recipe = json.loads(one.read_text("utf-8"))["recipe"]
    recipe["stages"][1]["settings"]["strength"] = 0.5
    change(one, recipe=recipe)
    done = replay_sidecar(one, tmp_path / "again.png")
    assert not done.identical and "pixels differ" in done.result[0]


def test_the_rules_of_the_recipe_are_kept(one, tmp_path):
    told = json.loads(one.read_text("utf-8"))["recipe"]
    assert told["rules"]["only_damage"] is False
    change(one, recipe={**told, "rules": {"only_damage": True}})
    replay_sidecar(one, tmp_path / "again.png")
    again = json.loads(sidecar_path(tmp_path / "again.png").read_text("utf-8"))
    assert again["recipe"]["rules"]["only_damage"] is True


def test_another_time_changes_only_the_metadata(one, tmp_path):
    change(one, when="2002-01-01T00:00:00+00:00")
    done = replay_sidecar(one, tmp_path / "again.png")
    assert not done.identical and "the pixels are equal" in done.result[0]


def test_an_engine_that_is_not_there_is_named(one, tmp_path, monkeypatch):
    from unfade.errors import EngineError

    def refuse(name, threads):
        raise EngineError("no such thing")

    monkeypatch.setattr(replay, "open_engine", refuse)
    done = replay_sidecar(one, tmp_path / "again.png")
    assert "engine openvino-fp32 cannot be opened here (no such thing)" in done.differs[0]


@pytest.mark.parametrize(
    ("entries", "error", "words"),
    [
        ({"inputs": {}}, ReadError, "not as its schema says"),
        ({"inputs": 3}, ReadError, "not as its schema says"),
        (
            {"recipe": {"name": "", "about": "", "chosen": "", "rules": {"x": 1}, "stages": []}},
            ReadError,
            "'x' is of another version",
        ),
        ({"options": {"sharpen": 1}}, ReadError, "'sharpen' is of another version"),
        (
            {"recipe": {"name": "", "about": "", "chosen": "", "rules": {}, "stages": [
                {"use": "sharpen", "settings": {}}]}},
            RecipeError,
            "no stage 'sharpen'",
        ),
    ],
)  # fmt: skip
def test_a_sidecar_that_does_not_fit_is_refused(one, tmp_path, entries, error, words):
    change(one, **entries)
    with pytest.raises(error, match=words):
        replay_sidecar(one, tmp_path / "again.png")
    assert not (tmp_path / "again.png").exists()


@pytest.mark.parametrize("name", ["photo", "mask"])
@pytest.mark.parametrize("kind", ["pipe", "device", "link"])
def test_a_sidecar_that_names_a_pipe_or_device_is_refused_at_once(one, tmp_path, name, kind):
    if os.name == "nt":
        pytest.skip("Windows has neither")
    place = Path("/dev/zero") if kind == "device" else tmp_path / "odd"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "link":
        place.symlink_to("/dev/zero")
    inputs = json.loads(one.read_text("utf-8"))["inputs"]
    change(one, inputs={**inputs, name: {**inputs[name], "path": str(place)}})
    with pytest.raises(ReadError, match="got a device or pipe"):
        replay_sidecar(one, tmp_path / "again.png")


@pytest.mark.parametrize(
    ("path", "home", "fine"),
    [
        (r"\\stranger\share\x.png", r"C:\photos", False),
        ("//stranger/share/x.png", r"C:\photos", False),
        (r"\\stranger\share\x.png", r"\\nas\photos\out", False),
        (r"\\?\UNC\stranger\share\x.png", r"C:\photos", False),
        (r"\\.\pipe\x", r"C:\photos", False),
        (r"\??\UNC\stranger\share\x.png", r"C:\photos", False),
        (r"\\NAS\Photos\x.png", r"\\nas\photos\out", True),
        (r"D:\x.png", r"C:\photos", True),
        (r"C:\photos\x.png", r"C:\photos", True),
        (r"D:\x.png", r"\\nas\photos\out", True),
    ],
)
def test_no_share_of_another_machine_is_asked_for_a_file(path, home, fine):
    path, home = PureWindowsPath(path), PureWindowsPath(home)
    if fine:
        check_share(path, home)
        return
    with pytest.raises(ReadError, match="on the share of its sidecar"):
        check_share(path, home)


def test_every_path_of_a_sidecar_is_checked_but_not_that_of_a_person(one, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(replay, "check_share", lambda path, home: seen.append(path.name))
    replay_sidecar(one, tmp_path / "again.png")
    assert sorted(seen) == ["mask.png", "new.png", "scan.png"]
    seen.clear()
    replay_sidecar(one, tmp_path / "third.png", photo=tmp_path / "scan.png")
    assert sorted(seen) == ["mask.png", "new.png"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"options": {"mask": "/etc/hostname"}}, "the option 'mask'"),
        ({"options": {"page_masks": [[1, "/etc/hostname"]]}}, "the option 'page_masks'"),
        ({"options": {"also": ["web"]}}, "the option 'also'"),
        ({"inputs": {"photo": {}, "target": {}}}, "the input 'target'"),
        ({"equipment": {"threads": "x", "memory": 1, "engines": [], "engine": "auto"}}, "threads"),
        ({"equipment": {"threads": 1, "memory": -1, "engines": [], "engine": "auto"}}, "memory"),
    ],
)
def test_a_sidecar_names_no_files_that_none_has(one, tmp_path, entries, words):
    change(one, **entries)
    with pytest.raises(ReadError, match=words):
        replay_sidecar(one, tmp_path / "again.png")


def test_a_sidecar_takes_no_more_than_the_machine_bears(one, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        replay, "open_darkroom", lambda tools: asked.append(tools) or open_darkroom(tools)
    )
    equipment = json.loads(one.read_text("utf-8"))["equipment"]
    change(one, equipment={**equipment, "memory": 10**18, "threads": 100_000})
    done = replay_sidecar(one, tmp_path / "again.png")
    assert (asked[0].memory, asked[0].threads) == (DEFAULT_MEMORY, cores())
    assert f"threads 100000, here {cores()}" in done.differs[0]
    replay_sidecar(one, tmp_path / "third.png", memory=3 * 2**30)
    assert asked[1].memory == 3 * 2**30
    assert "Budget such as 4G" in call("--help").output


def test_a_result_is_compared_before_it_is_replaced(one, tmp_path):
    recipe = json.loads(one.read_text("utf-8"))["recipe"]
    recipe["stages"][1]["settings"]["strength"] = 0.5
    told = change(one, recipe=recipe)
    done = replay_sidecar(one, tmp_path / "new.png", existing=Existing.OVERWRITE)
    assert not done.identical and not done.altered
    assert "pixels differ" in done.result[0] and "was replaced" in done.result[1]
    assert checksum(tmp_path / "new.png") == done.got != told["output"]["sha256"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_result_that_was_altered_is_told_whatever_comes_out_now(one, tmp_path):
    write(Photo.from_array(np.zeros((40, 50, 3), np.uint8)), tmp_path / "new.png")
    result = call(one)
    assert result.exit_code == 1 and f"{one}: identical" in result.output
    assert f"altered: {tmp_path / 'new.png'} is not the one with" in result.output
    assert "of 2000 pixels differ" in result.output
    (entry,) = json.loads(call(one, "--json").output)["replays"]
    assert entry["identical"] and entry["altered"]
    done = replay_sidecar(one, tmp_path / "new.png", existing=Existing.OVERWRITE)
    assert done.identical and done.altered and "was replaced" in done.result[-1]
    again = replay_sidecar(one, tmp_path / "again.png")
    assert again.identical and not again.altered and again.result == ()


def test_a_result_of_which_nothing_can_be_read_was_altered_too(one, tmp_path):
    (tmp_path / "new.png").write_bytes(b"\x89PNG")
    done = replay_sidecar(one, tmp_path / "again.png")
    assert done.identical and done.altered
    assert done.result[1] == "the earlier output cannot be read to compare with"
    (tmp_path / "new.png").unlink()
    gone = replay_sidecar(one, tmp_path / "third.png")
    assert gone.identical and not gone.altered and gone.result == ()


def test_several_pages_are_compared_before_they_are_replaced(tmp_path):
    for number in (1, 2):
        write(Photo.from_array(np.roll(scene((40, 50)), number)), tmp_path / f"{number}.tif")
    join_pages([tmp_path / "1.tif", tmp_path / "2.tif"], tmp_path / "scan.tif")
    recipe, target = Recipe("all", (STAGES["measure"](),)), tmp_path / "new.tif"
    papers = Papers(sidecar=True)
    run_job(Job(str(tmp_path / "scan.tif"), str(target), recipe, papers=papers))
    with target.open("ab") as file:
        file.write(b"more")
    done = replay_sidecar(sidecar_path(target), target, existing=Existing.OVERWRITE)
    assert done.identical and done.altered and "was altered" in done.result[0]
    again = replay_sidecar(sidecar_path(target), tmp_path / "again.tif")
    assert again.identical and not again.altered


def call(*arguments):
    return CliRunner().invoke(unfade, ["replay", *map(str, arguments)])


def test_the_command_compares_and_leaves_nothing(one, tmp_path):
    before = sorted(tmp_path.iterdir())
    result = call(one)
    assert result.exit_code == 0, result.output
    assert f"{one}: identical" in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_keeps_results_and_tells_what_differs_as_json(one, tmp_path):
    change(one, when="2002-01-01T00:00:00+00:00")
    result = call(one, tmp_path / "none.json", "-o", tmp_path / "again", "--json")
    assert result.exit_code == 1
    first, second = json.loads(result.output)["replays"]
    assert not first["identical"] and Path(first["target"]).is_file()
    assert "no such file" in second["error"]


def test_a_missing_sidecar_is_named_once(tmp_path):
    result = call(tmp_path / "none.json")
    assert result.exit_code == 1 and "Errno" not in result.output
    assert result.output.count("none.json") == 1 and result.output.count("no such file") == 1


def test_a_folder_stands_for_all_sidecars_in_it(one, tmp_path):
    for name in ("a", "b"):
        place = tmp_path / "tree" / name / "new.png"
        replay_sidecar(one, place)
    result = call(tmp_path / "tree", "-o", tmp_path / "again")
    assert result.exit_code == 0, result.output
    assert result.output.count(": identical") == 2
    for name in ("a", "b"):
        assert (tmp_path / "again" / name / "new.png").is_file()
    assert call(tmp_path / "tree", "--photo", tmp_path / "scan.png").exit_code == 2


def test_a_folder_without_sidecars_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    result = call(tmp_path / "empty")
    assert result.exit_code == 1
    assert "expected sidecars (NAME.EXT.unfade.json), got a folder without any" in result.output


def test_a_folder_that_cannot_be_looked_into_is_no_success(one, tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("os.scandir", refuse)
    monkeypatch.setattr("os.listdir", refuse)
    result = call(tmp_path)
    assert result.exit_code == 1 and f"{one}: identical" in result.output
    assert f"{tmp_path / 'closed'}: failed: cannot be looked into" in result.output


def test_a_second_replay_of_a_replay_is_the_same_too(one, tmp_path):
    first = replay_sidecar(one, tmp_path / "a" / "new.png")
    second = replay_sidecar(sidecar_path(Path(first.target)), tmp_path / "b" / "new.png")
    assert second.identical and second.got == first.got
    assert dataclasses.asdict(second)["differs"] == ()
