"""The real model, where a package carries it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dgljoint.errors import UsageError, install_hint
from dgljoint_data.features.minilm import MinilmOptions, embed, find_package

if TYPE_CHECKING:  # imports tokenizers, of an extra
    from dgljoint_data.features._sentence_model import SentenceModel

TWEETS = (
    "The dam broke and the town is under water.",
    "\U0001f525 Größe über 日本 @user: url",
    " ".join(["water"] * 400),
)
# The first numbers of sentence-transformers 6.2.0 for them, on one thread.
KNOWN = (
    (-0.07848, 0.03804, 0.05372, 0.07918, 0.0299, -0.01657),
    (-0.02617, 0.09421, 0.04452, -0.09652, -0.06137, 0.02073),
    (-0.0438, -0.02335, 0.06493, -0.00777, -0.10035, 0.00013),
)


@pytest.fixture(scope="module")
def model() -> SentenceModel:
    """Load the model once; a second or so."""
    try:
        package = find_package()
    except UsageError as error:
        pytest.skip(f"{error}; {error.hint}")
    return package.load()


def vectors(model: SentenceModel, texts: Sequence[str], **options: int) -> NDArray[np.float16]:
    found = {
        text: row
        for batch, rows in embed(model, texts, MinilmOptions(**options))
        for text, row in zip(batch, rows, strict=True)
    }
    return np.stack([found[text] for text in texts])


def test_vectors_are_those_of_the_reference(model: SentenceModel) -> None:
    found = vectors(model, TWEETS)
    assert found[:, :6] == pytest.approx(np.array(KNOWN), abs=1e-3)
    assert np.linalg.norm(found.astype(float), axis=1) == pytest.approx(1, abs=1e-3)


def test_a_long_text_is_cut_at_256_pieces(model: SentenceModel) -> None:
    assert [len(pieces) for pieces in model.split([TWEETS[2], "water"])] == [256, 3]


def test_a_paraphrase_is_nearer_than_another_subject(model: SentenceModel) -> None:
    said, paraphrase, other = vectors(
        model,
        (TWEETS[0], "A burst dam has flooded the city.", "Our cat likes to sleep on the keyboard."),
    ).astype(float)
    assert said @ paraphrase > 0.6
    assert said @ other < 0.2


def test_a_vector_does_not_depend_on_batch_or_threads(model: SentenceModel) -> None:
    rng = np.random.default_rng(0)
    words = ("dam", "broke", "town", "water", "police", "said", "no", "true", "photo", "fake")
    texts = list({" ".join(rng.choice(words, n)) for n in (3, 5, 14) for _ in range(15)})
    one_by_one = vectors(model, texts, batch=1)
    for options in ({"batch": 7}, {"batch": 32}, {"batch": 7, "threads": 2}):
        assert (vectors(model, texts, **options) == one_by_one).all()


def test_neither_the_random_state_nor_the_number_of_threads_is_touched(
    model: SentenceModel,
) -> None:
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    find_package().load()
    vectors(model, TWEETS[:2], threads=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_other_weights_are_refused() -> None:
    pytest.importorskip("tokenizers", reason=install_hint("minilm"))
    from safetensors.torch import save

    from dgljoint_data.features._sentence_model import UnreadableModelError, load_model

    for weights in (b"no weights", save({"embeddings.weight": torch.zeros(3)})):
        with pytest.raises(UnreadableModelError, match="not all-MiniLM-L6-v2"):
            load_model(weights, b"{}")
