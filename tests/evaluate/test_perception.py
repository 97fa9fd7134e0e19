"""LPIPS and distances between sets: formulas with known answers, networks made on the spot."""

import dataclasses

import numpy as np
import pytest

from unfade.darkroom import Darkroom
from unfade.errors import EvaluationError
from unfade.evaluate import make_method, run_cases
from unfade.evaluate.cases import paired_cases
from unfade.evaluate.perception import frechet, open_perception, sliced_wasserstein
from unfade.evaluate.store import Store
from unfade.evaluate.summary import summarize
from unfade.io.write import write
from unfade.photo import Photo

onnx = pytest.importorskip("onnx")


def save(path, nodes, inputs, output):
    """Write an ONNX network of pictures of any size."""
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    shape = [1, 3, None, None]
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(name, real, shape) for name in inputs],
        [helper.make_tensor_value_info("out", real, output)],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


@pytest.fixture
def judges(tmp_path):
    """A mean squared difference for LPIPS, the picture itself for an encoder with places."""
    node = onnx.helper.make_node
    squared = [
        node("Sub", ["a", "b"], ["d"]),
        node("Mul", ["d", "d"], ["s"]),
        node("ReduceMean", ["s"], ["out"], axes=[1, 2, 3]),
    ]
    return (
        save(tmp_path / "squared.onnx", squared, ["a", "b"], [1, 1, 1, 1]),
        save(tmp_path / "itself.onnx", [node("Relu", ["a"], ["out"])], ["a"], [1, 3, None, None]),
    )


def test_frechet_of_gaussians_is_known():
    rng = np.random.default_rng(0)
    base = rng.standard_normal((4000, 3))
    base = (base - base.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(base.T))).T
    scaled = base * (1, 2, 3) + (4, 0, 0)
    # Means 4 apart; for diagonal covariances the rest is the sum of (s1 - s2)^2 = 0 + 1 + 4.
    assert frechet(base, scaled) == pytest.approx(16 + 5, abs=1e-6)
    assert frechet(scaled, base) == pytest.approx(21, abs=1e-6)
    assert frechet(base, base) == pytest.approx(0, abs=1e-6)


def test_frechet_is_that_of_the_matrix_root():
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(1)
    a, b = (rng.standard_normal((60, 5)) @ rng.standard_normal((5, 5)) for _ in range(2))
    first, second = np.cov(a.T), np.cov(b.T)
    root = np.real(linalg.sqrtm(first @ second))
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(first + second - 2 * root)
    assert frechet(a, b) == pytest.approx(expected, abs=1e-6)


def test_sliced_wasserstein_of_a_shift_is_known():
    rng = np.random.default_rng(2)
    a = rng.standard_normal((500, 2))
    # Along a direction at angle t the sets lie 3 |cos t| apart; its mean is 3 * 2 / pi.
    assert sliced_wasserstein(a, a + np.array([3, 0])) == pytest.approx(6 / np.pi, rel=0.05)
    assert sliced_wasserstein(a, a[::-1]) == 0
    assert sliced_wasserstein(a, a[:250]) < 0.15
    assert sliced_wasserstein(a, a + 1) == sliced_wasserstein(a, a + 1)


def test_networks_of_ones_own_judge(judges, tmp_path):
    for folder, level in (("aged", 0.2), ("clean", 0.6)):
        (tmp_path / folder).mkdir()
        for number in range(2):
            pixels = np.full((320, 610, 3), level + 0.1 * number, np.float32)
            pixels[:, 300:, 0] += 0.1
            write(
                Photo(np.rint(pixels * 255) / np.float32(255)), tmp_path / folder / f"{number}.png"
            )
    room = Darkroom(threads=1)
    perception = open_perception(room.engine, *judges)
    cases = paired_cases(tmp_path / "aged", tmp_path / "clean", check=False)
    store = Store(tmp_path / "kept")
    identity = [make_method("baseline:identity")]
    sheet = run_cases(cases, identity, room, store, perception=perception)
    assert sheet.rows[0].figures["lpips"] == pytest.approx((2 * 0.4) ** 2, abs=0.02)
    (entry,) = summarize(sheet)
    assert entry["distance"]["patches"] == 4  # two of 299 px beside each other, of two photos
    assert entry["distance"]["frechet"] == pytest.approx(3 * 0.4**2, rel=0.03)
    again = run_cases(cases, identity, room, store, perception=perception)
    assert summarize(again) == summarize(sheet)
    other = dataclasses.replace(perception, key="another")
    assert store.key(cases[0], identity[0], room, other) != store.key(
        cases[0], identity[0], room, perception
    )


def test_a_small_picture_is_one_patch(judges):
    perception = open_perception(Darkroom(threads=1).engine, None, judges[1])
    latents = perception.latents(np.full((40, 50, 1), 0.25, np.float32))
    assert latents.shape == (1, 3) and latents == pytest.approx(0.25)


def test_missing_networks_are_told_with_what_to_do(tmp_path):
    engine = Darkroom(threads=1).engine
    assert open_perception(engine, None, None) is None
    with pytest.raises(EvaluationError, match=r"lpips needs a network of your own .*evaluate\.md"):
        open_perception(engine, tmp_path / "alex.onnx", None)


def test_an_encoder_is_no_lpips(judges):
    perception = open_perception(Darkroom(threads=1).engine, judges[1], None)
    picture = np.zeros((20, 20, 3), np.float32)
    with pytest.raises(Exception, match="itself"):
        perception.distance(picture, picture)
