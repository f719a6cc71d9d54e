"""TreeClassifier: a recursive network over trees of symbols."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from forecasting.sequence_models.layers.base_layer import SIZE, init_weights, weights_grad
from forecasting.sequence_models.layers.embedding import Softmax
from forecasting.sequence_models.layers.trees import Composition, parted, plant
from forecasting.sequence_models.learning import Learning, NetworkModel
from reservoir.contracts.random_source import make_rng


class TreeClassifier(ClassifierMixin, NetworkModel, BaseEstimator):
    """Classify trees by the vector at their root.

    A tree is a symbol, or a tuple of a symbol and its children: ``("and", "true", ("not", "false"))``. One
    composition is shared by all nodes, see `forecasting.sequence_models.layers.trees`.

    Parameters
    ----------
    n_units : int, default=32
        Length of the vector of a node.
    learning : Learning, optional
        Epochs, batches, optimizer, early stopping.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    symbols_ : tuple
        In the order of their codes.
    params_ : nested tuple of arrays
    losses_, validation_losses_ : ndarray of shape (n_epochs,)

    Examples
    --------
    >>> trees = ["yes", "no", ("not", "yes"), ("not", "no"), ("not", ("not", "yes"))] * 10
    >>> model = TreeClassifier(n_units=8, random_state=0).fit(trees, [True, False, False, True, True] * 10)
    >>> model.predict([("not", ("not", "no"))])
    array([False])
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_units": SIZE,
        "learning": [Learning, None],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(self, n_units=32, *, learning=None, random_state=None):
        self.n_units = n_units
        self.learning = learning
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Learn.

        Parameters
        ----------
        X : list of tree
        y : array-like of shape (n_trees,)

        Returns
        -------
        self
        """
        check_consistent_length(X, y)
        y = column_or_1d(y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class, {self.classes_.tolist()[0]!r}: a classifier needs samples of at least two classes"
            )
        symbols, arity, sizes = _inventory(X)
        self.symbols_ = tuple(sorted(symbols, key=repr))
        self.composition_ = composition = Composition(self.n_units, arity=max(1, arity))
        rng, head = make_rng(self.random_state), Softmax()

        def forest(places):
            return self._plant([X[i] for i in places])

        def loss_and_grad(params, places, rng, progress):
            roots, tape = composition.forward(params[0], forest(places))
            loss, grad = head.loss_and_grad(roots @ params[1].weights + params[1].bias, codes[places])
            inner = composition.backward(params[0], tape, grad @ params[1].weights.T)
            return loss, (inner, weights_grad(roots, grad))

        def loss(params, places):
            return head.loss_and_grad(self._raw(params, forest(places)), codes[places])[0]

        output = init_weights(self.n_units, len(self.classes_), rng, np.float32)
        params = (composition.init_params(len(self.symbols_), rng), output)
        self._learn(params, loss_and_grad, loss, sizes, rng)
        return self

    def predict_proba(self, X):
        """Return probabilities.

        Parameters
        ----------
        X : list of tree

        Returns
        -------
        ndarray of shape (n_trees, n_classes)
        """
        params = self._exact_params()
        return Softmax().probabilities(self._raw(params, self._plant(X)))

    def predict(self, X):
        """Return labels.

        Parameters
        ----------
        X : list of tree

        Returns
        -------
        ndarray of shape (n_trees,)
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _plant(self, trees):
        codes = {symbol: code for code, symbol in enumerate(self.symbols_)}
        return plant(trees, codes, self.composition_.arity)

    def _raw(self, params, forest):
        return self.composition_.forward(params[0], forest).outputs @ params[1].weights + params[1].bias


def _inventory(trees):
    """Return all symbols, the most children of a node, and the number of nodes of every tree."""
    symbols, arity, sizes = set(), 0, []
    for tree in trees:
        todo, size = [tree], 0
        while todo:
            node = todo.pop()
            symbol, children = parted(node)
            symbols.add(symbol)
            arity, size = max(arity, len(children)), size + 1
            todo.extend(children)
        sizes.append(size)
    return symbols, arity, np.array(sizes)
