r"""Local reservoirs: many small ones, each over a neighbourhood of a spatially extended system.

A field of sites on a ring, or on a grid that is periodic along every axis, is cut into patches. Patch ``p`` hears
its own sites ``O_p`` and those around them, ``N_p``, and forecasts its own, all of them in step (Pathak et al. 2018):

.. math::

    s_p(t) = F\big(s_p(t-1), x_{N_p}(t-1)\big), \qquad \hat x_{O_p}(t) = V s_p(t) + c

Where the law is the same everywhere, so may be ``F``, ``V`` and ``c``: the patches are then a batch of series for
one reservoir, and one readout learns from all of them. Otherwise each patch has its own.

References
----------
J. Pathak, B. Hunt, M. Girvan, Z. Lu, E. Ott, Model-free prediction of large spatiotemporally chaotic systems from
data: a reservoir computing approach, Physical Review Letters 120 (2018) 024102.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from reservoir.contracts.series_layout import Layout
from reservoir.kernels.compilation import compiled
from reservoir.kernels.stepping import borrowed, step
from reservoir.models.harvest import CHUNK_ROWS
from reservoir.readouts.ridge import RidgeReadout
from reservoir.reservoirs.base_composition import parts_of
from reservoir.reservoirs.base_reservoir import Reservoir, part_of
from reservoir.reservoirs.parallel import side_by_side
from reservoir.reservoirs.squares import with_squares

_LEAST_STEPS = 32  # of each patch at a time


class Patches(NamedTuple):
    """Sites by their number in the flattened field, patch by patch.

    Attributes
    ----------
    seen : ndarray of int, shape (n_patches, n_seen)
        What each patch hears.
    own : ndarray of int, shape (n_patches, n_own)
        What it forecasts; every site is one patch's own.
    """

    seen: np.ndarray
    own: np.ndarray

    def part(self, chosen: slice) -> "Patches":
        """Return some of the patches."""
        return Patches(self.seen[chosen], self.own[chosen])


def cut_patches(shape: Sequence[int], patch_size: Sequence[int], overlap: Sequence[int]) -> Patches:
    """Cut a periodic grid into equal patches.

    Parameters
    ----------
    shape : sequence of int
        Sites along each axis: one number for a ring.
    patch_size : sequence of int
        Own sites of a patch along each axis; divides the shape.
    overlap : sequence of int
        Further sites that a patch hears, to either side along each axis.

    Returns
    -------
    Patches

    Raises
    ------
    ValueError
        If the patches do not fill the grid, or a patch would hear a site twice.

    Examples
    --------
    >>> patches = cut_patches([6], [2], [1])
    >>> patches.own.tolist(), patches.seen.tolist()
    ([[0, 1], [2, 3], [4, 5]], [[5, 0, 1, 2], [1, 2, 3, 4], [3, 4, 5, 0]])
    """
    seen, own = [], []
    for size, patch, around in zip(shape, patch_size, overlap):
        if size % patch:
            raise ValueError(
                f"patch_size={patch} does not divide the {size} sites of an axis: choose a divisor"
            )
        if patch + 2 * around > size:
            raise ValueError(
                f"overlap={around} lets a patch of {patch} hear some of the {size} sites of an axis twice: choose at "
                f"most {(size - patch) // 2}"
            )
        starts = np.arange(0, size, patch)[:, np.newaxis]
        own.append(starts + np.arange(patch))
        seen.append((starts + np.arange(-around, patch + around)) % size)
    return Patches(_on_grid(seen, shape), _on_grid(own, shape))


def _on_grid(axes: list[np.ndarray], shape: Sequence[int]) -> np.ndarray:
    """Numbers of the sites of every patch, from its sites along each axis."""
    sites = [np.ravel_multi_index(np.ix_(*lines), shape).ravel() for lines in product(*axes)]
    return np.array(sites, dtype=np.intp)


def local_features(states: np.ndarray, own: np.ndarray, squares: bool, input_skip: bool) -> np.ndarray:
    """Return what a readout sees of states (n_rows, n_states), which are overwritten, and own inputs.

    With ``squares`` every second state is replaced by its square: a tanh unit without bias is odd, and an odd map
    cannot learn a quadratic law.
    """
    if squares:
        states[:, 1::2] *= states[:, 1::2]
    return np.hstack([states, own]) if input_skip else states


def drive_patches(
    reservoir: Reservoir, field: np.ndarray, patches: Patches, state: np.ndarray, noise_rng: Any = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Drive one reservoir over all patches side by side.

    Parameters
    ----------
    reservoir : Reservoir
        Fitted to ``n_seen`` inputs.
    field : ndarray of shape (n_steps, n_sites)
    patches : Patches
    state : ndarray of shape (n_patches, state_size)
        States to start from; overwritten by those at the end of what has been yielded.
    noise_rng : numpy.random.Generator, optional
        Source of state noise.

    Yields
    ------
    steps : slice
        Steps that this piece covers.
    states : ndarray of shape (n_patches * n, n_states)
        Patch after patch.
    """
    n_patches = len(patches.seen)
    at_once = max(_LEAST_STEPS, CHUNK_ROWS // n_patches)
    for begin in range(0, len(field), at_once):
        steps = slice(begin, min(begin + at_once, len(field)))
        rows = by_patch(field[steps], patches.seen)
        layout = Layout(np.full(n_patches, steps.stop - begin), "stacked")
        states, state[:] = reservoir.drive(rows, layout, state, noise_rng)
        yield steps, states


def pretrain_patches(reservoir: Reservoir, fields: list[np.ndarray], patches: Patches) -> None:
    """Let a reservoir learn what it learns without targets from all its patches, as a batch of series."""
    if any(getattr(part, "plasticity", None) is not None for part in parts_of(reservoir)):
        rows = np.concatenate([by_patch(field[:-1], patches.seen) for field in fields])
        lengths = np.repeat([len(field) - 1 for field in fields], len(patches.seen))
        reservoir.pretrain(rows, Layout(lengths, "stacked"))


def by_patch(field: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """Return the values at some sites, (n_patches * n_steps, n), patch after patch."""
    return np.ascontiguousarray(field[:, sites].swapaxes(0, 1)).reshape(-1, sites.shape[1])


def train_patches(
    readout: RidgeReadout,
    reservoir: Reservoir,
    fields: list[np.ndarray],
    patches: Patches,
    *,
    washout: int,
    squares: bool,
    input_skip: bool,
    input_noise: float = 0.0,
    noise_seed: int = 0,
) -> list[np.ndarray]:
    """Fit one readout to the next step of all patches of all fields, in memory that does not grow with them.

    With ``input_noise`` the fields that are heard are noisy, of this standard deviation, and those that are to be
    forecast are not: white noise along an axis of sites has all wave numbers, those too whose amplitude on the
    attractor is so small that the readout would learn nothing of how they decay, and let them grow in a free run.

    Returns
    -------
    list of ndarray of shape (n_patches, state_size)
        States of each field before its last step.
    """
    final = [reservoir.zero_states(len(patches.seen), field.dtype) for field in fields]

    def blocks() -> Iterator[tuple]:
        noise_rng = np.random.default_rng(noise_seed)
        for field, state in zip(fields, final):
            state[:] = reservoir.zero_states(len(state), field.dtype)
            heard = field[:-1]
            if input_noise:
                heard = heard + input_noise * noise_rng.standard_normal(heard.shape, dtype=field.dtype)
            skipped = min(washout, (len(field) - 1) // 2)
            for steps, states in drive_patches(reservoir, heard, patches, state, noise_rng):
                own = by_patch(heard[steps], patches.own)
                following = by_patch(field[steps.start + 1 : steps.stop + 1], patches.own)
                seen = local_features(states, own, squares, input_skip)
                if steps.start >= skipped:
                    yield seen, following
                elif steps.stop > skipped:
                    kept = np.tile(np.arange(steps.start, steps.stop) >= skipped, len(state))
                    yield seen[kept], following[kept]

    n_rows = sum(len(field) - 1 - min(washout, (len(field) - 1) // 2) for field in fields)
    readout.fit_stream(blocks, n_rows=n_rows * len(patches.seen))
    if input_noise or reservoir.draws_noise:  # it belongs to training: forecasts start from states without it
        for field, state in zip(fields, final):
            state[:] = reservoir.zero_states(len(state), field.dtype)
            for _ in drive_patches(reservoir, field[:-1], patches, state):
                pass
    return final


class Group(NamedTuple):
    """Patches that share a reservoir and the weights of a readout.

    Attributes
    ----------
    reservoir : Reservoir
    patches : Patches
    coef : ndarray of shape (n_own, n_features)
    intercept : ndarray of shape (n_own,)
    """

    reservoir: Reservoir
    patches: Patches
    coef: np.ndarray
    intercept: np.ndarray


def joined_patches(
    groups: list[Group], n_sites: int, *, squares: bool, input_skip: bool
) -> tuple[Reservoir, np.ndarray, np.ndarray]:
    """Return all patches as one reservoir that hears the whole field, with its readout.

    Returns
    -------
    reservoir : Reservoir
        Its state holds those of the patches, in their order.
    weights : ndarray of shape (n_sites, n_states + n_sites)
        Of the states, and of the field one step before.
    intercept : ndarray of shape (n_sites,)
    """
    each = [(group, seen, own) for group in groups for seen, own in zip(*group.patches)]
    parts = [with_squares(group.reservoir) if squares else group.reservoir for group, _, _ in each]
    reservoir = side_by_side(parts, [seen for _, seen, _ in each], n_sites)
    weights, intercept = np.zeros((n_sites, reservoir.n_states_ + n_sites)), np.empty(n_sites)
    end = 0
    for part, (group, _, own) in zip(parts, each):
        begin, end = end, end + part.n_states_
        weights[own, begin:end] = group.coef[:, : part.n_states_]
        if input_skip:
            weights[np.ix_(own, reservoir.n_states_ + own)] = group.coef[:, part.n_states_ :]
        intercept[own] = group.intercept
    return reservoir, weights, intercept


def run_patches_free(
    groups: list[Group],
    states: list[np.ndarray],
    last: np.ndarray,
    n_steps: int,
    *,
    squares: bool,
    input_skip: bool,
) -> np.ndarray:
    """Run any number of fields free, all patches of all of them in step.

    Parameters
    ----------
    groups : list of Group
        Their patches cover the field.
    states : list of ndarray of shape (n_fields, n_patches, state_size)
        One per group.
    last : ndarray of shape (n_fields, n_sites)
        Fields at the last step before.
    n_steps : int
    squares, input_skip : bool
        See ``local_features``.

    Returns
    -------
    ndarray of shape (n_fields, n_steps, n_sites)
        Not finite from the step on at which a field diverges.
    """
    paths = np.empty((len(last), n_steps, last.shape[1]))
    part = _part_of_patches(groups, states, squares)
    if part is None:
        _run_in_python(paths, groups, states, last, squares, input_skip)
        return paths
    seen, own = (np.concatenate(sites) for sites in zip(*(group.patches for group in groups)))
    coef = np.concatenate([group.coef for group in groups]).reshape(len(groups), own.shape[1], -1)
    intercept = np.array([group.intercept for group in groups])
    n_states = coef.shape[2] - (own.shape[1] if input_skip else 0)
    room = (np.empty((len(seen) * len(last), width)) for width in (seen.shape[1], n_states))
    _run(paths, np.ascontiguousarray(last), part, seen, own, *room, coef, intercept)
    return paths


def _part_of_patches(groups, states, squares):
    """All patches as one part, the fields of a patch one behind the other, or None."""
    reservoirs = [with_squares(group.reservoir) if squares else group.reservoir for group in groups]
    starts = [state.swapaxes(0, 1).reshape(-1, state.shape[-1]) for state in states]
    return part_of(reservoirs, np.concatenate(starts))


@compiled
def _run(paths, last, part, seen, own, heard, said, coef, intercept):
    """Run fields free, see ``run_patches_free``; ``heard`` and ``said`` are room for all patches of all fields.

    ``coef`` (n_groups, n_own, n_features) and ``intercept`` (n_groups, n_own).
    """
    part, heard, said = borrowed(part), borrowed(heard), borrowed(said)
    n_patches, n_own = own.shape
    n_fields, n_states = len(last), said.shape[1]
    with_inputs = coef.shape[2] > n_states
    for t in range(paths.shape[1]):
        now = last if t == 0 else paths[:, t - 1]
        for place in range(len(heard)):
            for d in range(seen.shape[1]):
                heard[place, d] = now[place % n_fields, seen[place // n_fields, d]]
        step(part, heard, said)
        for place in range(len(said)):
            p, f = place // n_fields, place % n_fields
            g = p * len(coef) // n_patches
            for d in range(n_own):
                total = intercept[g, d]
                for i in range(n_states):
                    total += coef[g, d, i] * said[place, i]
                if with_inputs:
                    for i in range(n_own):
                        total += coef[g, d, n_states + i] * now[f, own[p, i]]
                paths[f, t, own[p, d]] = total


def _run_in_python(paths, groups, states, last, squares, input_skip):
    """The same, for reservoirs that have no compiled step."""
    n_fields = len(last)
    rows_of = [state.reshape(-1, state.shape[-1]) for state in states]
    layouts = [Layout(np.ones(len(rows), dtype=np.intp), "stacked") for rows in rows_of]
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(paths.shape[1]):
            for g, group in enumerate(groups):
                seen, own = (last[:, sites].reshape(-1, sites.shape[1]) for sites in group.patches)
                h, rows_of[g] = group.reservoir.drive(seen, layouts[g], rows_of[g])
                following = local_features(h, own, squares, input_skip) @ group.coef.T + group.intercept
                paths[:, t, group.patches.own] = following.reshape(n_fields, *group.patches.own.shape)
            last = paths[:, t]
