"""Slow, obvious twins of everything that is fast: the specification in plain lines, equation by equation."""

import copy
import math

import numpy as np

# ------------------------------------------------------------------------------------- forecast metrics


def smape(y_true, y_pred):
    """Makridakis et al. (2020): 200 / n * sum of |y - f| / (|y| + |f|), with 0 / 0 = 0."""
    total = 0.0
    for y, f in zip(y_true, y_pred):
        if y != 0 or f != 0:
            total += abs(y - f) / (abs(y) + abs(f))
    return 200 * total / len(y_true)


def mase(y_true, y_pred, y_train, m):
    """Hyndman & Koehler (2006): mean |y - f| over the in-sample mean of |x_t - x_{t-m}|."""
    scale = sum(abs(y_train[t] - y_train[t - m]) for t in range(m, len(y_train))) / (len(y_train) - m)
    return sum(abs(y - f) for y, f in zip(y_true, y_pred)) / len(y_true) / scale


def rmsse(y_true, y_pred, y_train, m):
    """Makridakis et al. (2022): root of mean (y - f)^2 over the in-sample mean of (x_t - x_{t-m})^2."""
    scale = sum((y_train[t] - y_train[t - m]) ** 2 for t in range(m, len(y_train))) / (len(y_train) - m)
    return (sum((y - f) ** 2 for y, f in zip(y_true, y_pred)) / len(y_true) / scale) ** 0.5


def crps(y, samples, fair=False):
    """Gneiting & Raftery (2007), eq. 20, one observation: E|X - y| - E|X - X'| / 2, all pairs."""
    k = len(samples)
    pairs = sum(abs(a - b) for a in samples for b in samples)
    return sum(abs(x - y) for x in samples) / k - pairs / (2 * k * (k - 1) if fair else 2 * k * k)


def valid_prediction_time(y_true, y_pred, scale, threshold, dt, exponent):
    """Vlachas et al. (2020): steps until the root mean squared scaled error exceeds the threshold."""
    for t in range(len(y_true)):
        error = sum(((a - b) / s) ** 2 for a, b, s in zip(y_true[t], y_pred[t], scale)) / len(scale)
        if not error**0.5 <= threshold:
            return t * dt * exponent
    return len(y_true) * dt * exponent


# ------------------------------------------------------------------------------------- benchmark signals


def mackey_glass(n_samples, delay, stride, step, beta=0.2, gamma=0.1, exponent=10, initial=1.2):
    """Jaeger (2001), section 6: y(n+1) = y(n) + step (beta y(n-d) / (1 + y(n-d)^exponent) - gamma y(n))."""
    y = [initial] * (delay + 1)
    while len(y) < delay + n_samples * stride:
        late = y[-1 - delay]
        y.append(y[-1] + step * (beta * late / (1 + late**exponent) - gamma * y[-1]))
    return y[delay::stride]


def narma(u, order, a1, a2, b, c, squash=math.tanh):
    """Atiya & Parlos (2000), eq. 86; u and y are 0 before step 0."""
    y = [0.0]
    for t in range(len(u) - 1):
        total = sum(y[t - i] for i in range(order) if t - i >= 0)
        late = u[t - order + 1] if t - order + 1 >= 0 else 0.0
        y.append(squash(a1 * y[t] + a2 * y[t] * total + b * late * u[t] + c))
    return y


def henon(n_steps, x, y, a=1.4, b=0.3):
    """Hénon (1976): x <- 1 - a x^2 + y, y <- b x."""
    path = [(x, y)]
    while len(path) < n_steps:
        x, y = 1 - a * x * x + y, b * x
        path.append((x, y))
    return path


def logistic_map(n_steps, x, r=4.0):
    """May (1976): x <- r x (1 - x)."""
    path = [x]
    while len(path) < n_steps:
        path.append(r * path[-1] * (1 - path[-1]))
    return path


def lorenz63(x, y, z, sigma=10, rho=28, beta=8 / 3):
    """Lorenz (1963), eq. 25 to 27: the velocity."""
    return [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]


def rossler(x, y, z, a=0.2, b=0.2, c=5.7):
    """Rössler (1976), eq. 2: the velocity."""
    return [-y - z, x + a * y, b + z * (x - c)]


def lorenz96(*x, forcing=8):
    """Lorenz (1996): the velocity (x[i+1] - x[i-2]) x[i-1] - x[i] + forcing on a ring."""
    n = len(x)
    return [(x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] + forcing for i in range(n)]


def kuramoto_sivashinsky(u, length):
    """Kassam & Trefethen (2005), section 3: -u u_x - u_xx - u_xxxx by Fourier differentiation."""
    n = len(u)
    k = [2 * math.pi / length * (j if j < n / 2 else j - n) for j in range(n)]
    first = [1j * k[j] if 2 * j != n else 0 for j in range(n)]
    linear = [k[j] ** 2 - k[j] ** 4 for j in range(n)]
    return np.fft.ifft(linear * np.fft.fft(u) - 0.5 * np.array(first) * np.fft.fft(u * u)).real


