"""Models from elsewhere answer here as they did there."""

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from tests.maas import onnx_file, starter_files

from shuyuan.compose import Platform
from shuyuan.kernel import errors
from shuyuan.kernel.settings import Settings
from shuyuan.maas.conversion import checking, environment, from_sklearn, interface
from shuyuan.maas.conversion.service import ConversionService
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.runners import netgraph
from shuyuan.maas.runners.onnx import OnnxRunner

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the libraries' own imports
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
Array = NDArray[Any]


@pytest.fixture
def converting(tmp_path: Path) -> ConversionService:
    settings = Settings(home=tmp_path, cache=Settings().cache, starter="none")
    return ConversionService(None, settings)  # type: ignore[arg-type]  # nothing is registered here


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (folder := tmp_path / "converted").mkdir()
    return folder


def served(path: Path, **inputs: Array) -> dict[str, Array]:
    """As the onnx runner answers."""
    runner = OnnxRunner()
    runner.load(path, context_tokens=0)
    payload = {"inputs": {name: runners.pack_tensor(array) for name, array in inputs.items()}}
    (chunk,) = runner.submit("predict", payload, threading.Event())
    return {name: runners.unpack_tensor(tensor) for name, tensor in chunk.tensors.items()}


def test_a_net_of_our_own_becomes_onnx_and_is_compared_with_torch(
    converting: ConversionService, tmp_path: Path, place: Path
) -> None:
    torch = pytest.importorskip("torch", reason="this test needs torch (make train)")
    from shuyuan.science.nets import modules, shapes

    torch.manual_seed(1)
    source = tmp_path / "net.safetensors"
    source.write_bytes(modules.to_safetensors(modules.build(shapes.Convnet(side=8, classes=3, widths=(4, 6)))))
    made = converting.convert(source, place)
    assert (made.kind, made.runner, made.spec["output"]) == ("net", "onnx", "logits")
    assert made.largest_difference is not None
    assert made.largest_difference < checking.TOLERANCE
    assert made.path.read_bytes() == netgraph.to_onnx(source.read_bytes())


def test_a_file_that_answers_differently_is_found_out() -> None:
    weights = np.arange(6, dtype=np.float32).reshape(3, 2)
    feeds = {"x": np.ones((2, 3), np.float32)}
    good = onnx_file.linear(weights)
    assert checking.require_same(good, feeds, lambda given: [given["x"] @ weights]) == pytest.approx(0, abs=1e-6)
    with pytest.raises(interface.RefusedModel, match="differs by"):
        checking.require_same(good, feeds, lambda given: [given["x"] @ weights + 0.01])
    with pytest.raises(interface.RefusedModel, match="outputs of"):
        checking.require_same(good, feeds, lambda given: [given["x"]])


@pytest.mark.parametrize("kind", ["forest", "logistic", "regressor"])
def test_an_estimator_answers_as_it_did_in_scikit_learn(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("skl2onnx", reason="this test needs skl2onnx (make train)")
    from sklearn import ensemble, linear_model, pipeline, preprocessing

    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(int) + (x[:, 2] > 1)
    estimator = {
        "forest": ensemble.RandomForestClassifier(5, max_depth=4, random_state=0),
        "logistic": pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
        "regressor": ensemble.GradientBoostingRegressor(n_estimators=5, random_state=0),
    }[kind].fit(x, y)
    (path := tmp_path / "model.onnx").write_bytes(from_sklearn(estimator, x[:50]))
    found = served(path, x=x[:20])
    if kind == "regressor":
        np.testing.assert_allclose(found["value"].ravel(), estimator.predict(x[:20]), rtol=1e-4, atol=1e-4)
    else:
        np.testing.assert_array_equal(found["label"], estimator.predict(x[:20]))
        np.testing.assert_allclose(found["probabilities"], estimator.predict_proba(x[:20]), atol=1e-4)


def _outside(folder: Path, location: str) -> Path:
    """A graph whose weights are said to lie at `location`."""
    weights = np.arange(400, dtype=np.float32).reshape(20, 20)
    tensor = numpy_helper.from_array(weights, "w")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(weights.nbytes)}.items():
        tensor.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, ["rows", 20])],
        [helper.make_tensor_value_info("y", 1, ["rows", 20])],
        [tensor],
    )
    path = folder / "model.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    return path


def test_data_beside_a_graph_is_brought_inside(converting: ConversionService, tmp_path: Path, place: Path) -> None:
    weights = np.arange(400, dtype=np.float32).reshape(20, 20)
    (tmp_path / "weights.bin").write_bytes(weights.tobytes())
    made = converting.convert(_outside(tmp_path, "weights.bin"), place)
    np.testing.assert_allclose(served(made.path, x=np.eye(20, dtype=np.float32))["y"], weights)
    assert "weights.bin" in made.notes[0]


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "link.bin", "absent.bin", "", "below/w.bin"])
def test_data_that_lies_anywhere_else_is_refused(
    converting: ConversionService, tmp_path: Path, place: Path, location: str
) -> None:
    (folder := tmp_path / "model").mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(1600))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "below").mkdir()
    (folder / "below" / "w.bin").write_bytes(bytes(1600))
    with pytest.raises(interface.RefusedModel, match="keeps its data in"):
        converting.convert(_outside(folder, location), place)


