"""Where a run computes and in which precision."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import distributed

from dgljoint.errors import InterruptedRunError, UsageError
from dgljoint.plugins.specs import EncoderSpec, InteractionSpec
from dgljoint.training.processes import find_device, joined
from runs import StopAfter, assert_same_run, run
from toys import shipped, toy_batch, toy_model, toy_store, toy_trainer

HALF = "train.precision=bf16"
COMPONENTS = [
    *({"encoder": name} for name in shipped(EncoderSpec)),
    *({"plugins": (name,)} for name in shipped(InteractionSpec)),
    {"plugins": (*shipped(InteractionSpec), "meta_weight")},
]


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find two CUDA devices."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize(
    ("name", "local_rank", "found"),
    [("auto", 0, "cuda:0"), ("cuda", 1, "cuda:1"), ("cpu", 1, "cpu"), ("auto", 1, "cuda:1")],
)
def test_each_process_takes_a_device_of_its_own(name: str, local_rank: int, found: str) -> None:
    assert find_device(name, local_rank) == torch.device(found)


@pytest.mark.usefixtures("no_cuda")
def test_without_cuda_auto_is_the_cpu_and_cuda_is_refused() -> None:
    assert find_device("auto") == torch.device("cpu")
    with pytest.raises(UsageError, match="finds no CUDA device") as caught:
        find_device("cuda")
    assert "--device cpu" in str(caught.value.hint)


@pytest.mark.usefixtures("cuda")
def test_more_processes_than_devices_are_refused() -> None:
    with pytest.raises(UsageError, match="process 3 of this machine finds no CUDA device"):
        find_device("auto", 2)


@pytest.mark.parametrize(
    ("device", "backend", "taken"),
    [("cpu", "gloo", []), ("cuda:1", "cpu:gloo,cuda:nccl", [torch.device("cuda:1")])],
)
def test_several_processes_can_exchange_what_lies_on_the_cpu(
    device: str, backend: str, taken: list[torch.device], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As their flags and states do, on whatever device the model is."""
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    asked: list[str] = []
    chosen: list[torch.device] = []
    monkeypatch.setattr(
        distributed, "init_process_group", lambda backend, timeout: asked.append(backend)
    )
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: None)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    with joined(torch.device(device)) as group:
        assert (group.rank, group.size, group.local_rank) == (1, 2, 1)
    assert (asked, chosen) == ([backend], taken)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(UsageError, match="no device 'tpu'"):
        find_device("tpu")


@pytest.mark.slow
@pytest.mark.parametrize("chosen", COMPONENTS, ids=lambda one: str(next(iter(one.values()))))
def test_everything_trains_in_half_precision(chosen: dict[str, str], tmp_path: Path) -> None:
    trainer = toy_trainer(toy_store(tmp_path / "toy.h5"), HALF, "train.epochs=1", **chosen)
    record = trainer.train_epoch(lambda: False)
    assert record is not None
    assert all(map(torch.isfinite, map(torch.tensor, record.losses.values())))
    assert all(parameter.dtype == torch.float32 for parameter in trainer.model.parameters())


def test_half_precision_is_near_and_what_comes_out_is_single(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "toy.h5")
    batch = toy_batch(store, range(9))
    _, single = toy_model(store)(batch)
    reps, rounded = toy_model(store, HALF)(batch)
    for found in (*vars(reps).values(), *vars(rounded).values()):
        assert found.dtype == torch.float32
    assert not torch.equal(single.rumor_logits, rounded.rumor_logits)
    torch.testing.assert_close(single.rumor_logits, rounded.rumor_logits, rtol=0.1, atol=0.1)
    torch.testing.assert_close(single.link_logits, rounded.link_logits, rtol=0.1, atol=0.1)


def test_a_run_in_half_precision_resumes(tmp_path: Path) -> None:
    store = toy_store(tmp_path / "toy.h5")
    run(store, tmp_path / "whole", HALF)
    with pytest.raises(InterruptedRunError):
        run(store, tmp_path / "cut", HALF, callback=StopAfter(4))
    run(store, tmp_path / "cut", HALF, resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "cut")
