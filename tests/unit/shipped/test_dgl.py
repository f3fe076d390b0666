"""The encoder ``dgl``: which layers it takes, what it refuses, and what it computes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from dgljoint.errors import UsageError
from dgljoint.nn import CascadeBatch, dgl_layers
from dgljoint_cli.main import run
from dgljoint_plugins.encoders.dgl import DGLOptions
from dgljoint_plugins.encoders.dgl.module import DGLEncoder
from dgljoint_plugins.encoders.gcn.module import GCN
from encoding import WIDTH, check_gradients_reach, mixed_batch
from toys import toy_store

LAYERS: dict[str, dict[str, Any]] = {
    "AGNNConv": {}, "ChebConv": {"k": "2"}, "DotGatConv": {"num_heads": 2}, "EdgeConv": {},
    "GATConv": {"num_heads": 3}, "GATv2Conv": {"num_heads": "4", "attn_drop": 0.1},
    "GINConv": {"learn_eps": "true"}, "GatedGraphConv": {"n_steps": 2, "n_etypes": 1},
    "GraphConv": {"norm": "right", "activation": "relu"},
    "PNAConv": {"aggregators": '["mean", "max"]', "scalers": ["identity"], "delta": 2.5},
    "SAGEConv": {"aggregator_type": "pool"}, "SGConv": {"k": 2}, "TAGConv": {"k": 3},
    "TWIRLSConv": {"hidden_d": 8, "prop_step": 2},
}
NEED_MORE = [
    "AtomicConv", "CFConv", "DenseGraphConv", "EGATConv", "EGNNConv", "EdgeGATConv",
    "EdgeWeightNorm", "GCN2Conv", "GINEConv", "GMMConv", "HGTConv", "NNConv", "RelGraphConv",
]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> CascadeBatch:
    return mixed_batch(tmp_path_factory.mktemp("dgl"))


def encoder(width: int = WIDTH, **options: Any) -> DGLEncoder:
    torch.manual_seed(0)
    return DGLEncoder(DGLOptions(**options), width)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("direction", ["both", "down", "up"])
def test_a_layer_gives_every_post_a_row_and_trains(
    layer: str, direction: str, batch: CascadeBatch
) -> None:
    made = encoder(layer=layer, direction=direction, dropout=0.0, **LAYERS[layer])
    x = torch.randn(len(batch.kind), WIDTH, requires_grad=True)
    found = made(batch, x)
    assert found.shape == x.shape
    found.square().sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    made.eval()
    assert torch.equal(made(batch, x), made(batch, x))


def test_graph_conv_equals_the_encoder_gcn(batch: CascadeBatch) -> None:
    ours, theirs = GCN(WIDTH, 2, 0.0), encoder(dropout=0.0)
    for own, layer in zip(ours.layers, theirs.layers, strict=True):
        layer.conv.load_state_dict(
            {"weight": own.weight.detach().T, "bias": torch.zeros(WIDTH)}
        )
    x = torch.randn(len(batch.kind), WIDTH)
    torch.testing.assert_close(theirs(batch, x), ours(batch, x))


@pytest.mark.parametrize("layer", ["GraphConv", "GATv2Conv", "SAGEConv"])
def test_a_post_without_messages_is_answered(layer: str, batch: CascadeBatch) -> None:
    made = encoder(layer=layer, direction="down", self_loops=False, **LAYERS[layer]).eval()
    found = made(batch, torch.randn(len(batch.kind), WIDTH))
    assert torch.isfinite(found).all()


def test_messages_take_the_chosen_direction(batch: CascadeBatch) -> None:
    parent, child = batch.edges[:, 0].tolist()
    x = torch.zeros(len(batch.kind), WIDTH)
    for direction, reached, unreached in (("down", child, parent), ("up", parent, child)):
        one = encoder(layers=1, direction=direction, self_loops=False)
        changed = x.clone()
        changed[unreached] = 1
        moved = (one(batch, changed) - one(batch, x)).abs().sum(1)
        assert moved[reached] > 0
        assert moved[unreached] == 0


def test_heads_are_joined_and_mapped_to_the_width(batch: CascadeBatch) -> None:
    made = encoder(layer="GATv2Conv", num_heads=3, width=8)  # 3 heads of 3 columns
    assert [layer.join.in_features for layer in made.layers] == [9, 9]
    check_gradients_reach(encoder(layer="GATv2Conv", num_heads=3, dropout=0.0), batch)


@pytest.mark.parametrize("layer", NEED_MORE)
def test_a_layer_that_needs_more_than_a_graph_and_rows_is_refused(layer: str) -> None:
    with pytest.raises(UsageError, match=f"{layer} is called with .+, and a cascade gives"):
        encoder(layer=layer)


def test_every_layer_of_dgl_is_taken_or_refused_with_a_reason() -> None:
    for layer in sorted({*dgl_layers()} - {*LAYERS}):
        with pytest.raises(UsageError, match=r"dgl\.layer: "):
            encoder(layer=layer)


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"layer": "GATv2"}, "dgl.layer: dgl.nn has no layer 'GATv2'", "GATv2Conv"),
        ({"layer": "GATv2Conv"}, "dgl.layer: GATv2Conv needs num_heads", "-s dgl.num_heads=VALUE"),
        ({"heads": 4}, "dgl.heads: GraphConv takes no argument 'heads'", "it takes out_feats"),
        ({"in_feats": 4}, "dgl.in_feats: GraphConv takes no argument 'in_feats'", "norm"),
        (
            {"layer": "SGConv", "cached": True}, "dgl.cached: SGConv takes no argument 'cached'",
            "it takes out_feats, k",
        ),
        ({"norm": "odd"}, "dgl.layer: GraphConv(in_feats=16", "it takes in_feats"),
        ({"activation": "odd"}, "dgl.layer: GraphConv(", "activation"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(
    options: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as raised:
        encoder(width=16, **options)
    assert raised.value.message.startswith(message)
    assert hint in (raised.value.hint or "")


@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(
    precision: torch.dtype, batch: CascadeBatch
) -> None:
    made = encoder(layer="GATv2Conv", num_heads=4).eval()
    x = torch.randn(len(batch.kind), WIDTH)
    expected = made(batch, x)
    found = made.to(precision)(batch, x.to(precision))
    assert found.dtype == precision
    torch.testing.assert_close(found.float(), expected, rtol=0.1, atol=0.1)


def test_on_a_device_without_kernels_of_dgl_the_encoder_is_refused(batch: CascadeBatch) -> None:
    made, x = encoder(), torch.zeros(len(batch.kind), WIDTH, device="meta")
    with pytest.raises(UsageError, match="computes on meta, which this DGL has no kernels for"):
        made(batch, x)


def test_a_run_keeps_the_arguments_of_its_layer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = toy_store(tmp_path / "a.h5").path, tmp_path / "run"
    command = ["train", str(data), "-q", "--encoder", "dgl", "-s", "dgl.layer=GATv2Conv"]
    small = ["-s", "train.epochs=1", "-s", "model.width=8", "--out", str(out)]
    assert run([*command, "-s", "dgl.num_heads=4", *small]) == 0
    capsys.readouterr()
    assert run(["evaluate", str(out), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert 'num_heads = "4"' in (out / "config.toml").read_text()
    assert run([*command, "-s", "dgl.heads=4", *small, "--force"]) == 2
    error = capsys.readouterr().err
    assert "error: dgl.heads: GATv2Conv takes no argument 'heads'" in error