def largest_lyapunov_exponent(advance, start, span, n_spans, size=1e-8):
    """Benettin et al. (1980): mean growth rate of a small distance, set back to ``size`` after every span."""
    x, offset, growth = start, np.full(start.shape, size / start.size**0.5), []
    for _ in range(n_spans):
        y, x = advance(x + offset), advance(x)
        growth.append(np.log(np.linalg.norm(y - x) / size))
        offset = (y - x) * (size / np.linalg.norm(y - x))
    return np.mean(growth[n_spans // 20 :]) / span


# ------------------------------------------------------------------------------------ reservoir dynamics


def leaky_states(drive, W, h, leak, f):
    """Jaeger et al. (2007), eq. 1 in discrete time: h <- (1 - a) h + a f(W h + drive)."""
    states = []
    for p in drive:
        h = (1 - leak) * h + leak * f(W @ h + p)
        states.append(h)
    return np.array(states)


def traces(states, last, mu, retention):
    """Linear leaky units: mu(t) = alpha mu(t-1) + (1 - alpha) h(t-1)."""
    out = []
    for h in states:
        mu = retention * mu + (1 - retention) * last
        out.append(mu)
        last = h
    return np.array(out)


def free_run(W, U, drive, h, y, leak, f, V, intercept):
    """Free run of h <- (1 - a) h + a f(W h + U y + drive), y <- V [h, y] + c."""
    outputs = []
    for p, c in zip(drive, intercept):
        h = (1 - leak) * h + leak * f(W @ h + U @ y + p)
        y = V @ np.concatenate([h, y]) + c
        outputs.append(y)
    return np.array(outputs)


# ------------------------------------------------------------------------------------- ridge regression


def ridge(X, y, alpha, weight=None, fit_intercept=True):
    """Hastie, Tibshirani & Friedman (2009), eq. 3.44, rows weighted: (X'WX + alpha I) b = X'Wy, c unpenalised."""
    weight = np.ones(len(X)) if weight is None else weight
    Z = np.column_stack([np.ones(len(X)), X]) if fit_intercept else X
    penalty = alpha * np.eye(Z.shape[1])
    penalty[0, 0] *= not fit_intercept
    b = np.linalg.solve(Z.T @ (weight[:, None] * Z) + penalty, Z.T @ (weight[:, None] * y))
    return (b[1:], b[0]) if fit_intercept else (b, np.zeros(y.shape[1]))


def leave_one_out(X, y, alpha, weight=None, fit_intercept=True, fit=ridge):
    """Refit without row i, for every i: weighted mean of its squared error, per target."""
    weight = np.ones(len(X)) if weight is None else weight
    total = 0.0
    for i in range(len(X)):
        rest = np.arange(len(X)) != i
        b, c = fit(X[rest], y[rest], alpha, weight[rest], fit_intercept)
        total = total + weight[i] * (y[i] - X[i] @ b - c) ** 2
    return total / weight.sum()


def generalised_cross_validation(X, y, alpha, weight=None, fit_intercept=True):
    """Golub, Heath & Wahba (1979), eq. 1.4, from the trace of the matrix A that takes y to A y."""
    n = len(X)
    weight = np.ones(n) if weight is None else weight
    fits = [ridge(X, e[:, None], alpha, weight, fit_intercept) for e in np.eye(n)]
    hat = np.column_stack([X @ b + c for b, c in fits])
    squares = weight @ (y - hat @ y) ** 2
    return squares / weight.sum() / (1 - np.trace(hat) / n) ** 2


# ------------------------------------------------------------------------------ forecasters and intervals


def analogue(y, query, window, n_steps, exclusion):
    """Lorenz (1969): what followed the stretch of y, one column, that is nearest to the last values of query."""
    path = list(query[-window:])
    while len(path) < window + n_steps:
        ends = range(window - 1, len(y) - max(exclusion, 1))
        end = min(ends, key=lambda t: sum((y[t - i] - path[-1 - i]) ** 2 for i in range(window)))
        path += list(y[end + 1 :])
    return np.array(path[window : window + n_steps])


def conformal_half_width(errors, coverage):
    """Lei et al. (2018), section 2.2: the ceil((n + 1) coverage)-th smallest absolute error."""
    k = math.ceil((len(errors) + 1) * coverage - 1e-9)
    return sorted(abs(error) for error in errors)[k - 1]


def rolling_errors(forecaster, y, initial, n_steps):
    """Truth minus forecast at every origin after the first part; weights learned on that part alone."""
    table = np.full((len(y) - initial, n_steps), np.nan)
    start = copy.deepcopy(forecaster).fit(y[:initial])
    for origin in range(initial, len(y)):
        model = copy.deepcopy(start).update(y[initial:origin]) if origin > initial else start
        ahead = y[origin : origin + n_steps]
        table[origin - initial, : len(ahead)] = ahead - model.predict(len(ahead))
    return table


# -------------------------------------------------------------------------------- recurrent and input matrices


def shift_matrix(offsets, weights):
    """W[i, (i + offsets[k]) % n] += weights[k, i]."""
    n = len(weights[0])
    W = np.zeros((n, n))
    for k in range(len(offsets)):
        for i in range(n):
            W[i, (i + offsets[k]) % n] += weights[k][i]
    return W


def cycle_with_jumps(n, jump, cycle_weight, jump_weight):
    """Rodan & Tino (2012), section 2, units counted from 0: the last jump returns to unit 0 if jump divides n."""
    W = np.zeros((n, n))
    for i in range(n):
        W[(i + 1) % n, i] = cycle_weight
    for start in range(0, n - jump + 1, jump):
        end = (start + jump) % n
        W[start, end] = W[end, start] = jump_weight
    return W


def spectral_radius(W):
    """Largest modulus of an eigenvalue."""
    return max(abs(np.linalg.eigvals(W)))


def largest_singular_value(W):
    """Golub & Van Loan (2013), section 2.4: the root of the largest eigenvalue of W'W."""
    return math.sqrt(max(np.linalg.eigvalsh(W.T @ W)))


def signs_of_pi(n):
    """Rodan & Tino (2011), section III: decimal digits of pi, 0-4 give -1 and 5-9 give 1; n is 40 at most."""
    return np.array([1.0 if int(d) >= 5 else -1.0 for d in "1415926535897932384626433832795028841971"[:n]])
