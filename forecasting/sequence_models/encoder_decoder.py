"""Estimators that write a sequence of symbols: from another sequence, or from a vector."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, validate_data

from forecasting.sequence_models.bodies import CELL, make_cell, recurrent_layers
from forecasting.sequence_models.decoding import END, beam_search, written
from forecasting.sequence_models.layers.attention import Attention
from forecasting.sequence_models.layers.base_layer import SIZE, Dense
from forecasting.sequence_models.layers.combinators import Chain
from forecasting.sequence_models.layers.decoder import AttentionDecoder, ContextDecoder
from forecasting.sequence_models.layers.embedding import Embedding, Softmax
from forecasting.sequence_models.layers.padding import pad
from forecasting.sequence_models.layers.pooling import BothEnds, LastStep
from forecasting.sequence_models.layers.writer import SequencePairs, Writer
from forecasting.sequence_models.learning import Learning, NetworkModel
from forecasting.sequence_models.symbols import alphabet_of
from reservoir.contracts.random_source import make_rng
from reservoir.contracts.settings import check_settings, settings_of

_LONGER = 4  # times as long as the longest of training may be what is written
_WRITING: dict = {
    **CELL,
    "n_embedding": SIZE,
    "max_length": [Interval(Integral, 1, None, closed="left"), None],
    "beam_width": SIZE,
    "learning": [Learning, None],
    "random_state": ["random_state", np.random.Generator],
}


class WriterModel(NetworkModel, BaseEstimator):
    """Base: learns with teacher forcing, writes until the end symbol."""

    def _read_sources(self, X: Any, reset: bool) -> tuple[Any, Callable[[Any], tuple]]:
        """Return the sources, and a function from places to a padded block and its lengths."""
        raise NotImplementedError

    def _make_writer(self) -> Writer:
        raise NotImplementedError

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Learn.

        Parameters
        ----------
        X : see the class
        y : list of str, or of sequences of hashable
            What is to be written.

        Returns
        -------
        self
        """
        sources, block_of = self._read_sources(X, reset=True)
        check_consistent_length(sources, y)
        self.alphabet_ = alphabet_of(y, END + 1, "y")
        targets = [np.append(self.alphabet_.encode(sequence, "y"), END) for sequence in y]
        self.longest_ = max(map(len, targets)) - 1
        self.writer_ = writer = self._make_writer()
        self.settings_ = settings_of(self, ("attention",))
        rng = make_rng(self.random_state)

        def batch(places):
            return _batch(block_of(places), [targets[i] for i in places])

        self._learn(
            writer.init_params(rng),
            lambda params, places, rng, progress: writer.loss_and_grad(params, batch(places), rng),
            lambda params, places: writer.loss(params, batch(places)),
            np.array([len(target) for target in targets]),
            rng,
        )
        return self

    def predict(self, X):
        """Write the most likely sequence: step by step, or with ``beam_width`` above 1 by beam search.

        Parameters
        ----------
        X : as for `fit`

        Returns
        -------
        list
            Strings, if those of training were; else lists.
        """
        params = self._exact_params()
        sources, block_of = self._read_sources(X, reset=False)
        block, lengths = block_of(np.arange(len(sources)))
        n_steps = self._longest_written()
        if self.beam_width == 1:
            codes = written(self.writer_, params, block, lengths, n_steps)
        else:
            codes, _ = beam_search(self.writer_, params, block, lengths, n_steps, self.beam_width)
        return [self.alphabet_.decode(sequence) for sequence in codes]

    def sample(self, X, *, temperature=1.0, random_state=None):
        """Write by chance.

        Parameters
        ----------
        X : as for `fit`
        temperature : float, default=1.0
            Below 1 prefers likely symbols.
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        list
        """
        params = self._exact_params()
        if not temperature > 0:
            raise ValueError(f"temperature={temperature!r} must be a positive number")
        sources, block_of = self._read_sources(X, reset=False)
        block, lengths = block_of(np.arange(len(sources)))
        rng, n_steps = make_rng(random_state), self._longest_written()
        codes = written(self.writer_, params, block, lengths, n_steps, rng, temperature)
        return [self.alphabet_.decode(sequence) for sequence in codes]

    def score(self, X, y):
        """Return the part of the sequences that are written exactly as they should be.

        Parameters
        ----------
        X, y : as for `fit`

        Returns
        -------
        float
        """
        said = self.predict(X)
        check_consistent_length(said, y)
        return float(np.mean([list(one) == list(other) for one, other in zip(said, y)]))

    def _longest_written(self):
        return _LONGER * self.longest_ if self.max_length is None else self.max_length


