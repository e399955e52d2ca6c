"""Run by the Python of TensorFlow's own environment: KIND SOURCE TARGET SAMPLE. Knows nothing of this project.

Writes the ONNX file to TARGET, and inputs with TensorFlow's answers to SAMPLE (.npz), which others compare. Exit code
64 with a sentence on stderr refuses a model.
"""

# mypy: ignore-errors
# TensorFlow is not installed where this is checked
import os
import sys

os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"})
_OPSET, _REFUSED = 17, 64
_REACHES_OUT = (
    "PyFunc",
    "ReadFile",
    "WriteFile",
    "MatchingFiles",
    "FixedLengthRecord",
    "TFRecord",
    "TextLine",
    "Restore",
    "Save",
    "InitializeTableFromTextFile",
)


def main(kind, source, target, sample):
    """Load, convert, answer a sample."""
    import numpy
    import tensorflow as tf
    import tf2onnx

    if kind == "keras":
        import keras

        model = keras.models.load_model(source, safe_mode=True, compile=False)
        specs = [tf.TensorSpec([None, *one.shape[1:]], one.dtype, name=one.name) for one in model.inputs]

        def answer(*given):
            return model(given[0] if len(given) == 1 else list(given), training=False)
    else:
        refuse_what_reaches_out(source)
        loaded = tf.saved_model.load(source)
        signature = loaded.signatures["serving_default"]
        named = signature.structured_input_signature[1]
        specs = [tf.TensorSpec(one.shape, one.dtype, name=name) for name, one in named.items()]

        def answer(*given):
            return list(signature(**dict(zip(named, given, strict=True))).values())

    function = tf.function(answer, input_signature=specs)
    tf2onnx.convert.from_function(function, input_signature=specs, opset=_OPSET, output_path=target)
    rng = numpy.random.default_rng(0)
    rows = []
    for one in specs:
        shape = [3 if size is None else size for size in one.shape.as_list()]
        whole = numpy.zeros(shape, one.dtype.as_numpy_dtype)
        rows.append(rng.normal(size=shape).astype(one.dtype.as_numpy_dtype) if one.dtype.is_floating else whole)
    found = [one.numpy() for one in tf.nest.flatten(function(*map(tf.constant, rows)))]
    inputs = {f"in_{number}": array for number, array in enumerate(rows)}
    numpy.savez(sample, **inputs, **{f"out_{number}": array for number, array in enumerate(found)})


def refuse_what_reaches_out(source):
    """A SavedModel is a program: its steps are read before anything of it is loaded."""
    from tensorflow.core.protobuf import saved_model_pb2

    said = saved_model_pb2.SavedModel()
    with open(os.path.join(source, "saved_model.pb"), "rb") as file:
        said.ParseFromString(file.read())
    for graph in (one.graph_def for one in said.meta_graphs):
        inside = [node for function in graph.library.function for node in function.node_def]
        for node in [*graph.node, *inside]:
            reaches = any(word in node.op for word in _REACHES_OUT)
            bookkeeping = node.op in (
                "RestoreV2",
                "SaveV2",
                "MergeV2Checkpoints",
                "ShardedFilename",
            )  # of its own weights
            if reaches and not bookkeeping:
                print(f"its step {node.op} reads files or runs code", file=sys.stderr)
                sys.exit(_REFUSED)


if __name__ == "__main__":
    main(*sys.argv[1:])
