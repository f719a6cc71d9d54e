"""SequenceClassifier, SequenceRegressor: from a sequence of any length to a label or numbers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from forecasting.networks.heads import Squared
from forecasting.sequence_models.bodies import BODY, recurrent_layers
from forecasting.sequence_models.layers.base_layer import Dense
from forecasting.sequence_models.layers.combinators import Chain
from forecasting.sequence_models.layers.embedding import Softmax
from forecasting.sequence_models.layers.padding import pad
from forecasting.sequence_models.layers.pooling import POOLINGS, BothEnds
from forecasting.sequence_models.learning import Learning, NetworkModel
from reservoir.contracts.random_source import make_rng
from reservoir.contracts.series_layout import stack

_PIECE = 256  # series that are answered at once


class FixedSizeModel(NetworkModel):
    """Base: series in, one vector each out."""

    n_channels_: int

    _parameter_constraints: ClassVar[dict] = {
        **BODY,
        "pooling": [StrOptions(set(POOLINGS))],
        "learning": [Learning, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        cell="gru",
        *,
        n_units=None,
        n_layers=1,
        bidirectional=False,
        pooling="last",
        dropout=0.0,
        learning=None,
        random_state=None,
    ):
        self.cell = cell
        self.n_units = n_units
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.dropout = dropout
        self.learning = learning
        self.random_state = random_state

    def _read(self, X, reset):
        """Return series as a list of (n_steps, n_channels); learn or check their width."""
        rows, layout = stack(X)
        if not layout.is_single:
            _check_feature_names(self, rows, reset=reset)
            series = [check_array(one, dtype=np.float64, input_name=f"series {i}") for i, one in enumerate(X)]
            self_width = series[0].shape[1]
            if not reset and self_width != self.n_channels_:
                raise ValueError(
                    f"X has series of {self_width} columns, fit saw series of {self.n_channels_}"
                )
            if reset:
                self.n_features_in_ = self_width
        else:
            rows = validate_data(self, rows, dtype=np.float64, reset=reset)
            series, self_width = list(rows[..., np.newaxis]), 1
            if not reset and self.n_channels_ != 1:
                raise ValueError(
                    f"fit saw series of {self.n_channels_} columns; a two-dimensional array holds series of one: "
                    "pass a list of two-dimensional arrays"
                )
        if reset:
            self.n_channels_ = self_width
        return series

    def _network(self, n_outputs):
        body = recurrent_layers(self.cell, self.n_units, self.n_layers, self.bidirectional, self.dropout)
        at_both_ends = self.bidirectional and self.pooling == "last"
        pooling = BothEnds() if at_both_ends else POOLINGS[self.pooling]()
        return Chain([*body, pooling, Dense(n_outputs)])

    def _train(self, series, y, head, n_outputs):
        """Learn to give ``y``, in the terms of a head."""
        stacked = np.concatenate(series)
        spread = stacked.std(axis=0)
        self.centre_, self.scale_ = stacked.mean(axis=0), np.where(spread > 0, spread, 1.0)
        series = [self._standard(one, np.float32) for one in series]
        self.network_ = network = self._network(n_outputs)
        rng = make_rng(self.random_state)

        def loss_and_grad(params, places, rng, progress):
            block, lengths = pad([series[i] for i in places])
            raw, tape = network.forward(params, block, lengths, rng)
            loss, grad = head.loss_and_grad(raw, y[places])
            return loss, network.backward(params, tape, grad)[0]

        def loss(params, places):
            block, lengths = pad([series[i] for i in places])
            return head.loss_and_grad(network.forward(params, block, lengths).outputs, y[places])[0]

        params = network.init_params(self.n_channels_, rng)
        self._learn(params, loss_and_grad, loss, [len(one) for one in series], rng)

    def _standard(self, one, dtype=np.float64):
        return ((one - self.centre_) / self.scale_).astype(dtype)

    def _answers(self, X):
        """Return the output layer's numbers, (n_series, n_outputs)."""
        params = self._exact_params()
        series = [self._standard(one) for one in self._read(X, reset=False)]
        order = np.argsort([len(one) for one in series], kind="stable")
        raw: list = [None] * len(series)
        for start in range(0, len(order), _PIECE):
            places = order[start : start + _PIECE]
            block, lengths = pad([series[i] for i in places])
            for i, row in zip(places, self.network_.forward(params, block, lengths).outputs):
                raw[i] = row
        return np.stack(raw)