class EncoderDecoder(WriterModel):
    """Read a sequence of symbols, write another, of another length.

    Parameters
    ----------
    cell : str or Cell, default="gru"
        Of encoder and decoder: a name in `forecasting.networks.CELLS`, or a cell with its own size.
    n_units : int, optional
        Units, for a cell given by name. Default: 32.
    n_embedding : int, default=16
        Length of the vector of a symbol.
    bidirectional : bool, default=True
        Let the encoder read both ways.
    attention : {None, "content", "location"}, default="location"
        None: the decoder knows the encoder's last outputs alone. "content": it looks at all of them through softmax
        gates; "location": with a window that moves forward besides, see
        `forecasting.sequence_models.layers.attention`.
    context_to : {"state", "inputs", "both"}, default="both"
        Without attention: whether the encoder's last outputs make the decoder's first state, are heard at every step,
        or both.
    max_length : int, optional
        Most symbols that are written. Default: four times the longest of training.
    beam_width : int, default=1
        Beginnings that `predict` follows; 1 takes the most likely symbol at every step.
    learning : Learning, optional
        Epochs, batches, optimizer, early stopping.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    source_alphabet_, alphabet_ : Alphabet
    params_ : nested tuple of arrays
    losses_, validation_losses_ : ndarray of shape (n_epochs,)
        In nats per symbol, under teacher forcing.

    Examples
    --------
    >>> words = {"1": "one", "2": "two", "3": "three"}
    >>> X = [a + b for a in words for b in words] * 10
    >>> y = [words[a] + " " + words[b] for a, b in X]
    >>> model = EncoderDecoder(n_units=16, learning=Learning(30), random_state=0).fit(X, y)
    >>> model.predict(["31"])
    ['three one']
    """

    _parameter_constraints: ClassVar[dict] = {
        **_WRITING,
        "bidirectional": ["boolean"],
        "attention": [StrOptions({"content", "location"}), None],
        "context_to": [StrOptions({"state", "inputs", "both"})],
    }

    def __init__(
        self,
        cell="gru",
        *,
        n_units=None,
        n_embedding=16,
        bidirectional=True,
        attention="location",
        context_to="both",
        max_length=None,
        beam_width=1,
        learning=None,
        random_state=None,
    ):
        self.cell = cell
        self.n_units = n_units
        self.n_embedding = n_embedding
        self.bidirectional = bidirectional
        self.attention = attention
        self.context_to = context_to
        self.max_length = max_length
        self.beam_width = beam_width
        self.learning = learning
        self.random_state = random_state

    def align(self, X, y):
        """Return where the decoder looks while it writes given sequences.

        Parameters
        ----------
        X : list of str, or of sequences of hashable
        y : list of str, or of sequences of hashable

        Returns
        -------
        list of ndarray of shape (len(y) + 1, len(X))
            Weights of the encoder's steps, for every symbol written and for the end.

        Raises
        ------
        ValueError
            If the model has no attention.
        """
        params = self._exact_params()
        check_settings(self)
        if self.attention is None:
            raise ValueError("attention=None looks nowhere: fit with attention='content' or 'location'")
        sources, block_of = self._read_sources(X, reset=False)
        targets = [np.append(self.alphabet_.encode(sequence, "y"), END) for sequence in y]
        check_consistent_length(sources, targets)
        batch = _batch(block_of(np.arange(len(sources))), targets)
        weights: Any = self.writer_.raw(params, batch)[1]
        return [own[: len(target), : len(source)] for own, target, source in zip(weights, targets, sources)]

    def _read_sources(self, X, reset):
        if len(X) == 0 or not all(len(sequence) for sequence in X):
            raise ValueError("X must be a list of sequences, each of at least one symbol")
        if reset:
            self.source_alphabet_ = alphabet_of(X, 0, "X")
        codes = [self.source_alphabet_.encode(sequence, "X") for sequence in X]
        return codes, lambda places: pad([codes[i] for i in places])

    def _make_writer(self):
        layers = recurrent_layers(self.cell, self.n_units, bidirectional=self.bidirectional)
        encoder = Chain([Embedding(self.n_embedding), *layers])
        cell = make_cell(self.cell, self.n_units)
        if self.attention is None:
            encoder = Chain([*encoder.layers, BothEnds() if self.bidirectional else LastStep()])
            decoder = ContextDecoder(cell, context_to=self.context_to)
        else:
            attention = Attention(cell.n_units, location=self.attention == "location")
            decoder = AttentionDecoder(cell, attention)
        n_symbols = self.alphabet_.size
        heard = Embedding(self.n_embedding)
        return Writer(encoder, self.source_alphabet_.size, heard, n_symbols, decoder, Softmax(), n_symbols)


