"""SequenceTransducer, SequenceTagger: from a sequence to one of the same length, numbers or labels at every step."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from forecasting.networks.heads import Squared
from forecasting.sequence_models.bodies import BODY, N_UNITS, recurrent_layers
from forecasting.sequence_models.layers.base_layer import Dense
from forecasting.sequence_models.layers.combinators import Chain, Dropout, repeated
from forecasting.sequence_models.layers.embedding import Softmax
from forecasting.sequence_models.layers.free_runs import feed_back
from forecasting.sequence_models.layers.padding import is_there, masked_loss, pad
from forecasting.sequence_models.learning import Learning, NetworkModel
from reservoir.contracts.random_source import make_rng
from reservoir.contracts.series_layout import stack, stack_targets
from reservoir.contracts.settings import check_settings, settings_of


class SameLengthModel(NetworkModel):
    r"""Base: an output at every step, with recurrence through hidden units, outputs or both.

    .. math:: h(t) = \mathrm{layers}\big(x(t), [y(t-1)], [h(t-1)]\big), \qquad y(t) = h(t) C + c

    Without hidden recurrence (Jordan 1986), and with the targets as :math:`y(t-1)`, all steps are independent.
    """

    _parameter_constraints: ClassVar[dict] = {
        **BODY,
        "recurrence": [StrOptions({"hidden", "output", "both"})],
        "teacher_forcing": [Interval(Real, 0, 1, closed="both")],
        "learning": [Learning, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        cell="gru",
        *,
        n_units=None,
        n_layers=1,
        recurrence="hidden",
        bidirectional=False,
        teacher_forcing=1.0,
        dropout=0.0,
        learning=None,
        random_state=None,
    ):
        self.cell = cell
        self.n_units = n_units
        self.n_layers = n_layers
        self.recurrence = recurrence
        self.bidirectional = bidirectional
        self.teacher_forcing = teacher_forcing
        self.dropout = dropout
        self.learning = learning
        self.random_state = random_state

    # What numbers and labels differ in.

    _hears_labels: ClassVar[bool]  # a step hears which output was largest, not the numbers

    def _told(self, targets):
        """Return what steps are told of a block of targets, (n_steps, n_series, n_outputs)."""
        raise NotImplementedError

    def _network(self, n_outputs):
        hidden = self.recurrence == "hidden"
        if self.bidirectional and not hidden:
            raise ValueError(
                f"recurrence={self.recurrence!r} writes outputs one after the other, and bidirectional=True reads "
                "the end first: use recurrence='hidden'"
            )
        if hidden and self.teacher_forcing < 1:
            raise ValueError(
                f"recurrence='hidden' hears no outputs: teacher_forcing={self.teacher_forcing} needs 'output' "
                "or 'both'"
            )
        if self.recurrence == "output":
            n_units = N_UNITS if self.n_units is None else self.n_units
            layer = Chain([Dense(n_units, activation="tanh"), Dropout(self.dropout)])
            return Chain([repeated(layer, self.n_layers), Dense(n_outputs)])
        body = recurrent_layers(self.cell, self.n_units, self.n_layers, self.bidirectional, self.dropout)
        return Chain([*body, Dense(n_outputs)])

    def _train(self, rows, targets, layout, head, n_outputs):
        spread = rows.std(axis=0)
        self.centre_, self.scale_ = rows.mean(axis=0), np.where(spread > 0, spread, 1.0)
        series = self._cut(((rows - self.centre_) / self.scale_).astype(np.float32), layout)
        answers = self._cut(targets, layout)
        self.network_ = network = self._network(n_outputs)
        self.n_outputs_ = n_outputs
        self.settings_ = settings_of(self, ("recurrence",))
        feedback = self.recurrence != "hidden"
        rng = make_rng(self.random_state)

        def block(places):
            x, lengths = pad([series[i] for i in places])
            return x, pad([answers[i] for i in places])[0], lengths, is_there(lengths, *x.shape[:2])

        def loss_and_grad(params, places, rng, progress):
            x, y, lengths, there = block(places)
            if feedback:
                x = self._with_feedback(params, x, y, rng, progress)
            raw, tape = network.forward(params, x, lengths, rng)
            loss, grad = masked_loss(head, raw, y, there)
            return loss, network.backward(params, tape, grad)[0]

        def loss(params, places):
            """As it will be used: with output recurrence the network hears what it says."""
            x, y, lengths, there = block(places)
            if feedback:
                raw, _ = self._run_free(params, x)
            else:
                raw = network.forward(params, x, lengths).outputs
            return masked_loss(head, raw, y, there)[0]

        width = rows.shape[1] + (n_outputs if feedback else 0)
        params = network.init_params(width, rng)
        if feedback:  # layers that cannot go step by step are refused before they are trained
            network.parts(params, width, 1)
        self._learn(params, loss_and_grad, loss, layout.lengths, rng)

    def _with_feedback(self, params, x, y, rng, progress):
        """Return inputs with the targets before them; with scheduled mixing some are the network's own outputs."""
        told = np.zeros((*x.shape[:2], self.n_outputs_), x.dtype)
        told[1:] = self._told(y[:-1])
        share = 1 - progress * (1 - self.teacher_forcing)
        if share < 1:
            own = rng.random(told.shape[:2]) >= share
            return self._run_free(params, x, told, own)[1]
        return np.concatenate([x, told], axis=2)

    def _run_free(self, params, x, told=None, own=None):
        """Return raw outputs and inputs with what was told after them: own outputs, or where ``own`` says so."""
        n_steps, n_series, n_features = x.shape
        if told is None:
            told, own = np.zeros((n_steps, n_series, self.n_outputs_), x.dtype), np.ones(x.shape[:2], bool)
        heard, raw = np.concatenate([x, told], axis=2), np.empty_like(told)
        parts = self.network_.parts(params, heard.shape[2], n_series)
        feed_back(parts, heard, n_features, own, self._hears_labels, raw)
        return raw, heard

    def _answers(self, X, groups):
        """Return raw outputs for all rows, stacked, and the layout."""
        params = self._exact_params()
        check_settings(self)
        rows, layout = stack(X, groups)
        rows = validate_data(self, rows, dtype=np.float64, reset=False)
        x, lengths = pad(self._cut((rows - self.centre_) / self.scale_, layout))
        if self.recurrence == "hidden":
            raw = self.network_.forward(params, x, lengths).outputs
        else:
            raw, _ = self._run_free(params, x)
        return raw.swapaxes(0, 1)[is_there(lengths, *x.shape[:2]).T], layout

    def _rows_to_score(self, X, y, groups):
        """Return targets and predictions of all rows, stacked."""
        _, layout = stack(X, groups)
        return stack_targets(y, layout), stack_targets(self.predict(X, groups), layout)

    @staticmethod
    def _cut(rows, layout):
        return [rows[start : start + n] for start, n in zip(layout.starts, layout.lengths)]


