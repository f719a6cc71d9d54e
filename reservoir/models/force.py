"""ForceGenerator: a reservoir that learns to generate a pattern while its own output is fed back."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context, clone
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from reservoir.contracts.default_parts import DefaultParts
from reservoir.contracts.random_source import make_rng, seed_open_parts
from reservoir.contracts.series_layout import Layout, refuse_masked
from reservoir.contracts.settings import check_settings, settings_of
from reservoir.readouts.online import OnlineReadout, RecursiveLeastSquares
from reservoir.reservoirs.base_reservoir import Reservoir, check_n_steps, refuse_future
from reservoir.reservoirs.echo_state import EchoState

_ONE_STEP = Layout(np.array([1]), "single")


def _chaotic_reservoir() -> EchoState:
    return EchoState(300, spectral_radius=1.5, leak_rate=0.2, topology="circular")


def _readout() -> RecursiveLeastSquares:
    return RecursiveLeastSquares(1.0)


class ForceGenerator(DefaultParts, BaseEstimator):
    r"""Generate a pattern by FORCE learning: the readout is trained while its own output is fed back.

    .. math:: s(t) = F\big(s(t-1), \phi\, y(t-1)\big), \qquad y(t) = V(t) s(t) + c(t)

    With teacher forcing a network sees only correct feedback in training. Here it sees what it says itself,
    and ``V`` and ``c`` are corrected at every step, fast enough that the output is near the pattern from the
    start: it learns to suppress its own errors, and a chaotic reservoir becomes a stable generator.

    Parameters
    ----------
    reservoir : Reservoir, optional
        One that is chaotic when left alone does best. It is cloned. Default:
        ``EchoState(300, spectral_radius=1.5, leak_rate=0.2, topology="circular")``.
    readout : RecursiveLeastSquares or LeastMeanSquares, optional
        Default: ``RecursiveLeastSquares(1.0)``; a smaller ``alpha`` learns faster and may become unstable.
    feedback_scaling : float, default=1.0
        ``phi``.
    n_epochs : int, default=1
        How often ``fit`` goes through the pattern, the end joined to the start.
    random_state : int, RandomState, Generator or None, default=None
        State at the start; also seeds the reservoir if its own ``random_state`` is None.

    Attributes
    ----------
    reservoir_, readout_ : estimators
        The fitted clones.
    outputs_ : ndarray of shape (n_steps, n_outputs)
        What was said in the last epoch, before each correction.
    final_state_ : ndarray of shape (state_size + n_outputs,)
        State at the end of training and the last output, from which ``generate`` goes on.
    n_features_in_ : int
        Width of the pattern.

    References
    ----------
    D. Sussillo, L. F. Abbott, Generating coherent patterns of activity from chaotic neural networks, Neuron 63
    (2009).

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(3000.0)
    >>> pattern = (np.sin(0.1 * t) + 0.5 * np.sin(0.2 * t)).reshape(-1, 1)
    >>> generator = ForceGenerator(random_state=0).fit(pattern[:2500])
    >>> bool(np.abs(generator.generate(500) - pattern[2500:]).max() < 0.1)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, None],
        "readout": [OnlineReadout, None],
        "feedback_scaling": [Interval(Real, None, None, closed="neither")],
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": _chaotic_reservoir, "readout": _readout}

    def __init__(self, reservoir=None, readout=None, *, feedback_scaling=1.0, n_epochs=1, random_state=None):
        self.reservoir = reservoir
        self.readout = readout
        self.feedback_scaling = feedback_scaling
        self.n_epochs = n_epochs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn to generate the pattern.

        Parameters
        ----------
        X : array-like of shape (n_steps, n_outputs)
            The pattern, step after step.
        y : ignored

        Returns
        -------
        self
        """
        refuse_masked(X, "X")
        pattern = validate_data(self, X, dtype=np.float64)
        rng = make_rng(self.random_state)
        self.reservoir_ = _chaotic_reservoir() if self.reservoir is None else clone(self.reservoir)
        if self.random_state is not None:
            seed_open_parts(self.reservoir_, rng)
        self.reservoir_.fit(pattern[:1])
        refuse_future(self.reservoir_, "a network with feedback")
        fed_back = self.feedback_scaling * np.vstack([np.zeros_like(pattern[:1]), pattern[:-1]])
        self.reservoir_.pretrain(fed_back, Layout(np.array([len(pattern)]), "single"))
        self.readout_ = _readout() if self.readout is None else clone(self.readout)
        start = 0.1 * rng.standard_normal((1, self.reservoir_.state_size_))
        self._learn(pattern, start, np.random.default_rng(rng.integers(2**63)))
        self.settings_ = settings_of(self, ("feedback_scaling",))
        return self

    def generate(self, n_steps, initial_state=None, return_state=False):
        """Go on with the pattern.

        Parameters
        ----------
        n_steps : int
        initial_state : array-like of shape (state_size + n_outputs,), optional
            Default: where training ended.
        return_state : bool, default=False
            Also return the state after the last step.

        Returns
        -------
        outputs : ndarray of shape (n_steps, n_outputs)
        state : ndarray of shape (state_size + n_outputs,)
            Only with ``return_state``.
        """
        check_is_fitted(self)
        check_settings(self)
        check_n_steps(n_steps, 1)
        state = self.final_state_ if initial_state is None else np.array(initial_state, dtype=float)
        if state.shape != self.final_state_.shape:
            raise ValueError(
                f"initial_state has shape {state.shape}, expected {self.final_state_.shape}: "
                "pass what return_state=True gave"
            )
        if not np.isfinite(state).all():
            raise ValueError("initial_state holds NaN or infinity: pass what return_state=True gave")
        size, n_outputs = self.reservoir_.state_size_, self.n_features_in_
        weights = np.hstack([self.readout_.coef_, np.zeros((n_outputs, n_outputs))])
        outputs, end, n_done = self.reservoir_.run_free(
            n_steps,
            weights,
            self.readout_.intercept_,
            state[:size],
            state[size:],
            gain=self.feedback_scaling,
        )
        if n_done < n_steps:
            raise ValueError(
                f"the generator diverged at step {n_done}: raise alpha of the readout, or lower feedback_scaling"
            )
        return (outputs, np.concatenate([end, outputs[-1]])) if return_state else outputs

    def _learn(self, pattern, state, noise_rng):
        """Go through the pattern, one step of the reservoir and one of the readout after the other."""
        readout = self.readout_
        readout.n_features_in_ = self.reservoir_.n_states_
        readout.start(readout.n_features_in_, pattern.shape[1:])
        self.outputs_ = np.zeros_like(pattern)
        said = np.zeros(pattern.shape[1])
        for _ in range(self.n_epochs):
            for t in range(len(pattern)):
                fed_back = self.feedback_scaling * said[np.newaxis]
                states, state = self.reservoir_.drive(fed_back, _ONE_STEP, state, noise_rng)
                self.outputs_[t] = readout.respond(states[0])
                readout.learn(states, pattern[t : t + 1])
                said = readout.respond(states[0])
        readout.publish()
        self.final_state_ = np.concatenate([state[0], said])
