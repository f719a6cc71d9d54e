"""The slow, obvious twin of local reservoirs on a ring: patch by patch, step by step, site by site."""

import numpy as np


def heard(n_sites, patch_size, overlap, patch):
    """Sites that a patch hears, and its own."""
    first = patch * patch_size
    seen = [(first + i) % n_sites for i in range(-overlap, patch_size + overlap)]
    return seen, list(range(first, first + patch_size))


def patch_states(reservoir, field, seen, state=None):
    """States after each step of a field, one patch; and the last of them as a state to carry."""
    rows = []
    state = np.zeros(reservoir.state_size_) if state is None else state
    for x in field:
        row, state = reservoir.transform(x[seen][np.newaxis], initial_state=state, return_state=True)
        rows.append(row[0])
    return np.array(rows), state


def features(states, own):
    """Every second state squared, the patch's own sites behind."""
    squared = [[s**2 if i % 2 else s for i, s in enumerate(row)] for row in states]
    return np.hstack([squared, own])


def ridge(X, y, alpha):
    """Coefficients (n_targets, n_features) and intercept, by the normal equations of centred rows."""
    A, B = X - X.mean(axis=0), y - y.mean(axis=0)
    coef = np.linalg.solve(A.T @ A + alpha * np.eye(A.shape[1]), A.T @ B).T
    return coef, y.mean(axis=0) - coef @ X.mean(axis=0)


def run_free(reservoirs, weights, field, states, patch_size, overlap, n_steps):
    """Continue a ring after its last field: ``weights`` and states of each patch."""
    path, last, states = [], field, [state.copy() for state in states]
    for _ in range(n_steps):
        following = np.empty_like(last)
        for p, (reservoir, (coef, intercept)) in enumerate(zip(reservoirs, weights)):
            seen, own = heard(len(field), patch_size, overlap, p)
            rows, states[p] = patch_states(reservoir, last[np.newaxis], seen, states[p])
            following[own] = coef @ features(rows, last[own][np.newaxis])[0] + intercept
        path.append(following)
        last = following
    return np.array(path)
