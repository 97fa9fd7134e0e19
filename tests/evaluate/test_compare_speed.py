"""What the comparison of speeds counts and divides."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = ("compare_speed", "published", "roofline", "speed")


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import compare_speed

    yield compare_speed
    for name in SCRIPTS:
        sys.modules.pop(name, None)


def test_operations_count_as_published(script):
    """Restormer 309.8 GFLOP at 256 px, mapping 455, detector 145.5, faces 272.7."""
    import published
    from unfade.train.nets import Restormer

    with torch.device("meta"):
        picture, grey, latent = (torch.empty(1, c, 256, 256) for c in (3, 1, 64))
        mapping = (latent[..., ::4, ::4], grey)
        assert script.flops(Restormer(), picture) == pytest.approx(309.8, rel=0.01)
        assert script.flops(published.ScratchDetector(), grey) == pytest.approx(145.5, rel=0.01)
        assert script.flops(published.Mapping(), *mapping) == pytest.approx(455, rel=0.01)
        assert script.flops(published.FaceGenerator(), picture) == pytest.approx(272.7, rel=0.01)


def times(*seconds):
    return [{"seconds": s, "processor_seconds": 2 * s} for s in seconds]


def test_ratios_are_those_of_each_round_per_megapixel(script):
    ours = {
        "kind": "whole",
        "name": script.WHOLE,
        "engine": "auto",
        "megapixels": 10,
        "rounds": times(10, 20, 10),
    }
    other = ours | {"engine": "onnxruntime", "rounds": times(1, 1, 1)}
    theirs = {"kind": "published", "name": "x", "megapixels": 0.5, "rounds": times(50, 100, 25)}
    found = script.ratios([other, ours, theirs | {"engine": "torch-fp32"}])
    assert found["x"]["seconds"] == [100, 100, 50]
    assert found["x"]["median_seconds"] == found["x"]["median_processor_seconds"] == 100
    assert script.ratios([theirs | {"engine": "torch-fp32"}]) == {}


def test_the_shape_in_pytorch_is_the_one_that_ships(script):
    for task in script.NETWORKS:
        contestant = script.in_torch(task)
        assert contestant.gflop > 0 and contestant.engine == "torch-fp32"