@pytest.mark.parametrize("content", [b"not a graph at all", bytes(100)])
def test_what_is_no_graph_is_refused(
    converting: ConversionService, tmp_path: Path, place: Path, content: bytes
) -> None:
    (path := tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(interface.RefusedModel):
        converting.convert(path, place)


@pytest.mark.parametrize("packed", ["net", "folder"])
def test_a_safetensors_file_that_was_cut_off_is_refused(
    converting: ConversionService, tmp_path: Path, place: Path, packed: str
) -> None:
    head = json.dumps({"a.weight": {"dtype": "F32", "shape": [64, 64], "data_offsets": [0, 16384]}}).encode()
    cut = len(head).to_bytes(8, "little") + head + bytes(100)
    (folder := tmp_path / "model").mkdir()
    (folder / "model.safetensors").write_bytes(cut)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    with pytest.raises(interface.RefusedModel, match="damaged" if packed == "net" else "weights are not those"):
        converting.convert(folder / "model.safetensors" if packed == "net" else folder, place)
    assert not (place / "result.json").exists()


def _encoder(folder: Path, **config: object) -> Path:
    """The starter encoder as a Hugging Face folder."""
    weights = starter_files.require("minilm").locate("minilm").path
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(weights)
    (folder / "tokenizer.json").symlink_to(weights.with_name("tokenizer.json"))
    told = {"model_type": "bert", "architectures": ["BertModel"], "num_attention_heads": 12, **config}
    (folder / "config.json").write_text(json.dumps(told))
    return folder


def test_a_hugging_face_encoder_becomes_one_file_with_its_tokenizer(
    converting: ConversionService, tmp_path: Path, place: Path
) -> None:
    made = converting.convert(_encoder(tmp_path / "minilm"), place)
    ids = np.array([[101, 7592, 102]], np.int64)
    vectors = served(made.path, input_ids=ids, attention_mask=np.ones_like(ids))["embeddings"]
    assert vectors.shape == (1, 384)
    assert np.linalg.norm(vectors) == pytest.approx(1, abs=1e-4)
    held = {one.key: one.value for one in onnx.load(str(made.path)).metadata_props}
    assert "model" in json.loads(held["tokenizer.json"])


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "LlamaForCausalLM"),
        ({"architectures": ["BertForSequenceClassification"]}, "BertForSequenceClassification"),
        ({"auto_map": {"AutoModel": "code.Model"}}, "auto_map"),
        ({"hidden_act": "relu"}, "relu"),
    ],
)
def test_other_architectures_are_refused_by_name(
    converting: ConversionService, tmp_path: Path, place: Path, config: dict[str, object], said: str
) -> None:
    with pytest.raises(interface.RefusedModel, match=said):
        converting.convert(_encoder(tmp_path / "folder", **config), place)


def test_gguf_and_onnx_are_registered_and_a_bad_header_is_not(platform: Platform, tmp_path: Path) -> None:
    school_id = platform.get("identity").create_school("学校").id
    conversion: interface.Converting = platform.get("conversion")
    (graph := tmp_path / "model.onnx").write_bytes(onnx_file.linear(np.eye(3, dtype=np.float32)))
    version, made = conversion.bring(school_id, "system", graph, model="linear", spec={"labels": ["a", "b", "c"]})
    assert (version.uri, version.runner, version.tasks) == ("models:/linear/1", "onnx", ("predict",))
    assert version.spec == {"output": "y", "labels": ["a", "b", "c"]}
    assert not made.path.exists()  # the temporary folder is gone, the store has the file
    (bad := tmp_path / "model.gguf").write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(errors.BadInput, match="damaged GGUF"):
        conversion.bring(school_id, "system", bad, model="words")
    assert platform.get("catalogue").versions(school_id, "words") == []


@pytest.mark.slow
@pytest.mark.parametrize("form", ["keras", "savedmodel", "reaches_out"])
def test_tensorflow_models_are_converted_in_their_own_environment(
    converting: ConversionService, tmp_path: Path, place: Path, form: str
) -> None:
    own = environment.Environment(converting._environments)
    if not own.ready:
        pytest.skip("TensorFlow's own environment is not built: `shuyuan convert --build-environment`, about 1.6 GB")
    script = (
        "import keras, sys, tensorflow as tf\n"
        "net = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation='relu'),\n"
        "    keras.layers.Flatten(), keras.layers.Dense(3, activation='softmax')])\n"
        "if sys.argv[2] == 'keras': net.save(sys.argv[1])\n"
        "if sys.argv[2] == 'savedmodel': net.export(sys.argv[1], verbose=False)\n"
        "if sys.argv[2] == 'reaches_out':\n"
        "    class Reader(tf.Module):\n"
        "        @tf.function(input_signature=[tf.TensorSpec([1])])\n"
        "        def __call__(self, x): return tf.strings.length(tf.io.read_file('/etc/hostname'))\n"
        "    tf.saved_model.save(Reader(), sys.argv[1])\n"
    )
    source = tmp_path / ("model.keras" if form == "keras" else "model")
    environ = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    environ.pop("PYTHONPATH", None)
    subprocess.run([own.python, "-c", script, source, form], check=True, capture_output=True, env=environ)
    if form == "reaches_out":
        with pytest.raises(interface.RefusedModel, match="ReadFile"):
            converting.convert(source, place)
        return
    made = converting.convert(source, place)
    assert made.spec["output"] == "output_0"
    assert made.largest_difference is not None
    assert made.largest_difference < 1e-3
