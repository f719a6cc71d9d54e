"""Slow, obvious twins of the reservoirs: one step after the other, equation by equation."""

from itertools import product

import numpy as np


def monomials(terms, degree, cross_terms=True):
    """All products of up to ``degree`` of the terms: by degree, earlier terms first."""
    found = []
    for power in range(1, degree + 1):
        for chosen in product(range(len(terms)), repeat=power):
            is_wanted = list(chosen) == sorted(chosen) and (cross_terms or len(set(chosen)) == 1)
            if is_wanted:
                found.append(np.prod([terms[i] for i in chosen]))
    return np.array(found)


def nvar_states(X, delays, stride, degree, cross_terms=True, past=None):
    """Gauthier et al. (2021), eq. 5 to 8; ``past`` are earlier inputs, without them 0."""
    past = np.zeros((0, X.shape[1])) if past is None else past
    seen = np.vstack([past, X])
    states = []
    for t in range(len(past), len(seen)):
        taps = [seen[t - k * stride] if t >= k * stride else np.zeros(X.shape[1]) for k in range(delays)]
        states.append(monomials(np.concatenate(taps), degree, cross_terms))
    return np.array(states)


def es2n_states(drive, W, rotation, proximity, h, f=np.tanh):
    """Ceni & Gallicchio (2025), eq. 3; ``drive`` is W_in x(t) + b."""
    states = []
    for d in drive:
        h = proximity * f(W @ h + d) + (1 - proximity) * rotation @ h
        states.append(h)
    return np.array(states)


def euler_states(drive, U, diffusion, step_size, h, f=np.tanh):
    """Gallicchio (2024), eq. 7; ``drive`` is W_in x(t) + b."""
    states = []
    for d in drive:
        h = h + step_size * f((U - U.T - diffusion * np.eye(len(U))) @ h + d)
        states.append(h)
    return np.array(states)


def forgetful_ridge(X, y, alpha, forgetting):
    """Coefficients and intercept that minimise sum_i f^(n-i) (y_i - c - x_i b)^2 + f^n alpha |b|^2."""
    n, n_features = X.shape
    weights = np.diag([forgetting ** (n - 1 - i) for i in range(n)])
    Z = np.hstack([X, np.ones((n, 1))])
    penalty = forgetting**n * alpha * np.diag([1.0] * n_features + [0.0])
    solution = np.linalg.solve(Z.T @ weights @ Z + penalty, Z.T @ weights @ y)
    return solution[:-1].T, solution[-1]


def least_mean_squares(X, y, learning_rate, normalized):
    """Widrow & Hoff (1960) and its normalised form, with a constant as last input."""
    v = np.zeros((y.shape[1], X.shape[1] + 1))
    for x, target in zip(X, y):
        z = np.append(x, 1.0)
        step = learning_rate / (z @ z) if normalized else learning_rate
        v = v + step * np.outer(target - v @ z, z)
    return v[:, :-1], v[:, -1]


def intrinsic_plasticity(drive, W, bias, leak, mean, std, rate, n_epochs):
    """Schrauwen et al. (2008), section 4, unit by unit; ``drive`` is W_in x(t). Gain and bias."""
    n_units = len(W)
    gain, bias = [1.0] * n_units, list(bias)
    for _ in range(n_epochs):
        h = np.zeros(n_units)
        for d in drive:
            new = np.zeros(n_units)
            for i in range(n_units):
                u = W[i] @ h + d[i]
                y = np.tanh(gain[i] * u + bias[i])
                new[i] = (1 - leak) * h[i] + leak * y
                db = -rate * (-mean / std**2 + y / std**2 * (2 * std**2 + 1 - y**2 + mean * y))
                gain[i] += rate / gain[i] + db * u
                bias[i] += db
            h = new
    return np.array(gain), np.array(bias)


def spiking_states(drive, W, leak, threshold, retention):
    """Leaky integrate and fire, reset by subtraction; ``drive`` is W_in x(t) + b. Traces and spikes."""
    v, z, r = np.zeros(len(W)), np.zeros(len(W)), np.zeros(len(W))
    traces, spikes = [], []
    for d in drive:
        v = (1 - leak) * v - threshold * z + W @ z + d
        z = (v >= threshold).astype(float)
        r = retention * r + (1 - retention) * z
        traces.append(r)
        spikes.append(z)
    return np.array(traces), np.array(spikes)