class SequenceTransducer(RegressorMixin, SameLengthModel):
    """Turn a sequence into numbers of the same length.

    Parameters
    ----------
    cell : str, Cell or Layer, default="gru"
        A name in `forecasting.networks.CELLS`, a cell with its own size, or a layer made of such.
    n_units : int, optional
        Units of a layer, for a cell given by name or for ``recurrence="output"``. Default: 32.
    n_layers : int, default=1
    recurrence : {"hidden", "output", "both"}, default="hidden"
        What a step hears of the past: the hidden units before (Elman 1990); the output before, through a hidden layer
        without memory (Jordan 1986), for which ``cell`` is not used; or both.
    bidirectional : bool, default=False
        Read forwards and backwards; for ``recurrence="hidden"``.
    teacher_forcing : float, default=1.0
        With output recurrence: part of the outputs heard that are targets at the end of training; it falls linearly
        from 1. The rest are the network's own, through which no gradient goes (Bengio et al. 2015).
    dropout : float, default=0.0
        Part of what leaves each recurrent layer that is dropped in training.
    learning : Learning, optional
        Epochs, batches, optimizer, early stopping.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    params_ : nested tuple of arrays
    losses_, validation_losses_ : ndarray of shape (n_epochs,)
    n_features_in_ : int

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.standard_normal((20, 1)) for _ in range(30)]
    >>> y = [np.vstack([np.zeros((1, 1)), series[:-1]]) for series in X]  # the input one step ago
    >>> model = SequenceTransducer("rnn", n_units=8, random_state=0).fit(X, y)
    >>> bool(np.abs(model.predict(X[:1])[0] - y[0]).max() < 0.5)
    True
    """

    _hears_labels = False

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, groups=None):
        """Learn.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_features), list of such, or array (n_series, n_steps, n_features)
        y : in the form of ``X``, of shape (n_steps,) or (n_steps, n_targets) each
        groups : array-like of shape (n_rows,), optional
            Label of the series of each row, for rows stacked in one array.

        Returns
        -------
        self
        """
        rows, layout = stack(X, groups)
        rows, y = validate_data(
            self, rows, stack_targets(y, layout), dtype=np.float64, multi_output=True, y_numeric=True
        )
        self.is_flat_ = y.ndim == 1
        y = y.reshape(len(y), -1).astype(np.float64)
        spread = y.std(axis=0)
        self.y_centre_, self.y_scale_ = y.mean(axis=0), np.where(spread > 0, spread, 1.0)
        targets = ((y - self.y_centre_) / self.y_scale_).astype(np.float32)
        self._train(rows, targets, layout, Squared(), y.shape[1])
        return self

    def predict(self, X, groups=None):
        """Return numbers at every step.

        Parameters
        ----------
        X, groups
            As for `fit`.

        Returns
        -------
        In the form of ``X``.
        """
        raw, layout = self._answers(X, groups)
        y = raw * self.y_scale_ + self.y_centre_
        return layout.restore(y[:, 0] if self.is_flat_ else y)

    def score(self, X, y, sample_weight=None, groups=None):
        """Return the coefficient of determination over all steps, the mean over targets.

        Parameters
        ----------
        X, y, groups
            As for `fit`.
        sample_weight : array-like of shape (n_rows,), optional

        Returns
        -------
        float
        """
        truth, predicted = self._rows_to_score(X, y, groups)
        return r2_score(truth, predicted, sample_weight=sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _told(self, targets):
        return targets


class SequenceTagger(ClassifierMixin, SameLengthModel):
    """Label every step of a sequence.

    Parameters
    ----------
    cell, n_units, n_layers, recurrence, bidirectional, teacher_forcing, dropout, learning, random_state
        As for `SequenceTransducer`; with output recurrence a step hears which label came before.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    params_ : nested tuple of arrays
    losses_, validation_losses_ : ndarray of shape (n_epochs,)
    n_features_in_ : int

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.standard_normal((20, 1)) for _ in range(30)]
    >>> y = [np.where(np.append(series[1:, 0], 0) > 0, "up", "down") for series in X]  # by what comes next
    >>> model = SequenceTagger(n_units=8, bidirectional=True, random_state=0).fit(X, y)
    >>> bool((model.predict(X[:1])[0] == y[0]).mean() > 0.9)
    True
    """

    _hears_labels = True

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, groups=None):
        """Learn.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_features), list of such, or array (n_series, n_steps, n_features)
        y : in the form of ``X``, of shape (n_steps,) each
            Labels.
        groups : array-like of shape (n_rows,), optional
            Label of the series of each row, for rows stacked in one array.

        Returns
        -------
        self
        """
        rows, layout = stack(X, groups)
        rows, y = validate_data(self, rows, stack_targets(y, layout), dtype=np.float64)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class, {self.classes_.tolist()[0]!r}: a classifier needs samples of at least two classes"
            )
        self._train(rows, codes, layout, Softmax(), len(self.classes_))
        return self

    def predict(self, X, groups=None):
        """Return a label for every step.

        Parameters
        ----------
        X, groups
            As for `fit`.

        Returns
        -------
        In the form of ``X``.
        """
        raw, layout = self._answers(X, groups)
        return layout.restore(self.classes_[raw.argmax(axis=1)])

    def score(self, X, y, sample_weight=None, groups=None):
        """Return the part of all steps whose label is right.

        Parameters
        ----------
        X, y, groups
            As for `fit`.
        sample_weight : array-like of shape (n_rows,), optional

        Returns
        -------
        float
        """
        truth, predicted = self._rows_to_score(X, y, groups)
        return float(accuracy_score(truth, predicted, sample_weight=sample_weight))

    def predict_proba(self, X, groups=None):
        """Return probabilities for every step.

        Parameters
        ----------
        X, groups
            As for `fit`.

        Returns
        -------
        In the form of ``X``, (n_steps, n_classes) each.
        """
        raw, layout = self._answers(X, groups)
        return layout.restore(Softmax().probabilities(raw))

    def _told(self, targets):
        return np.eye(self.n_outputs_, dtype=np.float32)[targets]
