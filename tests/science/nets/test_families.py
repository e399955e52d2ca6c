"""Every family of nets: described without torch, built as described, kept and restored as safetensors."""

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import safetensors.torch
import torch

from shuyuan.maas.runners import interface, netgraph
from shuyuan.science.nets import modules, shapes
from shuyuan.science.nets.described import autoencoder, recurrent, residual, tabular, towers, transformer

FAMILIES: list[shapes.Net] = [
    tabular.Tabular(outputs=2, numbers=3, cardinalities=(4, 6), widths=(2, 3), hidden=(5,)),
    tabular.Tabular(outputs=1, numbers=4, hidden=()),
    tabular.Tabular(outputs=1, cardinalities=(7,), widths=(2,)),
    residual.Residual(side=9, classes=3, channels=3, widths=(4, 6), blocks=2),
    recurrent.Recurrent(vocabulary=9, length=5, outputs=3, width=4, hidden=6, layers=2, cell="lstm"),
    recurrent.Recurrent(vocabulary=9, length=5, outputs=3, width=4, hidden=6, cell="rnn"),
    transformer.Transformer(vocabulary=9, length=5, outputs=3, width=8, heads=2, layers=2),
    transformer.EncoderDecoder(source=9, target=7, source_length=5, target_length=4, width=8, heads=2, layers=1),
    towers.TwoTower(persons=5, items=6, width=4, hidden=8),
    autoencoder.Autoencoder(numbers=6, code=2, hidden=(4,)),
]


@pytest.mark.parametrize("shape", FAMILIES, ids=lambda shape: shape.NAME)
def test_a_net_has_the_tensors_its_description_names(shape: shapes.Net) -> None:
    found = {name: tuple(tensor.shape) for name, tensor in modules.build(shape).state_dict().items()}
    assert found == shape.tensors()


@pytest.mark.parametrize("shape", FAMILIES, ids=lambda shape: shape.NAME)
def test_a_net_is_the_same_after_safetensors(shape: shapes.Net) -> None:
    net = modules.build(shape).eval()
    rows = example(shape, 3)
    data = modules.to_safetensors(net)
    restored = modules.restore(netgraph.read_header(data), safetensors.torch.load(data))
    for before, after in zip(net(*rows), restored(*rows), strict=True):
        assert torch.equal(before, after)
        assert len(after) == 3


@pytest.mark.parametrize("shape", FAMILIES, ids=lambda shape: shape.NAME)
def test_a_row_does_not_depend_on_the_rows_beside_it(shape: shapes.Net) -> None:
    net, rows = modules.build(shape).eval(), example(shape, 4)
    (together, *_), (alone, *_) = net(*rows), net(*(row[1:2] for row in rows))
    torch.testing.assert_close(together[1:2], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "config", "said"),
    [
        ("tabular", {"outputs": 2}, "as many widths"),
        ("tabular", {"outputs": 2, "cardinalities": [3], "widths": []}, "as many widths"),
        (
            "recurrent",
            {"vocabulary": 3, "length": 2, "outputs": 2, "cell": "relu"},
            "cell must be one of rnn, gru, lstm",
        ),
        ("recurrent", {"vocabulary": 1 << 23, "length": 2, "outputs": 2}, "vocabulary must be 1 to 4194304"),
        ("transformer", {"vocabulary": 3, "length": 2, "outputs": 2, "width": 10, "heads": 4}, "divide by heads"),
        ("residual", {"side": 2, "classes": 2, "widths": [4, 4, 4]}, "side 2 must be"),
    ],
)
def test_a_description_that_fits_no_net_is_refused(name: str, config: dict[str, object], said: str) -> None:
    with pytest.raises(shapes.BadShape, match=said):
        shapes.read(name, config)


def test_padding_changes_nothing_that_a_reader_of_sequences_says() -> None:
    for shape in (
        recurrent.Recurrent(vocabulary=9, length=6, outputs=2, cell="gru"),
        transformer.Transformer(vocabulary=9, length=6, outputs=2, width=8, heads=2),
    ):
        net = modules.build(shape).eval()
        mask = torch.tensor([[True, True, True, False, False, False]])
        short = torch.tensor([[4, 0, 5, 0, 0, 0]])
        other = torch.tensor([[4, 0, 5, 7, 8, 1]])
        assert torch.equal(net(short, mask)[0], net(other, mask)[0])


def test_a_decoder_sees_nothing_that_comes_later() -> None:
    shape = transformer.EncoderDecoder(source=9, target=7, source_length=5, target_length=4, width=8, heads=2)
    net = modules.build(shape).eval()
    source, mask, target = example(shape, 1)
    later = target.clone()
    later[:, 2:] = (later[:, 2:] + 1) % 7
    torch.testing.assert_close(net(source, mask, target)[0][:, :2], net(source, mask, later)[0][:, :2])


def test_the_writer_without_torch_refuses_what_it_does_not_know() -> None:
    with pytest.raises(interface.BadModelFile, match="a two_tower is not written here"):
        netgraph.to_onnx(modules.to_safetensors(modules.build(towers.TwoTower(persons=5, items=6))))


def test_descriptions_are_read_without_torch() -> None:
    code = "import sys; from shuyuan.science.nets import shapes; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def example(shape: shapes.Net, rows: int) -> list[torch.Tensor]:
    torch.manual_seed(1)
    made = []
    for port in shape.ports():
        size = (rows, *port.shape)
        mask = torch.arange(rows * 5).reshape(rows, -1)[:, :5] % 5 < 3
        kinds = {"float32": torch.randn(size), "int64": torch.randint(0, 4, size), "bool": mask}
        made.append(kinds[port.dtype])
    return made
