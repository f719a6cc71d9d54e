"""Forecasts of a trained recurrent network: points, quantiles and possible futures of many windows at once.

A state is the newest window of a series; everything here is a pure function of it.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from forecasting.recurrent.autoregression import added_to
from forecasting.recurrent.window_network import Network, Parameters, Scaled, predict_raw, run_free, scaled
from forecasting.recurrent.windows import WindowBatch, WindowScale, filled, units_of

AT_ONCE = 512  # windows, so that memory does not grow with the number of series
N_PATHS = 500  # behind the quantiles of what has been fed back; one part, so that steps are drawn in order


class State(NamedTuple):
    """Where one series stands.

    Parameters
    ----------
    values : ndarray of shape (n_steps, n_targets)
        The last observations, as many as the window is long, or all of a shorter series.
    exog : ndarray of shape (n_steps, n_exog)
        Standardised exogenous variables of the same steps.
    """

    values: np.ndarray
    exog: np.ndarray


class TrainedNetwork(NamedTuple):
    """A network with its parameters, and the units that it reads.

    Parameters
    ----------
    network : Network
    params : Parameters
    centre, scale : str or None
        See `units_of`.
    overall : WindowScale
        Mean and standard deviation of the training series, (n_targets,).
    exog_units : WindowScale
        Of the exogenous variables, (n_exog,).
    past_only : tuple of int
        The exogenous variables of which nothing is known after the origin.
    least : ndarray of shape (n_targets,) or float
        The least scale of a window.
    linear : Dense or ()
        The regression whose forecast is added.
    """

    network: Network
    params: Parameters
    centre: Any
    scale: Any
    overall: WindowScale
    exog_units: WindowScale
    past_only: tuple = ()
    least: Any = 0.0
    linear: Any = ()

    @property
    def dtype(self) -> Any:
        """The precision of the parameters."""
        return self.params.output.weights.dtype.type

    def units(self, past: np.ndarray) -> WindowScale:
        """Return the units of some windows: 1 and the mean more for counts, which are not centred."""
        if self.network.head.counts:
            return WindowScale(np.zeros(past.shape[1:]), 1 + np.abs(past).mean(axis=0))
        is_distribution = self.network.head.is_distribution
        return units_of(past, self.centre, self.scale, self.overall, self.least, is_distribution)

    def standard_exog(self, exog: np.ndarray | None, n_steps: int) -> np.ndarray:
        """Return exogenous variables in their units; without any, no columns."""
        if exog is None:
            return np.zeros((n_steps, 0))
        return (exog - self.exog_units.centre) / self.exog_units.scale

    def scaled(self, batch: WindowBatch) -> tuple[Scaled, WindowScale]:
        """Bring a batch into the units of its windows; what is known of the past alone stands at its mean, 0."""
        units = self.units(batch.past)
        if self.past_only:
            known = batch.future_exog.copy()
            known[..., list(self.past_only)] = 0
            batch = batch._replace(future_exog=known)
        network, ready = self.network, scaled(batch, units, self.network.head, self.dtype)
        if len(self.linear):
            ready = added_to(ready, self.linear, network.horizon, network.head.locations)
        return ready, units


def advanced(state: State, values: np.ndarray, exog: np.ndarray, window: int) -> State:
    """Return the state after further observations."""
    later = State(np.concatenate([state.values, values]), np.concatenate([state.exog, exog]))
    return State(later.values[-window:].copy(), later.exog[-window:].copy())


def heard(trained: TrainedNetwork, states: list) -> np.ndarray:
    """Return what the stack hears of the newest windows, (n_steps, n_windows, width): scaled, cut, projected."""
    network = trained.network
    past, past_exog = _newest(states, network.window)
    batch, _ = trained.scaled(WindowBatch(past, past_exog, past[:1], past_exog[:1]))
    z, exog = batch.past, batch.past_exog
    if network.strategy == "recursive":  # which reads variables of the step after
        z, exog = z[:-1], exog[1:]
    return network.read(trained.params, z, exog)[0]


def point_paths(trained: TrainedNetwork, states: list, n_steps: int, exog: list | None) -> list[np.ndarray]:
    """Return the point forecast of every state, (n_steps, n_targets)."""
    return _in_parts(trained, states, n_steps, exog, trained.network.head.mean)


def sample_paths(
    trained: TrainedNetwork,
    states: list,
    n_steps: int,
    exog: list | None,
    n_samples: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Return possible futures of every state, (n_samples, n_steps, n_targets)."""
    answers, draw = [], partial(trained.network.head.sample, rng=rng)
    for i, state in enumerate(states):
        known = None if exog is None else [exog[i]] * n_samples
        paths = _in_parts(trained, [state] * n_samples, n_steps, known, draw)
        answers.append(np.stack(paths))
    return answers


