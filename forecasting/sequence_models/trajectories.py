"""TrajectoryGenerator: pen trajectories that spell a sequence of symbols, drawn from a learned distribution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from forecasting.sequence_models.bodies import CELL, make_cell, recurrent_layers
from forecasting.sequence_models.layers.attention import Attention
from forecasting.sequence_models.layers.base_layer import SIZE, Dense
from forecasting.sequence_models.layers.combinators import Chain
from forecasting.sequence_models.layers.decoder import AttentionDecoder
from forecasting.sequence_models.layers.embedding import Embedding
from forecasting.sequence_models.layers.free_runs import draw_path
from forecasting.sequence_models.layers.padding import pad
from forecasting.sequence_models.layers.pen_mixture import PenMixture
from forecasting.sequence_models.layers.writer import SequencePairs, Writer
from forecasting.sequence_models.learning import Learning, NetworkModel
from forecasting.sequence_models.symbols import alphabet_of
from reservoir.contracts.random_source import make_rng


class TrajectoryGenerator(NetworkModel, BaseEstimator):
    """Write with a pen: offsets drawn step by step from mixtures of normal distributions (Graves 2013).

    An encoder reads the symbols, a decoder looks at them through a window that moves forward, hears the last offset,
    and gives the distribution of the next one and of the end.

    Parameters
    ----------
    cell : str or Cell, default="gru"
        A name in `forecasting.networks.CELLS`, or a cell with its own size.
    n_units : int, optional
        Units, for a cell given by name. Default: 32.
    n_components : int, default=8
        Normal distributions in the mixture.
    n_embedding : int, default=16
        Length of the vectors of a symbol and of an offset.
    max_length : int, default=200
        Most steps of a sample.
    learning : Learning, optional
        Epochs, batches, optimizer, early stopping.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    alphabet_ : Alphabet
    params_ : nested tuple of arrays
    losses_, validation_losses_ : ndarray of shape (n_epochs,)
        In nats per step, of offsets in units of their spread.

    Examples
    --------
    >>> line = np.column_stack([np.ones(5), np.zeros(5), [0, 0, 0, 0, 1]])
    >>> up = line[:, [1, 0, 2]]
    >>> model = TrajectoryGenerator(n_units=8, n_components=1, learning=Learning(20), random_state=0)
    >>> model = model.fit(["-", "|"] * 20, [line, up] * 20)
    >>> model.sample(["-"], random_state=0)[0].shape[1]
    3
    """

    _parameter_constraints: ClassVar[dict] = {
        **CELL,
        "n_components": SIZE,
        "n_embedding": SIZE,
        "max_length": SIZE,
        "learning": [Learning, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        cell="gru",
        *,
        n_units=None,
        n_components=8,
        n_embedding=16,
        max_length=200,
        learning=None,
        random_state=None,
    ):
        self.cell = cell
        self.n_units = n_units
        self.n_components = n_components
        self.n_embedding = n_embedding
        self.max_length = max_length
        self.learning = learning
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Learn.

        Parameters
        ----------
        X : list of str, or of sequences of hashable
            What was written.
        y : list of array-like of shape (n_steps, 3)
            How: offsets of the pen in two directions, and 1 at the last step, 0 before.

        Returns
        -------
        self
        """
        self.alphabet_ = alphabet_of(X, 0, "X")
        codes, paths = [self.alphabet_.encode(one, "X") for one in X], self._read_paths(X, y)
        offsets = np.concatenate(paths)[:, :2]
        # One scale for both directions: a circle stays one.
        self.scale_ = float(np.sqrt((offsets**2).mean())) or 1.0
        targets = [self._standard(path, np.float32) for path in paths]
        self.writer_ = writer = self._make_writer()
        rng = make_rng(self.random_state)

        def batch(places):
            return SequencePairs(*pad([codes[i] for i in places]), *pad([targets[i] for i in places]))

        params = writer.init_params(rng)
        params.output.bias[:] = writer.head.first_bias(rng)
        self._learn(
            params,
            lambda params, places, rng, progress: writer.loss_and_grad(params, batch(places), rng),
            lambda params, places: writer.loss(params, batch(places)),
            np.array([len(target) for target in targets]),
            rng,
        )
        return self

    def score(self, X, y):
        """Return the mean log-likelihood of a step, in nats, of offsets as they were given.

        Parameters
        ----------
        X, y : as for `fit`

        Returns
        -------
        float
        """
        params = self._exact_params()
        paths = self._read_paths(X, y)
        codes = [self.alphabet_.encode(one, "X") for one in X]
        batch = SequencePairs(*pad(codes), *pad([self._standard(path, np.float64) for path in paths]))
        return -self.writer_.loss(params, batch) - 2 * np.log(self.scale_)

    def sample(self, X, *, bias=0.0, random_state=None):
        """Draw a trajectory for every sequence of symbols.

        Parameters
        ----------
        X : list of str, or of sequences of hashable
        bias : float, default=0.0
            Above 0 prefers what is likely: steadier strokes.
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        list of ndarray of shape (n_steps, 3)
        """
        check_is_fitted(self, "params_")
        if not bias >= 0:
            raise ValueError(f"bias={bias!r} must be a number of at least 0")
        params, rng = self._exact_params(), make_rng(random_state)
        parts = self.writer_.parts(params, *pad([self.alphabet_.encode(one, "X") for one in X]))
        path, shape = np.zeros((self.max_length + 1, len(X), 3)), (self.max_length, len(X), 2)
        n_rows = draw_path(parts, float(bias), rng.random(shape), rng.standard_normal(shape), path)
        whole = path[1:n_rows]
        whole[..., :2] *= self.scale_
        ended = whole[..., 2] == 1
        ends = np.where(ended.any(axis=0), ended.argmax(axis=0) + 1, len(whole))
        return [whole[:end, i].copy() for i, end in enumerate(ends)]

    def _make_writer(self):
        cell = make_cell(self.cell, self.n_units)
        encoder = Chain([Embedding(self.n_embedding), *recurrent_layers(cell, None, bidirectional=True)])
        decoder = AttentionDecoder(cell, Attention(cell.n_units, location=True))
        heard, head = Dense(self.n_embedding, activation="tanh"), PenMixture(self.n_components)
        return Writer(encoder, self.alphabet_.size, heard, 3, decoder, head, head.n_outputs)

    def _standard(self, path, dtype):
        return (path / np.array([self.scale_, self.scale_, 1.0])).astype(dtype)

    def _read_paths(self, X, y):
        check_consistent_length(X, y)
        paths = [check_array(path, dtype=np.float64, input_name=f"path {i} of y") for i, path in enumerate(y)]
        for i, path in enumerate(paths):
            ends = np.flatnonzero(path[:, -1])
            if path.shape[1] != 3 or ends.tolist() != [len(path) - 1] or path[-1, 2] != 1:
                raise ValueError(
                    f"path {i} of y must have 3 columns, the third 0 and at the last step 1; got shape {path.shape}"
                )
        return paths