class VectorToSequence(WriterModel):
    """Write a sequence of symbols that a vector calls for.

    Parameters
    ----------
    cell : str or Cell, default="gru"
        Of the decoder: a name in `forecasting.networks.CELLS`, or a cell with its own size.
    n_units : int, optional
        Units, for a cell given by name. Default: 32.
    n_hidden : int, default=64
        Width of the layer that reads the vector.
    n_embedding : int, default=16
        Length of the vector of a symbol.
    context_to : {"state", "inputs", "both"}, default="both"
        Whether what was read makes the first state, is heard at every step, or both.
    max_length : int, optional
        Most symbols that are written. Default: four times the longest of training.
    beam_width : int, default=1
        Beginnings that `predict` follows; 1 takes the most likely symbol at every step.
    learning : Learning, optional
        Epochs, batches, optimizer, early stopping.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    alphabet_ : Alphabet
    params_ : nested tuple of arrays
    losses_, validation_losses_ : ndarray of shape (n_epochs,)

    Examples
    --------
    >>> X = np.eye(3)[np.arange(60) % 3]
    >>> y = [["one", "two", "three"][i % 3] for i in range(60)]
    >>> model = VectorToSequence(n_units=16, random_state=0).fit(X, y)
    >>> model.predict(np.eye(3))
    ['one', 'two', 'three']
    """

    _parameter_constraints: ClassVar[dict] = {
        **_WRITING,
        "n_hidden": SIZE,
        "context_to": [StrOptions({"state", "inputs", "both"})],
    }

    def __init__(
        self,
        cell="gru",
        *,
        n_units=None,
        n_hidden=64,
        n_embedding=16,
        context_to="both",
        max_length=None,
        beam_width=1,
        learning=None,
        random_state=None,
    ):
        self.cell = cell
        self.n_units = n_units
        self.n_hidden = n_hidden
        self.n_embedding = n_embedding
        self.context_to = context_to
        self.max_length = max_length
        self.beam_width = beam_width
        self.learning = learning
        self.random_state = random_state

    def _read_sources(self, X, reset):
        X = validate_data(self, X, dtype=np.float64, reset=reset)
        if reset:
            spread = X.std(axis=0)
            self.centre_, self.scale_ = X.mean(axis=0), np.where(spread > 0, spread, 1.0)
        rows = (X - self.centre_) / self.scale_
        # Training in float32, answers in float64.
        rows = rows.astype(np.float32 if reset else np.float64)
        return rows, lambda places: (rows[places], None)

    def _make_writer(self):
        decoder = ContextDecoder(make_cell(self.cell, self.n_units), context_to=self.context_to)
        n_symbols, reader = self.alphabet_.size, Dense(self.n_hidden, activation="tanh")
        heard = Embedding(self.n_embedding)
        return Writer(reader, self.n_features_in_, heard, n_symbols, decoder, Softmax(), n_symbols)


def _batch(source, targets):
    block, lengths = source
    target, target_lengths = pad(targets)
    return SequencePairs(block, lengths, target, target_lengths)