def quantile_paths(
    trained: TrainedNetwork, states: list, n_steps: int, exog: list | None, levels: list
) -> list[np.ndarray]:
    """Return quantiles of every state, (n_steps, n_targets, n_levels).

    Those of the head for steps that are forecast from observations alone; for later ones, and for a recursive network
    from its second step on, those of sampled paths, of which the same are drawn in each call.
    """
    network = trained.network
    n_exact = min(1 if network.strategy == "recursive" else network.horizon, n_steps)
    known = None if exog is None else [X[:n_exact] for X in exog]
    each = [_in_parts(trained, states, n_exact, known, partial(network.head.quantile, q=q)) for q in levels]
    exact = [np.stack(paths, axis=-1) for paths in zip(*each)]
    if n_exact == n_steps:
        return exact
    drawn = sample_paths(trained, states, n_steps, exog, N_PATHS, np.random.default_rng(0))
    method: Any = "inverted_cdf" if network.head.counts else "linear"  # a quantile of counts is a count
    later = [np.quantile(paths[:, n_exact:], levels, axis=0, method=method) for paths in drawn]
    later = [np.moveaxis(quantiles, 0, -1) for quantiles in later]
    return [np.concatenate(pair) for pair in zip(exact, later)]


def _in_parts(trained, states, n_steps, exog, read):
    """Answer for some windows at a time: list of (n_steps, n_targets)."""
    paths = []
    for start in range(0, len(states), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        known = None if exog is None else exog[part]
        paths += list(_paths(trained, states[part], n_steps, known, read).swapaxes(0, 1))
    return paths


def _paths(trained, states, n_steps, exog, read):
    """Return (n_steps, n_windows, n_targets): ``read`` makes of raw numbers what is answered and fed back."""
    network = trained.network
    n_exog = len(trained.exog_units.centre)
    ahead = np.zeros((n_steps, len(states), n_exog))
    if exog is not None:
        ahead[:] = trained.standard_exog(np.stack(exog, axis=1), n_steps)
    past, past_exog = _newest(states, network.window)
    if network.strategy == "recursive":
        return _recursive(trained, past, past_exog, ahead, read)
    if trained.past_only and n_steps > network.horizon:
        raise ValueError(
            f"{n_steps} steps need past_only={trained.past_only} of X beyond the first "
            f"max_horizon={network.horizon}, where it is not known: fit with a larger max_horizon"
        )
    parts = []
    for begin in range(0, n_steps, network.horizon):
        here = ahead[begin : begin + network.horizon]
        filled_up = np.zeros((network.horizon, *here.shape[1:]))
        filled_up[: len(here)] = here
        future = np.zeros((network.horizon, *past.shape[1:]))  # is not read
        batch, units = trained.scaled(WindowBatch(past, past_exog, future, filled_up))
        parts.append(_values(trained, read(predict_raw(network, trained.params, batch)), units))
        past = np.concatenate([past, parts[-1]])[-network.window :]
        past_exog = np.concatenate([past_exog, filled_up])[-network.window :]
    return np.concatenate(parts)[:n_steps]


def _newest(states, window):
    """Return the windows of some states, (window, n_windows, n_targets) and (window, n_windows, n_exog)."""
    parts = zip(*((filled(state.values, window), filled(state.exog, window)) for state in states))
    values, exog = (np.stack(part, axis=1) for part in parts)
    return values, exog


def _recursive(trained, past, past_exog, ahead, read):
    n_steps = len(ahead)
    batch, units = trained.scaled(WindowBatch(past, past_exog, past[:1], ahead))
    answers = []

    def feed(raw, step):
        answers.append(_values(trained, read(raw), units))
        return units.standard(answers[-1][np.newaxis])[0]

    with np.errstate(all="ignore"):  # what is not finite is looked for below
        raws = run_free(trained.network, trained.params, batch, feed, n_steps)
        answers.append(_values(trained, read(raws[-1]), units))
    paths = np.stack(answers)
    _warn_of_divergence(~np.isfinite(paths).all(axis=(1, 2)))
    return paths


def _warn_of_divergence(is_lost):
    if is_lost.any():
        warnings.warn(
            f"the free run diverged: step {int(is_lost.argmax()) + 1} of {len(is_lost)} is not finite. Take a cell "
            "whose state is bounded, such as 'gru' or 'lstm', or a max_horizon nearer to the steps asked for",
            RuntimeWarning,
            stacklevel=8,  # the call of `predict`
        )


def _values(trained, z, units):
    """Return what was read from raw numbers in the units of the series."""
    z = z.astype(np.float64)
    return z if trained.network.head.counts else units.restore(z)
