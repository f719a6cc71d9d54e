"""LanguageModel: the distribution of the next symbol, given all before; text that goes on by itself."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils.validation import check_is_fitted

from forecasting.sequence_models.bodies import BODY, recurrent_layers
from forecasting.sequence_models.layers.base_layer import SIZE, Dense
from forecasting.sequence_models.layers.combinators import Chain
from forecasting.sequence_models.layers.embedding import Embedding, Softmax
from forecasting.sequence_models.layers.free_runs import write_symbols
from forecasting.sequence_models.learning import Learning, NetworkModel
from forecasting.sequence_models.symbols import alphabet_of
from reservoir.contracts.random_source import make_rng

_BODY = {name: rule for name, rule in BODY.items() if name != "bidirectional"}
_NO_END = -1


class LanguageModel(NetworkModel, BaseEstimator):
    r"""A recurrent network that reads a text and says at every step what comes next.

    .. math:: p(s(1), \dots, s(n)) = \prod_t p\big(s(t) \mid s(1), \dots, s(t-1)\big)

    Parameters
    ----------
    cell : str, Cell or Layer, default="gru"
        A name in `forecasting.networks.CELLS`, a cell with its own size, or a layer made of such.
    n_units : int, optional
        Units of a layer, for a cell given by name. Default: 32.
    n_layers : int, default=1
    n_embedding : int, default=16
        Length of the vector of a symbol.
    window : int, default=64
        Symbols through which gradients go back: training cuts the text into pieces of this length, each time a
        little elsewhere unless some are held out.
    dropout : float, default=0.0
        Part of what leaves each recurrent layer that is dropped in training.
    learning : Learning, optional
        Epochs, batches, optimizer, early stopping.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    alphabet_ : Alphabet
    params_ : nested tuple of arrays
    losses_, validation_losses_ : ndarray of shape (n_epochs,)
        In nats per symbol.

    Examples
    --------
    >>> model = LanguageModel(n_units=16, window=12, learning=Learning(40), random_state=0).fit("abcd" * 60)
    >>> model.perplexity("abcdabcdabcd") < 1.5
    True
    >>> model.sample(6, prompt="ab", random_state=0)
    'cdabcd'
    """

    _parameter_constraints: ClassVar[dict] = {
        **_BODY,
        "n_embedding": SIZE,
        "window": SIZE,
        "learning": [Learning, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        cell="gru",
        *,
        n_units=None,
        n_layers=1,
        n_embedding=16,
        window=64,
        dropout=0.0,
        learning=None,
        random_state=None,
    ):
        self.cell = cell
        self.n_units = n_units
        self.n_layers = n_layers
        self.n_embedding = n_embedding
        self.window = window
        self.dropout = dropout
        self.learning = learning
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, text, y=None):
        """Learn.

        Parameters
        ----------
        text : str or sequence of hashable
        y : None
            Not used.

        Returns
        -------
        self
        """
        self.alphabet_ = alphabet_of([text], 0, "text")
        codes = self.alphabet_.encode(text, "text")
        window = min(self.window, len(codes) - 1)
        if window < 1:
            raise ValueError("text has one symbol: there is nothing that follows")
        starts = np.arange(0, len(codes) - window, window)
        # What is held out must not be seen: then pieces stay where they are.
        shifted = self.learning is None or self.learning.validation_fraction == 0
        layers = recurrent_layers(self.cell, self.n_units, self.n_layers, False, self.dropout)
        self.network_ = network = Chain([Embedding(self.n_embedding), *layers, Dense(self.alphabet_.size)])
        rng = make_rng(self.random_state)

        def pieces(begins):
            return codes[np.minimum(begins, len(codes) - 1 - window) + np.arange(window + 1)[:, np.newaxis]]

        def loss_and_grad(params, places, rng, progress):
            piece = pieces(starts[places] + (rng.integers(window, size=len(places)) if shifted else 0))
            raw, tape = network.forward(params, piece[:-1], None, rng)
            loss, grad = _loss(raw, piece[1:])
            return loss, network.backward(params, tape, grad.reshape(raw.shape))[0]

        def loss(params, places):
            piece = pieces(starts[places])
            return _loss(network.forward(params, piece[:-1]).outputs, piece[1:])[0]

        params = network.init_params(self.alphabet_.size, rng)
        self._learn(params, loss_and_grad, loss, np.full(len(starts), window), rng)
        return self

    def score(self, text, y=None):
        """Return the mean log-likelihood of a symbol given those before it, in nats: larger is better.

        Parameters
        ----------
        text : str or sequence of hashable
            At least two symbols; the first is given.
        y : None
            Not used.

        Returns
        -------
        float
        """
        return float(self.log_probabilities(text).mean(dtype=np.float64))

    def log_probabilities(self, text: Any) -> np.ndarray:
        """Return the log-probability of every symbol but the first, given those before it, in nats.

        Parameters
        ----------
        text : str or sequence of hashable

        Returns
        -------
        ndarray of shape (n_symbols - 1,)
        """
        check_is_fitted(self, "params_")
        codes = self.alphabet_.encode(text, "text")
        if len(codes) < 2:
            raise ValueError(f"text of {len(codes)} symbols has none that follows another: give at least 2")
        raw = self.network_.forward(self.params_, codes[:-1, np.newaxis]).outputs[:, 0]
        return Softmax().log_probabilities(raw)[np.arange(len(raw)), codes[1:]]

    def perplexity(self, text: Any) -> float:
        """Return ``exp(-score)``: among how many equally likely symbols the model hesitates.

        Parameters
        ----------
        text : str or sequence of hashable

        Returns
        -------
        float
        """
        return float(np.exp(-self.score(text)))

    def sample(self, n_symbols, prompt=None, *, temperature=1.0, random_state=None):
        """Go on with a text.

        Parameters
        ----------
        n_symbols : int
        prompt : str or sequence of hashable, optional
            What is read first. Default: the first symbol of the alphabet.
        temperature : float, default=1.0
            Below 1 prefers likely symbols.
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        str or list
            The new symbols.
        """
        check_is_fitted(self, "params_")
        if not temperature > 0:
            raise ValueError(f"temperature={temperature!r} must be a positive number")
        if n_symbols < 0 or n_symbols != int(n_symbols):
            raise ValueError(f"n_symbols={n_symbols!r} must be a whole number, at least 0")
        if prompt is not None and len(prompt) == 0:
            raise ValueError(
                "prompt is empty: give a symbol to go on from, or None for the first of the alphabet"
            )
        given = self.alphabet_.symbols[:1] if prompt is None else prompt
        codes, rng = self.alphabet_.encode(given, "prompt"), make_rng(random_state)
        symbols = np.zeros((len(codes) + int(n_symbols), 1), np.int64)
        symbols[: len(codes), 0] = codes
        parts = self.network_.parts(self.params_, self.alphabet_.size, 1)
        write_symbols(parts, symbols, len(codes), float(temperature), rng.random(symbols.shape), _NO_END)
        return self.alphabet_.decode(symbols[len(codes) :, 0])


def _loss(raw, codes):
    return Softmax().loss_and_grad(raw.reshape(-1, raw.shape[2]), codes.reshape(-1))
