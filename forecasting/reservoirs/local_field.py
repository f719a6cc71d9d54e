"""LocalReservoirForecaster: spatially extended systems by many small reservoirs, each over a neighbourhood."""

import math
from numbers import Integral, Real
from typing import ClassVar, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from forecasting.base.forecaster import Forecaster
from forecasting.reservoirs.divergence import without_divergence
from reservoir import EchoState, RidgeReadout
from reservoir.contracts.default_parts import DefaultParts
from reservoir.contracts.random_source import make_rng, seed_open_parts
from reservoir.contracts.settings import check_settings
from reservoir.kernels.threads import N_JOBS
from reservoir.models.closed_loop import ClosedLoop
from reservoir.models.local_patches import (
    Group,
    Patches,
    cut_patches,
    drive_patches,
    joined_patches,
    pretrain_patches,
    run_patches_free,
    train_patches,
)
from reservoir.reservoirs.base_reservoir import Reservoir, refuse_future


class FieldState(NamedTuple):
    """Where one field stands: the reservoirs' states before its last step, (n_patches, state_size), and that step."""

    reservoir: np.ndarray
    last: np.ndarray


def _default_reservoir() -> EchoState:
    return EchoState(500, topology="circular", spectral_radius=0.6, input_scaling=0.2, bias_scaling=0.5)


