"""Slow, obvious twins of everything that is fast: the specification in plain lines, equation by equation."""


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
