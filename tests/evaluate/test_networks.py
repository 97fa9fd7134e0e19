"""Networks of one's own are asked like every other method."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

onnx = pytest.importorskip("onnx")

from unfade.cli.main import unfade  # noqa: E402
from unfade.darkroom import Darkroom  # noqa: E402
from unfade.errors import EvaluationError, ModelError  # noqa: E402
from unfade.evaluate.cases import open_case, real_cases  # noqa: E402
from unfade.evaluate.networks import RunNetwork  # noqa: E402
from unfade.io.write import write  # noqa: E402
from unfade.models.card import ModelCard  # noqa: E402
from unfade.models.zoo import checksum  # noqa: E402
from unfade.photo import Photo  # noqa: E402


def network(folder, name, task, weight, bias=0.0, end="Identity"):
    """One 1x1 convolution with its card."""
    outputs, inputs = np.shape(weight)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    kept = [
        onnx.numpy_helper.from_array(np.float32(weight)[:, :, None, None], "weight"),
        onnx.numpy_helper.from_array(np.full(outputs, bias, np.float32), "bias"),
    ]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "weight", "bias"], ["middle"]),
            helper.make_node(end, ["middle"], ["output"]),
        ],
        name,
        [helper.make_tensor_value_info("input", kind, [1, inputs, "h", "w"])],
        [helper.make_tensor_value_info("output", kind, [1, outputs, "h", "w"])],
        kept,
    )
    path = folder / f"{name}.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    card = ModelCard(
        name,
        task,
        checksum(path),
        inputs=(inputs,),
        channels_out=outputs,
        parameters=inputs * outputs,
    )
    path.with_suffix(".toml").write_text(card.to_toml(), "utf-8")
    return path


@pytest.fixture
def room():
    return Darkroom("openvino-fp32", threads=1)


def question(folder, pixels, room):
    place = folder / "photos"
    place.mkdir()
    write(Photo(np.asarray(pixels, np.float32)), place / "a.png")
    return open_case(real_cases(place)[0], room)


def test_one_that_restores_answers_with_the_picture_and_its_change(tmp_path, room):
    method = RunNetwork(network(tmp_path, "darker", "restore", -0.25 * np.eye(3)))
    asked = question(tmp_path, np.linspace(0, 1, 40 * 50 * 3).reshape(40, 50, 3), room)
    answer = method(asked, room)
    assert answer.pixels == pytest.approx(0.75 * asked.given.pixels, abs=1e-6)
    assert answer.cost.seconds > 0 and answer.mask is None
    assert method.name == "darker" and method.facts["parameters"] == 9


@pytest.mark.parametrize("weight", [-0.5 * np.eye(3), [[-0.5]]], ids=["color", "grey"])
def test_a_grey_photo_stays_grey(weight, tmp_path, room):
    method = RunNetwork(network(tmp_path, "darker", "denoise", weight))
    answer = method(question(tmp_path, np.full((32, 40, 1), 0.8), room), room)
    assert answer.pixels.shape == (32, 40, 1)
    assert answer.pixels == pytest.approx(0.4, abs=2e-3)


def test_one_that_finds_damage_has_the_place_of_ours_and_what_it_finds_is_filled(tmp_path, room):
    pixels = np.full((96, 96, 3), 0.4)
    pixels[40:44, 20:70] = 1
    method = RunNetwork(
        network(tmp_path, "white", "damage", [[100 / 3] * 3], bias=-90.0, end="Sigmoid")
    )
    answer = method(question(tmp_path, pixels, room), room)
    assert np.array_equal(answer.marks > 0, pixels[:, :, 0] == 1)
    assert np.array_equal(answer.probability > 0.5, pixels[:, :, 0] == 1)
    assert abs(answer.pixels[42, 45] - 0.4).max() < 0.1
    assert np.array_equal(answer.pixels[:20], np.float32(np.full((20, 96, 3), 102 / 255)))
    # Ours still answers in the room that was lent.
    assert room.model("damage").card.channels_out == 8


def test_it_is_opened_once_for_a_darkroom(tmp_path, room, monkeypatch):
    method = RunNetwork(network(tmp_path, "darker", "restore", -0.5 * np.eye(3)))
    opened, load = [], room.engine.load
    monkeypatch.setattr(room.engine, "load", lambda path: opened.append(path) or load(path))
    asked = question(tmp_path, np.full((32, 32, 3), 0.5), room)
    first, again = method(asked, room), method(asked, room)
    assert len(opened) == 1 and np.array_equal(first.pixels, again.pixels)


def test_what_cannot_be_asked_alone_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="'fading', which cannot be asked alone"):
        RunNetwork(network(tmp_path, "tone", "fading", np.eye(3)))
    with pytest.raises(EvaluationError, match=r"one picture of 3 or 1 channels, got \(4,\)"):
        RunNetwork(network(tmp_path, "four", "restore", np.ones((3, 4))))
    with pytest.raises(ModelError, match=r"none\.onnx: no such file; expected an ONNX network"):
        RunNetwork(tmp_path / "none.onnx")
    (tmp_path / "bare.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match="no model 'bare'"):
        RunNetwork(tmp_path / "bare.onnx")
    path = network(tmp_path, "altered", "restore", np.eye(3))
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="altered"):
        RunNetwork(path)


def test_another_network_of_the_same_name_has_another_fingerprint(tmp_path, room):
    (case,) = (question(tmp_path, np.ones((32, 32, 3)), room).case,)
    first = RunNetwork(network(tmp_path, "n", "restore", np.eye(3))).fingerprint(case)
    assert first == RunNetwork(tmp_path / "n.onnx").fingerprint(case)
    assert first != RunNetwork(network(tmp_path, "n", "restore", np.ones((3, 3)))).fingerprint(case)


def test_the_command_takes_networks_and_tells_what_they_are(tmp_path):
    place = tmp_path / "photos"
    place.mkdir()
    write(Photo(np.full((40, 48, 3), 0.5, np.float32)), place / "a.png")
    path = network(tmp_path, "same", "restore", np.zeros((3, 3)))
    words = ["--data", place, "--aging", "slide", "--network", path, "--baseline", "identity"]
    result = CliRunner().invoke(
        unfade, ["evaluate", *map(str, words), "--no-store", "-o", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    assert told["about"]["networks"]["same"]["sha256"] == checksum(path)
    rows = {(row["method"], row["kind"]): row for row in told["rows"]}
    assert list(dict.fromkeys(m for m, _ in rows)) == ["same", "identity"]
    assert set(rows) == {(m, k) for m in ("identity", "same") for k in ("aged", "clean")}
    same, given = rows["same", "aged"], rows["identity", "aged"]
    assert same["figures"]["psnr"] == given["figures"]["psnr"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tool {input} {output}", "tool"),
        ("/opt/python3.12 -u benchmarks/one.py prior {input} {output}", "one-prior"),
        ("bash do.sh --fast {input} {output}", "do"),
        ("python {input} {output}", "python"),
    ],
)
def test_a_program_is_called_by_what_it_is_and_not_by_its_interpreter(text, name):
    from unfade.evaluate.methods import name_of

    assert name_of(text).rpartition("-")[0] == name
    assert name_of(text) != name_of(text + " ")


@pytest.mark.parametrize(
    ("text", "windows", "words"),
    [
        (r"C:\tools\x.exe {input} {output}", True, [r"C:\tools\x.exe", "{input}", "{output}"]),
        (r'"C:\Program Files\x.exe" {input}', True, [r"C:\Program Files\x.exe", "{input}"]),
        (r"x --to='a b' #1", True, ["x", "--to=a b", "#1"]),
        (r'x "--to=C:\a b\" -y', True, ["x", "--to=C:\\a b\\", "-y"]),
        (r"/opt/my\ tool '{input}' #1", False, ["/opt/my tool", "{input}", "#1"]),
        (r'"/opt/my tool" {input}', False, ["/opt/my tool", "{input}"]),
    ],
)
def test_a_command_is_split_as_its_system_does(text, windows, words):
    from unfade.evaluate.methods import split_command

    assert split_command(text, windows=windows) == words


def test_a_command_with_an_open_quote_is_refused_in_words():
    from unfade.evaluate.methods import RunCommand, name_of

    for use in (lambda text: RunCommand("x", text), name_of):
        with pytest.raises(EvaluationError, match="can be split into words"):
            use("tool '{input} {output}")
