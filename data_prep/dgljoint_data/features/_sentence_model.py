"""all-MiniLM-L6-v2 in torch's own layers: BERT with six of them, 384 wide.

A library of models would cost seconds to import, and pads batches: vectors would depend on others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from dgljoint_data.features.minilm import WIDTH

PIECES = 256
_LAYERS = 6
_HEADS = 12
_INNER = 1536
_EPSILON = 1e-12

# torch's name of each part of a layer, and the model's.
_PARTS = {
    "self_attn.out_proj": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm2": "output.LayerNorm",
}


class UnreadableModelError(ValueError):
    """The bytes are not those of the model; the message explains why."""


class Minilm(nn.Module):
    """The network, of weights by the model's own names; it is never trained."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._words = weights["embeddings.word_embeddings.weight"]
        # Type 0 is that of a first sentence, and there is no second.
        kind = weights["embeddings.token_type_embeddings.weight"][0]
        self._places = weights["embeddings.position_embeddings.weight"] + kind
        self._scale = weights["embeddings.LayerNorm.weight"]
        self._shift = weights["embeddings.LayerNorm.bias"]
        self._layers = nn.Sequential(*(_layer(weights, number) for number in range(_LAYERS)))
        self.eval()

    def forward(self, pieces: Tensor) -> Tensor:
        """Return (B, 384) unit vectors of (B, L) int64 pieces, of one length: nothing is masked."""
        hidden = self._words[pieces] + self._places[: pieces.shape[1]]
        hidden = functional.layer_norm(hidden, (WIDTH,), self._scale, self._shift, _EPSILON)
        return functional.normalize(self._layers(hidden).mean(1), dim=1)


class SentenceModel:
    """The network and its splitter of words."""

    def __init__(self, network: Minilm, splitter: Tokenizer) -> None:
        self._network = network
        self._splitter = splitter

    def split(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the word pieces of each text, at most 256, the model's own marks included."""
        # One text after the other: the library's own batches take all cores.
        return [list(self._splitter.encode(text).ids) for text in texts]

    def embed(
        self, batches: Iterable[NDArray[np.int64]], threads: int
    ) -> Iterator[NDArray[np.float32]]:
        """Yield (B, 384) unit vectors of (B, L) pieces; one thread per batch, for equal bits."""
        before = torch.get_num_threads()
        pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
        try:
            yield from pool.map(self._embed, batches)
        finally:
            pool.shutdown(cancel_futures=True)
            # Parts of torch share one setting among all threads.
            torch.set_num_threads(before)

    @torch.inference_mode()
    def _embed(self, pieces: NDArray[np.int64]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self._network(torch.from_numpy(pieces)).numpy()
        return vectors


def load_model(weights: bytes, tokenizer: bytes) -> SentenceModel:
    """Make the model of its files. Raise UnreadableModelError if they are damaged or another's."""
    try:
        network = Minilm(load(weights))
        splitter = Tokenizer.from_buffer(tokenizer)
    # KeyError and RuntimeError: weights of other names or shapes; ValueError: no tokenizer.
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise UnreadableModelError(f"not all-MiniLM-L6-v2: {error}") from error
    # The file asks for 128 pieces, always; the model's card for 256.
    splitter.no_padding()
    splitter.enable_truncation(PIECES)
    return SentenceModel(network, splitter)


def _layer(weights: Mapping[str, Tensor], number: int) -> nn.TransformerEncoderLayer:
    base = f"encoder.layer.{number}"
    state = {}
    for what in ("weight", "bias"):
        projections = [
            weights[f"{base}.attention.self.{name}.{what}"] for name in ("query", "key", "value")
        ]
        state[f"self_attn.in_proj_{what}"] = torch.cat(projections)
        for ours, theirs in _PARTS.items():
            state[f"{ours}.{what}"] = weights[f"{base}.{theirs}.{what}"]
    # Without storage: random first weights would cost time and move the random state.
    with torch.device("meta"):
        layer = nn.TransformerEncoderLayer(
            WIDTH, _HEADS, _INNER, dropout=0.0, activation="gelu", layer_norm_eps=_EPSILON,
            batch_first=True,
        )
    layer.load_state_dict(state, assign=True)
    return layer
