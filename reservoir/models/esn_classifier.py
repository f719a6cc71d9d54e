"""ESNClassifier: any reservoir and any readout, a label at every step or one per series."""

from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context, is_classifier
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from reservoir.contracts.series_layout import stack, stack_targets
from reservoir.contracts.settings import check_settings, settings_of
from reservoir.models.base_network import EchoStateNetwork
from reservoir.models.harvest import after_washout, harvest, refuse_boundless
from reservoir.reservoirs.base_reservoir import FLOATS


def _readout_gives_probabilities(model):
    return hasattr(getattr(model, "readout_", model.readout), "predict_proba")


class ESNClassifier(ClassifierMixin, EchoStateNetwork):
    r"""Echo-state network for classification: a label at every step, or one per series.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Default: ``EchoState()``. It is cloned.
    readout : classifier or regressor, optional
        Any scikit-learn classifier, or a regressor, which is fitted on indicators (1 for the class, -1 for
        the others) and classifies by the largest value. Default: ``RidgeReadout()``.
    washout : int, default=0
        Rows at the start of each series that are left out of training, at most half of it; for one label
        per series, left out of mean states.
    pooling : None, "last", "mean", "mean_last" or "segments", default=None
        None predicts a label for every row. Otherwise one for each series, from its last state, its mean
        state, both side by side, or the mean states of ``n_segments`` equal parts of it, one after the other.
    n_segments : int, default=3
        Only for ``pooling="segments"``.
    input_skip : bool, default=False
        Let the readout see the inputs beside the states.
    random_state : int, RandomState, Generator or None, default=None
        Seeds every part whose own ``random_state`` is None.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of the rows that are learned from.
    reservoir_, readout_ : estimators
        The fitted clones.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> rng = np.random.default_rng(0)
    >>> t = np.arange(60.0)[:, np.newaxis]
    >>> slow = [np.sin(0.2 * t + rng.uniform(0, 6)) for _ in range(20)]
    >>> fast = [np.sin(0.3 * t + rng.uniform(0, 6)) for _ in range(20)]
    >>> labels = ["slow"] * 20 + ["fast"] * 20
    >>> model = ESNClassifier(EchoState(50, random_state=0), pooling="mean").fit(slow + fast, labels)
    >>> model.predict([np.sin(0.3 * t + 1.0)]).tolist()
    ['fast']
    """

    _parameter_constraints: ClassVar[dict] = {
        **EchoStateNetwork._parameter_constraints,
        "pooling": [StrOptions({"last", "mean", "mean_last", "segments"}), None],
        "n_segments": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        reservoir=None,
        readout=None,
        *,
        washout=0,
        pooling=None,
        n_segments=3,
        input_skip=False,
        random_state=None,
    ):
        self.reservoir = reservoir
        self.readout = readout
        self.washout = washout
        self.pooling = pooling
        self.n_segments = n_segments
        self.input_skip = input_skip
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, groups=None):
        """Drive the reservoir over the series and learn the readout.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), list of such, or array (n_series, n_steps, n_features)
        y : array-like of shape (n_rows,) or, with ``pooling``, (n_series,) or (n_rows,)
            Labels per row; with pooling per series, or per row and equal within a series.
        groups : array-like of shape (n_rows,), optional
            Label of the series of each row.

        Returns
        -------
        self
        """
        rows, layout = stack(X, groups)
        targets = stack_targets(y, layout)
        rows, targets = self._validate(rows, targets, layout)
        check_classification_targets(targets)
        counted = targets if self.pooling is not None else targets[after_washout(self.washout, layout)]
        self.classes_ = np.unique(counted)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class, {self.classes_.tolist()[0]!r}{self._left_out()}: a classifier needs samples of at "
                "least two classes"
            )
        seed = self._start(rows, layout)
        self._by_label = is_classifier(self.readout_)
        signs = np.where(targets[:, np.newaxis] == self.classes_, 1.0, -1.0)
        answers = targets if self._by_label else signs
        if self.pooling is None:
            self._train(rows, rows, answers, layout, seed)
        else:
            pooled = self._pooled(rows, layout, np.random.default_rng(seed))
            refuse_boundless(self.reservoir_, pooled)
            self.readout_.fit(pooled, answers)
        self.settings_ = settings_of(self, ("pooling", "n_segments", "washout", "input_skip"))
        return self

    def predict(self, X, groups=None):
        """Predict labels, for every row or, with ``pooling``, for every series.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features), list of such, or array (n_series, n_steps, n_features)
        groups : array-like of shape (n_rows,), optional
            Label of the series of each row.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_series,), or per row in the form of ``X``
        """
        labels, layout = self._answer(X, groups, "predict")
        if not self._by_label:
            labels = self.classes_[np.argmax(labels, axis=1)]
        return self._restored(labels, layout)

    def decision_function(self, X, groups=None):
        """Return the value of each class: the prediction of its indicator, or the readout's own.

        Parameters
        ----------
        X, groups : see ``predict``

        Returns
        -------
        ndarray of shape (n_rows or n_series, n_classes), or (n_rows or n_series,) for two classes
        """
        values, layout = self._answer(X, groups, None)
        if not self._by_label and len(self.classes_) == 2:
            values = values[:, 1] - values[:, 0]
        return self._restored(values, layout)

    @available_if(_readout_gives_probabilities)
    def predict_proba(self, X, groups=None):
        """Return the probability of each class, by a readout that has them.

        Parameters
        ----------
        X, groups : see ``predict``

        Returns
        -------
        ndarray of shape (n_rows or n_series, n_classes), or per row in the form of ``X``
        """
        return self._restored(*self._answer(X, groups, "predict_proba"))

    def score(self, X, y, sample_weight=None, groups=None):
        """Return the fraction of labels that are right.

        Parameters
        ----------
        X, groups : see ``predict``
        y : array-like
            Labels as in ``fit``.
        sample_weight : array-like, optional
            One weight per row or, with ``pooling``, per series.

        Returns
        -------
        float
        """
        _, layout = stack(X, groups)
        truth = np.asarray(stack_targets(y, layout))
        predicted = np.asarray(stack_targets(self.predict(X, groups), layout))
        if self.pooling is not None and len(truth) != len(predicted):
            truth = truth[layout.starts]
        return float(accuracy_score(truth, predicted, sample_weight=sample_weight))

    # ---------------------------------------------------------------- private

    def _left_out(self):
        """What a message says of rows that do not count."""
        return f" in the rows after washout={self.washout}" if self.washout and self.pooling is None else ""

    def _validate(self, rows, targets, layout):
        """Validated rows and targets, one per row or, with pooling, one per series."""
        if self.pooling is None:
            if np.asarray(targets).shape[:1] == layout.lengths.shape != (len(rows),):
                raise ValueError(
                    f"y has one label for each of the {len(layout.lengths)} series, pooling=None labels every row: "
                    "set pooling='mean', or give a label per row"
                )
            return validate_data(self, rows, targets, dtype=FLOATS)
        targets = validate_data(self, y=targets)  # not both together: they may differ in length
        rows = validate_data(self, rows, dtype=FLOATS)
        if len(targets) == len(layout.lengths):
            return rows, targets
        if len(targets) != len(rows):
            raise ValueError(
                f"y has {len(targets)} labels for {len(layout.lengths)} series of {len(rows)} rows in all: give one "
                "label per series, or one per row"
            )
        first = targets[layout.starts]
        if (targets != np.repeat(first, layout.lengths)).any():
            raise ValueError("y changes within a series: with pooling, all rows of a series have one label")
        return rows, first

    def _answer(self, X, groups, method):
        check_is_fitted(self)
        check_settings(self)
        rows, layout = stack(X, groups)
        rows = validate_data(self, rows, dtype=FLOATS, reset=False)
        if method is None:
            method = "decision_function" if self._by_label else "predict"
        if self.pooling is not None:
            return getattr(self.readout_, method)(self._pooled(rows, layout)), layout
        state = self.reservoir_.zero_states(len(layout.lengths), rows.dtype)
        return self._readout_of(rows, rows, layout, state, method), layout

    def _restored(self, values, layout):
        return values if self.pooling is not None else layout.restore(values)

    def _pooled(self, rows, layout, noise_rng=None):
        """One row of features per series."""
        n_series = len(layout.lengths)
        n_parts = {"segments": self.n_segments, "mean_last": 2}.get(self.pooling, 1)
        width = self.reservoir_.n_states_ + (rows.shape[1] if self.input_skip else 0)
        sums = np.zeros((n_series * n_parts, width), dtype=rows.dtype)
        counts = np.zeros(n_series * n_parts)
        state = self.reservoir_.zero_states(n_series, rows.dtype)
        usable = after_washout(self.washout, layout)
        for index, position, states in harvest(self.reservoir_, rows, layout, state, noise_rng):
            series = np.searchsorted(layout.starts, index, side="right") - 1 if n_series > 1 else 0 * position
            seen = self._features(states, rows[index])
            for part, kept in self._parts(usable[index], layout, series, position):
                cell = (series * n_parts + part)[kept]
                np.add.at(sums, cell, seen[kept])
                counts += np.bincount(cell, minlength=len(counts))
        return (sums / np.maximum(counts, 1)[:, np.newaxis].astype(rows.dtype)).reshape(n_series, -1)

    def _parts(self, usable, layout, series, position):
        """Yield the part of its series that each row belongs to, and the rows that count for it."""
        if self.pooling == "segments":
            first = np.minimum(self.washout, layout.lengths // 2)[series]
            length = layout.lengths[series] - first
            yield np.maximum(position - first, 0) * self.n_segments // length, usable
            return
        if self.pooling != "last":
            yield 0, usable
        if self.pooling != "mean":
            yield int(self.pooling == "mean_last"), position == layout.lengths[series] - 1