class LocalReservoirForecaster(DefaultParts, Forecaster):
    r"""Forecast a field by many small reservoirs, each over a neighbourhood of its own sites.

    The columns of the series are the sites of a ring, or of a grid that is periodic along every axis, row after
    row. With ``x`` the standardised field, ``O_p`` the sites of patch ``p`` and ``N_p`` those and what lies around,

    .. math::

        s_p(t) = F\big(s_p(t-1), x_{N_p}(t-1)\big), \qquad \hat x_{O_p}(t) = V [s_p(t), x_{O_p}(t-1)] + c

    and all patches run free in step. The cost grows with the number of sites, the reservoirs need not.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Of a patch. Default: ``EchoState(500, topology="circular", spectral_radius=0.6, input_scaling=0.2,
        bias_scaling=0.5)``. It is cloned.
    readout : RidgeReadout, optional
        Default: ``RidgeReadout()``.
    patch_size : int or tuple of int, default=1
        Own sites of a patch, along each axis; divides the number of sites.
    overlap : int or tuple of int, default=2
        Further sites that a patch hears to either side, along each axis: as far as one step of the law reaches. Two
        suit sites that hear their next neighbours; a finely sampled field, whose derivatives need more, leaves its
        attractor with so few (Kuramoto-Sivashinsky: patches of 8, overlaps of 8).
    shape : tuple of int, optional
        Sites along each axis; by default the columns are a ring.
    shared : bool, default=True
        One reservoir, readout and scale for all patches, for laws that are the same everywhere: the patches are a
        batch of series, and the readout learns from all of them. Otherwise each patch has its own reservoir and
        readout, and each site its own scale.
    squares : bool, default=True
        Square every second state before the readout.
    input_skip : bool, default=True
        Let the readout see a patch's own sites beside the states.
    standardize : bool, default=True
        Subtract the mean and divide by the standard deviation of the training fields, all together.
    input_noise : float, default=0.0
        Standard deviation of white noise on the standardised field that is heard in training. 1e-6 to 1e-3 keeps
        the smallest scales of a smooth field from growing in a free run.
    washout : int, default=100
        Steps at the start of each series that are left out of training; at most half of it.
    escape_factor : float or None, default=10.0
        A free run has left the attractor when a site is further from the middle of its training range than this
        many times half of it: it stops with a warning, NaN from there on. None lets it run.
    n_jobs : int, optional
        Threads over patches that have reservoirs of their own; a shared one has its own ``n_jobs``.
    random_state : int, RandomState, Generator or None, default=None
        Seeds the reservoirs.

    Attributes
    ----------
    reservoirs_ : list of Reservoir
        One if shared, else one per patch.
    readouts_ : list of RidgeReadout
        Likewise.

    References
    ----------
    J. Pathak, B. Hunt, M. Girvan, Z. Lu, E. Ott, Model-free prediction of large spatiotemporally chaotic systems
    from data: a reservoir computing approach, Physical Review Letters 120 (2018) 024102.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir.signals import lorenz96
    >>> y = lorenz96(2000, 12, dt=0.02)
    >>> forecaster = LocalReservoirForecaster(random_state=0).fit(y[:1900])
    >>> bool(np.abs(forecaster.predict(30) - y[1900:1930]).max() < 0.1)
    True
    """

    _settings = ("patch_size", "overlap", "shape", "shared", "squares", "input_skip")
    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, None],
        "readout": [RidgeReadout, None],
        "patch_size": [Interval(Integral, 1, None, closed="left"), tuple],
        "overlap": [Interval(Integral, 0, None, closed="left"), tuple],
        "shape": [tuple, None],
        "shared": ["boolean"],
        "squares": ["boolean"],
        "input_skip": ["boolean"],
        "standardize": ["boolean"],
        "input_noise": [Interval(Real, 0, None, closed="left")],
        "washout": [Interval(Integral, 0, None, closed="left")],
        "escape_factor": [Interval(Real, 1, None, closed="left"), None],
        "n_jobs": N_JOBS,
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": _default_reservoir, "readout": RidgeReadout}

    def __init__(
        self,
        reservoir=None,
        *,
        readout=None,
        patch_size=1,
        overlap=2,
        shape=None,
        shared=True,
        squares=True,
        input_skip=True,
        standardize=True,
        input_noise=0.0,
        washout=100,
        escape_factor=10.0,
        n_jobs=None,
        random_state=None,
    ):
        self.reservoir = reservoir
        self.readout = readout
        self.patch_size = patch_size
        self.overlap = overlap
        self.shape = shape
        self.shared = shared
        self.squares = squares
        self.input_skip = input_skip
        self.standardize = standardize
        self.input_noise = input_noise
        self.washout = washout
        self.escape_factor = escape_factor
        self.n_jobs = n_jobs
        self.random_state = random_state

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        for i, y in enumerate(series):
            if len(y) < 4:
                raise ValueError(
                    f"series {i} of y has {len(y)} step(s), at least 4 are needed: give a longer series"
                )
        patches = self._cut()
        self._learn_scaling(np.concatenate(series))
        fields = [(y - self.centre_) / self.scale_ for y in series]
        parts = self._parts(patches)
        seeds = self._draw(patches, len(parts))
        for reservoir, part in zip(self.reservoirs_, parts):
            pretrain_patches(reservoir, fields, patches.part(part))

        names = ("washout", "squares", "input_skip", "input_noise")
        options = {name: getattr(self, name) for name in names}

        def train(reservoir, readout, part, seed):
            return train_patches(readout, reservoir, fields, patches.part(part), noise_seed=seed, **options)

        ends = Parallel(n_jobs=self.n_jobs, require="sharedmem")(
            delayed(train)(*each) for each in zip(self.reservoirs_, self.readouts_, parts, seeds)
        )
        return [FieldState(np.concatenate(states), y[-1].copy()) for *states, y in zip(*ends, series)]

    def _predict(self, states, n_steps, exog):
        patches = self._cut()
        last = (np.array([state.last for state in states]) - self.centre_) / self.scale_
        groups = self._groups(patches)
        starts = [np.array([state.reservoir[part] for state in states]) for part in self._parts(patches)]
        options = {"squares": self.squares, "input_skip": self.input_skip}
        paths = run_patches_free(groups, starts, last, n_steps, **options)
        low, high = (self.range_ - self.centre_) / self.scale_
        answers = []
        for path in paths:
            finite = np.isfinite(path).all(axis=1)
            n_done = n_steps if finite.all() else int(np.argmin(finite)) + 1
            path[n_done - 1 :][~finite[n_done - 1 :]] = np.nan
            kept = without_divergence(path, n_done, low, high, self.escape_factor)
            answers.append(kept * self.scale_ + self.centre_)
        return answers

    def _update(self, states, series, exog):
        return [self._at_end(state, y) for state, y in zip(states, series)]

    def _restart(self, series, exog):
        n_patches = len(self._cut().seen)
        rest = self.reservoirs_[0].zero_states(n_patches, np.float64)
        return [self._at_end(FieldState(rest, y[0]), y[1:]) for y in series]

    def closed_loop(self):
        """Return the trained model as an autonomous system, to look at with :mod:`reservoir.diagnostics`.

        Its point holds the states of all patches and the field: meant for small domains.

        Returns
        -------
        ClosedLoop
            It starts where the (last) series stands.
        """
        check_is_fitted(self)
        check_settings(self)
        options = {"squares": self.squares, "input_skip": self.input_skip}
        made = joined_patches(self._groups(self._cut()), self.n_targets_, **options)
        state = self.states_[-1]
        point = np.concatenate([state.reservoir.ravel(), (state.last - self.centre_) / self.scale_])
        scaling = self.centre_, self.scale_, *self.range_
        return ClosedLoop(*made, 1.0, np.empty(0), point, *scaling)

    # ---------------------------------------------------------------- private

    def _groups(self, patches: Patches) -> list[Group]:
        """The reservoirs with their patches and weights."""
        return [
            Group(
                reservoir, patches.part(part), np.atleast_2d(readout.coef_), np.atleast_1d(readout.intercept_)
            )
            for reservoir, readout, part in zip(self.reservoirs_, self.readouts_, self._parts(patches))
        ]

    def _cut(self) -> Patches:
        shape = (self.n_targets_,) if self.shape is None else _whole("shape", self.shape, 1)
        if math.prod(shape) != self.n_targets_:
            raise ValueError(
                f"shape={shape} has {math.prod(shape)} sites, but the series {self.n_targets_} columns"
            )
        sizes: list[tuple] = []
        for name, least in (("patch_size", 1), ("overlap", 0)):
            size = getattr(self, name)
            sizes.append(
                (int(size),) * len(shape) if isinstance(size, Integral) else _whole(name, size, least)
            )
            if len(sizes[-1]) != len(shape):
                raise ValueError(
                    f"{name}={size} needs one number for each of the {len(shape)} axes of the field"
                )
        return cut_patches(shape, *sizes)

    def _parts(self, patches: Patches) -> list[slice]:
        """Which patches each reservoir has."""
        n_patches = len(patches.seen)
        return [slice(None)] if self.shared else [slice(p, p + 1) for p in range(n_patches)]

    def _draw(self, patches: Patches, n_reservoirs: int) -> list[int]:
        """Draw the reservoirs; return seeds for what is random after them."""
        rng = make_rng(self.random_state)
        made = _default_reservoir() if self.reservoir is None else self.reservoir
        self.reservoirs_ = [clone(made) for _ in range(n_reservoirs)]
        for reservoir in self.reservoirs_:
            if self.random_state is not None:
                seed_open_parts(reservoir, rng)
            reservoir.fit(np.zeros((1, patches.seen.shape[1])))
        refuse_future(self.reservoirs_[0], "a forecast")
        readout = RidgeReadout() if self.readout is None else self.readout
        self.readouts_ = [clone(readout) for _ in range(n_reservoirs)]
        return [int(rng.integers(2**63)) for _ in range(n_reservoirs)]

    def _learn_scaling(self, values: np.ndarray) -> None:
        """Centre, scale and range of each site; those of all sites together where the law is shared."""
        pooled = values.reshape(-1, 1) if self.shared else values
        spread = pooled.std(axis=0) if self.standardize else np.ones(pooled.shape[1])
        tiny = 10 * np.finfo(float).eps * np.abs(pooled).max(axis=0)
        centre = pooled.mean(axis=0) if self.standardize else np.zeros(pooled.shape[1])
        n_sites = values.shape[1]
        self.centre_ = np.broadcast_to(centre, n_sites).copy()
        self.scale_ = np.broadcast_to(np.where(spread > tiny, spread, 1.0), n_sites).copy()
        self.range_ = np.array([np.broadcast_to(f(pooled, axis=0), n_sites) for f in (np.min, np.max)])

    def _at_end(self, state: FieldState, y: np.ndarray) -> FieldState:
        """Return the state after further observations."""
        patches = self._cut()
        field = (np.vstack([state.last, y])[:-1] - self.centre_) / self.scale_
        moved = state.reservoir.copy()
        for reservoir, part in zip(self.reservoirs_, self._parts(patches)):
            for _ in drive_patches(reservoir, field, patches.part(part), moved[part]):
                pass
        return FieldState(moved, np.vstack([state.last, y])[-1])


def _whole(name: str, sizes: tuple, least: int) -> tuple[int, ...]:
    """Return sizes along axes, refusing what is no whole number of at least ``least``."""
    if not all(isinstance(size, Integral) and int(size) >= least for size in sizes):
        raise ValueError(f"{name}={sizes!r} must hold whole numbers of at least {least}, one for each axis")
    return tuple(map(int, sizes))
