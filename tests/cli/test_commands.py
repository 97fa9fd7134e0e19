"""The other commands: detect, inpaint, age, demo, recipes, models, doctor, train."""

import json
import os
import subprocess
import sys
import tomllib

import click
import numpy as np
import pytest
from click.testing import CliRunner

from unfade import verbs
from unfade.cli import demo
from unfade.cli.main import COMMANDS, unfade
from unfade.degrade import DEGRADATIONS
from unfade.io.read import read
from unfade.io.write import write_plane
from unfade.models import zoo
from unfade.recipe import make_stage
from unfade.settings import settings_of
from unfade.stages import STAGES

from .conftest import STUBS, USUAL, recipe_text, scratched


def call(*arguments):
    return CliRunner().invoke(unfade, [*map(str, arguments)], catch_exceptions=False)


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def stubs(house, tmp_path, monkeypatch):
    monkeypatch.setattr(verbs, "STAGES", STUBS)
    for preset in (tmp_path / "presets").iterdir():
        preset.write_text(recipe_text(preset.stem, ("veils", *USUAL)), "utf-8")


def test_the_help_lists_every_command_without_loading_it():
    code = (
        "import sys; sys.argv = ['unfade', '--help']\n"
        "from unfade.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print(*[m for m in ('numpy', 'cv2', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in COMMANDS)
    assert done.stdout.splitlines()[-1].strip() == ""


def seconds_of(*arguments):
    """Processor time of a fresh interpreter; unlike a clock it does not mind a busy machine."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


@pytest.mark.skipif(os.name == "nt", reason="Windows does not count the time of children")
def test_starting_costs_next_to_nothing():
    assert min(seconds_of("-m", "unfade", "--help") for _ in range(3)) < 0.6
    bare = min(seconds_of("-c", "pass") for _ in range(3))
    assert min(seconds_of("-c", "import unfade") for _ in range(3)) - bare < 0.1


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("train", "export")])
def test_every_command_explains_itself(name):
    result = call(name, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_an_unknown_command_is_told():
    assert CliRunner().invoke(unfade, ["sharpen"]).exit_code == 2


@pytest.mark.usefixtures("stubs")
def test_detect_writes_mask_overlay_and_statistics(album, tmp_path):
    result = call("detect", album, "-o", tmp_path / "found")
    assert result.exit_code == 0, result.output
    assert files(tmp_path / "found") == sorted(
        f"{name}.{ending}"
        for name in ("a.png", "1968/b.tif", "1968/summer/c.jpg")
        for ending in ("mask.png", "overlay.jpg", "damage.json")
    )
    mask = read(tmp_path / "found" / "a.png.mask.png").pixels[:, :, 0]
    assert mask[:, 5].all() and mask.sum() == 24
    told = json.loads((tmp_path / "found" / "a.png.damage.json").read_text())
    assert (told["marks"], told["damaged_share"]) == (1, pytest.approx(1 / 32))
    overlay = read(tmp_path / "found" / "a.png.overlay.jpg").pixels
    red, yellow = (overlay[:, column].mean(axis=0) for column in (5, 30))
    assert red[0] > red[1] + 0.2 and red[0] > red[2] + 0.2
    assert told["veiled_share"] == pytest.approx(4 / 32)
    assert yellow[0] > yellow[2] + 0.2 and yellow[1] > yellow[2] + 0.1
    assert "a veil at the right" in result.output


@pytest.mark.usefixtures("stubs")
def test_the_mask_of_detect_can_be_given_to_restore(album, tmp_path):
    call("detect", album / "a.png")
    result = call(
        "restore", album / "a.png", "--mask", album / "a.png.mask.png", "-o", tmp_path / "x.png"
    )
    assert result.exit_code == 0
    assert "a mask is given: kept" in result.output


@pytest.mark.usefixtures("stubs")
def test_inpaint_fills_the_mask_and_nothing_else(album, tmp_path):
    mask = np.zeros((24, 32), np.float32)
    mask[2:4, 3:9] = 1
    write_plane(mask, tmp_path / "m.png")
    out = tmp_path / "filled.png"
    result = call("inpaint", album / "a.png", "--mask", tmp_path / "m.png", "-o", out)
    assert result.exit_code == 0, result.output
    changed = (read(out).to_array() != scratched(seed=0)).any(axis=2)
    assert np.array_equal(changed, mask > 0)


def test_age_writes_triples_that_fit_and_replay(album, tmp_path):
    out = tmp_path / "old"
    result = call("age", album, "-o", out, "--count", "2", "--seed", "7")
    assert result.exit_code == 0, result.output
    names = [f"{stem}.{n}" for stem in ("a", "1968/b", "1968/summer/c") for n in (1, 2)]
    kinds = dict.fromkeys(("aged", "clean", "mask", "kinds", "classes"), ".png")
    kinds["history"] = ".json"
    written = [f"{k}/{n}{s}" for k, s in kinds.items() for n in names]
    assert files(out) == sorted([*written, "classes/legend.json"])
    clean = read(out / "clean" / "a.1.png")
    assert np.array_equal(clean.to_array(), scratched(seed=0))
    aged = read(out / "aged" / "a.1.png").to_array()
    assert read(out / "mask" / "a.1.png").size == aged.shape[:2]
    assert not np.array_equal(aged, read(out / "aged" / "a.2.png").to_array())
    history = json.loads((out / "history" / "a.1.json").read_text())
    replayed = clean
    from unfade.darkroom import Darkroom
    from unfade.pipeline import run
    from unfade.recipe import Recipe

    stages = tuple(
        make_stage({"use": step["stage"], **step["settings"]}, DEGRADATIONS)
        for step in history["steps"]
    )
    replayed = run(clean, Recipe("again", stages), Darkroom())
    assert np.array_equal(replayed.to_array(), aged)


def test_aging_does_not_depend_on_the_other_photos(album, tmp_path):
    call("age", album, "-o", tmp_path / "all")
    call("age", album / "a.png", "-o", tmp_path / "one")
    pair = [read(tmp_path / name / "aged" / "a.png").to_array() for name in ("all", "one")]
    assert np.array_equal(*pair)


def test_an_aging_preset_that_is_not_there_is_told(album, tmp_path):
    result = CliRunner().invoke(
        unfade, ["age", str(album), "-o", str(tmp_path / "x"), "--preset", "wine"]
    )
    assert result.exit_code == 2
    assert "no aging preset 'wine'; known: film-35mm" in result.output


@pytest.mark.usefixtures("stubs")
def test_the_demo_ages_restores_and_tells_where_it_all_lies(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "astronaut", lambda: scratched(96, 128))
    for _ in range(2):
        result = call("demo", "-o", tmp_path / "demo")
        assert result.exit_code == 0, result.output
    for name in files(tmp_path / "demo"):
        assert str(tmp_path / "demo" / name) in result.output
    assert "restored.png.report.html" in result.output and "PSNR" in result.output
    told = json.loads((tmp_path / "demo" / "restored.png.unfade.json").read_text())
    assert set(told["numbers"]) == {
        "psnr_before_db",
        "psnr_after_db",
        "ssim_before",
        "ssim_after",
        "changed_pixels",
        "untouched_pixels_verified",
    }


@pytest.mark.usefixtures("stubs")
@pytest.mark.parametrize("name", ["clean.png", "aged.json", "restored.png.report.html"])
def test_the_demo_replaces_nothing_but_a_demo(tmp_path, monkeypatch, name):
    monkeypatch.setattr(demo, "astronaut", lambda: scratched(96, 128))
    mine = tmp_path / "mine" / name
    mine.parent.mkdir()
    mine.write_text("mine")
    refused = CliRunner().invoke(unfade, ["demo", "-o", str(mine.parent)])
    assert refused.exit_code == 2
    assert f"{name} is there, and unfade did not write it" in " ".join(refused.output.split())
    assert files(mine.parent) == [name] and mine.read_text() == "mine"


def test_the_photograph_of_the_demo_comes_with_an_installed_package():
    pytest.importorskip("skimage")
    photo = demo.astronaut()
    assert (photo.shape, photo.dtype) == ((512, 512, 3), np.uint8)


def test_the_demo_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(click.ClickException, match=r"unfade\[demo\]"):
        demo.astronaut()


def test_a_recipe_that_is_shown_can_be_used(tmp_path):
    from unfade.choose import load_recipe

    shown = call("recipes", "show", "negative").output
    tomllib.loads(shown)
    (tmp_path / "mine.toml").write_text(shown, "utf-8")
    assert load_recipe(tmp_path / "mine.toml") == load_recipe("negative")
    assert "negative" in call("recipes", "list").output


def test_every_stage_and_setting_is_listed():
    text = call("recipes", "stages").output
    table = json.loads(call("recipes", "stages", "--json").output)
    assert list(table) == list(STAGES)
    for name, stage in STAGES.items():
        for knob in settings_of(stage):
            assert f"{name}.{knob.name}=" in text
    assert table["damage"][0]["allowed"] == "0 to 1"


def card(folder, name, content=b"onnx", sha256=None):
    import hashlib

    (folder / f"{name}.onnx").write_bytes(content)
    digest = sha256 or hashlib.sha256(content).hexdigest()
    (folder / f"{name}.toml").write_text(
        f'name = "{name}"\ntask = "{name}"\nsha256 = "{digest}"\nlicense = "Apache-2.0"\n'
        'data = "own photos"\n[quality]\npsnr_db = 30.5\n'
    )


def test_models_are_listed_credited_and_verified(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "SHIPPED", tmp_path)
    assert call("models", "verify").exit_code == 1
    card(tmp_path, "damage")
    (line,) = call("models").output.splitlines()
    assert line.startswith("damage") and "finds damage" in line and "small" in line
    assert "psnr_db 30.5" in call("models", "list", "--verbose").output
    assert json.loads(call("models", "list", "--json").output)[0]["name"] == "damage"
    assert "Apache-2.0" in call("models", "licence").output
    assert call("models", "verify").output == "damage  checksum matches\n"
    card(tmp_path, "inpaint", sha256="0" * 64)
    result = call("models", "verify")
    assert result.exit_code == 1 and "altered" in result.output


def test_every_shipped_network_is_told_in_a_line_that_says_what_it_is_for():
    lines = call("models", "list").output.splitlines()
    assert len(lines) == len(zoo.Zoo(zoo.SHIPPED).list())
    assert all(len(line) < 100 for line in lines)
    assert not [line for line in lines if "for a task of its own" in line]


def test_the_doctor_tells_what_is_there_and_what_is_wrong(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(zoo, "SHIPPED", tmp_path)
    result = call("doctor", "--engine", "onnxruntime", "--json")
    told = json.loads(result.output)
    assert result.exit_code == 1 and "no models" in told["problems"][0]
    card(tmp_path, "damage")
    result = call("doctor", "--engine", "onnxruntime")
    assert result.exit_code == 0, result.output
    for words in ("onnxruntime", "cores", "GiB", "found and verified", "libvips", ".tiff"):
        assert words in result.output


def test_training_without_torch_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "lightning", None)
    for name in [name for name in sys.modules if name.startswith("unfade.train")]:
        monkeypatch.delitem(sys.modules, name)
    result = CliRunner().invoke(unfade, ["train", "damage", "--data", "x"])
    assert result.exit_code == 1
    assert "unfade[train]" in result.output