class SequenceClassifier(ClassifierMixin, FixedSizeModel):
    """Classify sequences of any length with a recurrent network.

    Parameters
    ----------
    cell : str, Cell or Layer, default="gru"
        A name in `forecasting.networks.CELLS`, a cell with its own size, or a layer made of such.
    n_units : int, optional
        Units of a layer, for a cell given by name. Default: 32.
    n_layers : int, default=1
    bidirectional : bool, default=False
        Read forwards and backwards.
    pooling : {"last", "mean", "attention"}, default="last"
        What is left of the outputs over time: the last one (of the backward direction, the first), their mean, or a
        mean with learned weights.
    dropout : float, default=0.0
        Part of what leaves each recurrent layer that is dropped in training.
    learning : Learning, optional
        Epochs, batches, optimizer, early stopping.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    params_ : nested tuple of arrays
    losses_, validation_losses_ : ndarray of shape (n_epochs,)
    n_features_in_ : int
        Columns of a series, or of the array whose rows are series.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.standard_normal((rng.integers(5, 15), 1)) + 2 * (i % 2) for i in range(40)]
    >>> labels = ["low", "high"] * 20
    >>> model = SequenceClassifier(n_units=4, random_state=0).fit(X, labels)
    >>> model.score(X, labels) > 0.9
    True
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Learn.

        Parameters
        ----------
        X : list of array-like of shape (n_steps, n_features)
            Series of any lengths; or an array (n_series, n_steps, n_features); or an array (n_series, n_steps) whose
            rows are series of one variable.
        y : array-like of shape (n_series,)

        Returns
        -------
        self
        """
        series = self._read(X, reset=True)
        y = column_or_1d(_checked(y, None), warn=True)
        check_consistent_length(series, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class, {self.classes_.tolist()[0]!r}: a classifier needs samples of at least two classes"
            )
        self._train(series, codes, Softmax(), len(self.classes_))
        return self

    def predict_proba(self, X):
        """Return probabilities.

        Parameters
        ----------
        X : as for `fit`

        Returns
        -------
        ndarray of shape (n_series, n_classes)
        """
        return Softmax().probabilities(self._answers(X))

    def predict(self, X):
        """Return labels.

        Parameters
        ----------
        X : as for `fit`

        Returns
        -------
        ndarray of shape (n_series,)
        """
        best = self._answers(X).argmax(axis=1)
        return self.classes_[best]


class SequenceRegressor(RegressorMixin, FixedSizeModel):
    """Predict numbers from sequences of any length with a recurrent network.

    Parameters
    ----------
    cell, n_units, n_layers, bidirectional, pooling, dropout, learning, random_state
        As for `SequenceClassifier`.

    Attributes
    ----------
    params_ : nested tuple of arrays
    losses_, validation_losses_ : ndarray of shape (n_epochs,)
    n_features_in_ : int

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.standard_normal((rng.integers(5, 15), 1)) for _ in range(60)]
    >>> y = [series[-1, 0] for series in X]
    >>> SequenceRegressor(n_units=8, random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Learn.

        Parameters
        ----------
        X : list of array-like of shape (n_steps, n_features)
            Series of any lengths, or arrays as for `SequenceClassifier.fit`.
        y : array-like of shape (n_series,) or (n_series, n_targets)

        Returns
        -------
        self
        """
        series = self._read(X, reset=True)
        y = _checked(y, np.float64)
        check_consistent_length(series, y)
        self.is_flat_ = y.ndim == 1
        y = y.reshape(len(y), -1)
        spread = y.std(axis=0)
        self.y_centre_, self.y_scale_ = y.mean(axis=0), np.where(spread > 0, spread, 1.0)
        targets = ((y - self.y_centre_) / self.y_scale_).astype(np.float32)
        self._train(series, targets, Squared(), y.shape[1])
        return self

    def predict(self, X):
        """Return numbers.

        Parameters
        ----------
        X : as for `fit`

        Returns
        -------
        ndarray of shape (n_series,) or (n_series, n_targets)
        """
        raw = self._answers(X)
        y = raw * self.y_scale_ + self.y_centre_
        return y[:, 0] if self.is_flat_ else y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _checked(y, dtype):
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None")
    return check_array(y, ensure_2d=False, dtype=dtype, input_name="y")
