"""Every engine gives the same answers, and says in one line why when it cannot."""

import importlib.util
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from unfade import engines
from unfade.errors import EngineError

onnx = pytest.importorskip("onnx")


def save_network(path):
    """A small U-Net as `train.export` makes them: fp16 weights, cast to fp32; two inputs."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []

    def weight(*shape):
        name = f"w{len(weights)}"
        values = rng.normal(0, 0.7 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float16)
        weights.append(onnx.numpy_helper.from_array(values, f"{name}_fp16"))
        op("Cast", f"{name}_fp16", into=name, to=onnx.TensorProto.FLOAT)
        return name

    def op(kind, *inputs, into="", **attributes):
        into = into or f"t{len(nodes)}"
        nodes.append(onnx.helper.make_node(kind, inputs, [into], **attributes))
        return into

    both = op("Concat", "picture", "mask", axis=1)
    half = op("SpaceToDepth", both, blocksize=2)
    wide = op("Relu", op("Conv", half, weight(24, 16, 3, 3), pads=[1] * 4))
    change = op("Conv", wide, weight(12, 24, 3, 3), pads=[1] * 4)
    op("Add", "picture", op("DepthToSpace", change, blocksize=2, mode="CRD"), into="restored")
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "small",
        [value(n, 1, [1, c, "height", "width"]) for n, c in (("picture", 3), ("mask", 1))],
        [value("restored", 1, [1, 3, "height", "width"])],
        weights,
    )
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return save_network(tmp_path_factory.mktemp("networks") / "small.onnx")


def need(backend):
    """Skip without a backend; importing it here would skip what the engine does before."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")


def opened(name, threads=1):
    need(name.partition("-")[0])
    try:
        return engines.open_engine(name, threads=threads)
    except EngineError as error:
        pytest.skip(str(error))


@pytest.fixture(params=[(name, threads) for name in engines.ENGINES for threads in (1, 2)], ids=str)
def network(request, small):
    return opened(*request.param).load(small)


def inputs(height=32, width=48):
    rng = np.random.default_rng(1)
    return (
        rng.random((1, 3, height, width), dtype=np.float32),
        rng.random((1, 1, height, width), dtype=np.float32),
    )


@pytest.mark.parametrize(("name", "error"), [("openvino-fp32", 1e-5), ("openvino-bf16", 0.02)])
def test_engines_agree(name, error, small):
    expected = opened("onnxruntime").load(small)(*inputs())
    answer = opened(name).load(small)(*inputs())
    assert answer.shape == expected.shape == (1, 3, 32, 48)
    assert answer.dtype == expected.dtype == np.float32
    assert np.abs(answer - expected).max() < error
    assert np.abs(expected - inputs()[0]).max() > 0.1


def test_an_exact_network_does_not_depend_on_the_precision_of_the_engine(small):
    expected = opened("openvino-fp32").load(small)(*inputs())
    rounded = opened("openvino-bf16").load(small)(*inputs())
    exact = opened("openvino-bf16").load(small, exact=True)(*inputs())
    assert np.abs(exact - expected).max() < 1e-6 < np.abs(rounded - expected).max()


def test_any_size_on_the_grid_can_follow_any_other(network):
    for height, width in ((8, 64), (64, 8), (2, 2), (8, 64)):
        assert network(*inputs(height, width)).shape == (1, 3, height, width)


def test_answers_stay_what_they_were_when_the_network_is_called_again(network):
    first = network(*inputs())
    kept = first.copy()
    network(*(array * 0.5 for array in inputs()))
    assert np.array_equal(first, kept)


def test_inputs_are_only_read(network):
    arrays = inputs()
    for array in arrays:
        array.flags.writeable = False
    assert np.isfinite(network(*arrays)).all()


def test_several_threads_may_call_one_network(network):
    arrays = [tuple(array * scale for array in inputs()) for scale in (0.2, 0.5, 1.0)]
    expected = [network(*pair) for pair in arrays]
    answers = [[] for _ in arrays]

    def work(place):
        for _ in range(20):
            answers[place].append(network(*arrays[place]))

    threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place in range(3):
        assert len(answers[place]) == 20
        assert all(np.allclose(answer, expected[place], atol=1e-5) for answer in answers[place])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda picture, mask: (picture,),
        lambda picture, mask: (picture, mask, mask),
        lambda picture, mask: (picture[0], mask[0]),
        lambda picture, mask: (mask, picture),
        lambda picture, mask: (picture[:, :, 1:], mask[:, :, 1:]),
    ],
    ids=["too few", "too many", "no batch", "swapped", "off the grid"],
)
def test_a_call_that_does_not_fit_is_refused_and_the_next_one_works(network, spoil):
    expected = network(*inputs())
    with pytest.raises(EngineError, match="small"):
        network(*spoil(*inputs()))
    assert np.allclose(network(*inputs()), expected, atol=1e-6)


@pytest.mark.parametrize("name", engines.ENGINES)
def test_a_file_that_is_no_network_is_refused_by_name(name, tmp_path):
    engine = opened(name)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    for path in (broken, tmp_path / "missing.onnx"):
        with pytest.raises(EngineError, match=path.name) as caught:
            engine.load(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", engines.ENGINES)
def test_an_engine_is_called_by_a_name_that_opens_it_again(name):
    engine = opened(name)
    assert engine.name in engines.ENGINES
    assert engines.open_engine(engine.name).name == engine.name


def test_bf16_leaves_a_picture_alone_where_the_change_is_nothing(tmp_path):
    """The sum with the picture must not be rounded, or no 16-bit pixel would stay untouched."""
    model = onnx.load(save_network(tmp_path / "small.onnx"))
    for weight in model.graph.initializer:
        weight.CopyFrom(
            onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) * 0, weight.name)
        )
    onnx.save(model, tmp_path / "nothing.onnx")
    picture, mask = inputs()
    answer = opened("openvino-bf16").load(tmp_path / "nothing.onnx")(picture, mask)
    assert np.array_equal(answer, picture)


def test_auto_takes_openvino_where_it_is_installed():
    need("openvino")
    assert engines.open_engine("auto").name == engines.open_engine("openvino").name


def test_auto_takes_onnxruntime_where_openvino_is_missing(monkeypatch):
    need("onnxruntime")
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    assert engines.open_engine("auto").name == "onnxruntime"


def test_an_unknown_engine_is_answered_with_the_known_ones():
    with pytest.raises(EngineError, match="no engine 'steam'; known: auto, openvino"):
        engines.open_engine("steam")


def test_a_missing_backend_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "unfade.engines.onnxruntime", raising=False)
    with pytest.raises(EngineError, match=r"not installed: pip install 'unfade\[onnxruntime\]'"):
        engines.open_engine("onnxruntime")


def test_fewer_than_no_threads_are_refused():
    with pytest.raises(ValueError, match="threads must be 0"):
        engines.open_engine("auto", threads=-1)


CLOSED_ELSEWHERE = """
import gc, os, signal, threading, time
from unfade.engines import open_engine

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
kept = [open_engine({name!r})]

def close():
    kept.clear()
    gc.collect()

thread = threading.Thread(target=close)
thread.start()
thread.join()
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted and alive")
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals between processes")
@pytest.mark.parametrize("name", ["openvino-fp32", "onnxruntime"])
def test_ctrl_c_is_survived_after_an_engine_was_closed_in_another_thread(name):
    code = CLOSED_ELSEWHERE.format(name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "interrupted and alive\n"), done.stderr
