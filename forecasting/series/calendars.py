"""Index arithmetic: the stamps of a regular pandas index, kept as plain numbers so that a forecast can
continue it.

A :class:`Calendar` remembers the last stamp of a series and the step to the next one. It holds strings and
integers only, so that a fitted forecaster can be saved without pickle, and it forgets the rest of the index.
"""

from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

_MOST_LABELS = 10**7  # in an index with gaps: more are no gaps, but labels that are not regular


class Calendar(NamedTuple):
    """The end of a regular index and how it goes on.

    Parameters
    ----------
    kind : {"range", "datetime", "period"}
        Integers, time stamps or periods.
    last : int
        The last label: the integer itself, the time stamp in units of `unit` since the epoch (UTC), or the
        period's ordinal.
    freq : str
        pandas frequency of time stamps and periods (``"MS"``, ``"h"``, ...); empty for integers.
    step : int
        Distance of two integers; 1 otherwise.
    tz : str
        Time zone of time stamps, empty if they have none.
    unit : str
        Resolution of time stamps (``"ns"``, ``"us"``, ...), empty otherwise.
    name : hashable
        Name of the index.
    days : str
        Of custom business days (frequency ``"C"``) the weekdays and then the holidays, such as
        ``"Mon Tue Wed Thu Fri 2024-01-01 2024-12-25"``; empty otherwise.
    """

    kind: str
    last: int
    freq: str = ""
    step: int = 1
    tz: str = ""
    unit: Any = ""
    name: Any = None
    days: str = ""

    @property
    def cutoff(self):
        """The last label as pandas knows it: an int, a ``Timestamp`` or a ``Period``."""
        if self.kind == "range":
            return self.last
        if self.kind == "period":
            return pd.Period(ordinal=self.last, freq=self.freq)
        stamp = pd.Timestamp(self.last, unit=self.unit, tz="UTC").as_unit(self.unit)
        return stamp.tz_convert(self.tz) if self.tz else stamp.tz_localize(None)

    def after(self, n_steps: int) -> pd.Index:
        """Return the `n_steps` labels that follow the last one."""
        return self._labels(0, n_steps)[1:]

    def until(self, n_steps: int) -> pd.Index:
        """Return the `n_steps` labels that end with the last one."""
        return self._labels(n_steps - 1, 0)

    def _labels(self, n_before: int, n_after: int) -> pd.Index:
        """Return `n_before` labels, the last one, and `n_after` more."""
        if self.kind == "range":
            first, stop = self.last - n_before * self.step, self.last + (n_after + 1) * self.step
            return pd.RangeIndex(first, stop, self.step, name=self.name)
        if self.kind == "period":
            first = self.cutoff - n_before
            return pd.period_range(first, periods=n_before + n_after + 1, freq=self.freq, name=self.name)
        ends = {"end": self.cutoff} if n_before else {"start": self.cutoff}
        freq = custom_days(self.freq, self.days) if self.days else self.freq
        try:
            stamps = date_range(periods=n_before + n_after + 1, freq=freq, name=self.name, **ends)
            return stamps.as_unit(self.unit)
        except ValueError as error:  # a midnight that summer time leaves out, a year beyond nanoseconds
            raise ValueError(
                f"the index cannot go on from {self.cutoff} by {n_after} steps of {self.freq!r}: {error}. Give y an "
                "index without time zone (tz_localize(None)), or of a coarser unit (as_unit('s'))"
            ) from error

    def advance(self, n_steps: int) -> "Calendar":
        """Return the calendar `n_steps` later."""
        if n_steps == 0:
            return self
        return self._replace(last=_last(self.after(n_steps)))

    def steps_to(self, index: pd.Index, argument: str) -> np.ndarray:
        """Return how many steps after the last label each label of `index` lies, (n,) int64."""
        expected = _index_type(self.kind)
        if not isinstance(index, expected) or (self.kind == "range" and index.dtype.kind not in "iu"):
            raise ValueError(
                f"{argument} is a {type(index).__name__}, but the series ends at {self.cutoff}: give labels "
                "of the same kind, or the number of steps as an int"
            )
        if len(index) == 0:
            raise ValueError(f"{argument} is empty: give at least one label after {self.cutoff}")
        if self.kind == "range":
            steps, rest = np.divmod(np.asarray(index, dtype=np.int64) - self.last, self.step)
            steps = np.where(rest == 0, steps, 0)
        else:
            steps = self._search(index, argument)
        if (steps < 1).any():
            offending = index[int(np.argmax(steps < 1))]
            raise ValueError(
                f"{argument}: {offending} is not one of the labels after the last observation {self.cutoff} "
                f"(the next are {', '.join(map(str, self.after(3)))}, ...)"
            )
        return steps

    def _search(self, index: Any, argument: str) -> np.ndarray:
        """Return positions of time stamps or periods in this calendar, 0 for those that are not in it."""
        if self.kind == "datetime" and (index.tz is None) != (not self.tz):
            raise ValueError(
                f"{argument} has time zone {index.tz}, but the series has {self.tz or None}: use "
                "tz_localize or tz_convert"
            )
        if self.kind == "period" and index.freqstr != self.freq:
            raise ValueError(
                f"{argument} has periods of {index.freqstr}, but the series has {self.freq}: use asfreq"
            )
        n_steps = 1
        while (labels := self.after(n_steps))[-1] < index.max():
            n_steps *= 2
        return labels.get_indexer(index).astype(np.int64) + 1

    def check_equal(self, expected: pd.Index, index: pd.Index, argument: str, rule: str) -> None:
        """Raise if `index` is not `expected`; `rule` says in words what was expected."""
        if (
            isinstance(index, _index_type(self.kind))
            and len(index) == len(expected)
            and (index == expected).all()
        ):
            return
        pairs = enumerate(zip(index, expected))
        position, got, wanted = next(
            ((i, a, b) for i, (a, b) in pairs if type(a) is not type(b) or a != b), (0, index[0], expected[0])
        )
        raise ValueError(
            f"{argument} must {rule}: row {position} should be {wanted}, but is {got}. "
            f"Set {argument}.index accordingly, or pass {argument}.to_numpy() to go by position"
        )


def date_range(*ends: Any, **options: Any) -> pd.DatetimeIndex:
    """Return ``pd.date_range``; a label that summer time leaves out or repeats is a ValueError with every pandas.

    Raises
    ------
    ValueError
        Older releases of pandas raise errors of pytz, which are none.
    """
    try:
        return pd.date_range(*ends, **options)
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "pytz":
            raise
        raise ValueError(f"{error} does not exist, or exists twice, in its time zone") from error


def read_calendar(index: pd.Index, argument: str) -> Calendar:
    """Return the calendar of a regular index, or raise naming the first label that is out of line.

    Parameters
    ----------
    index : pandas.Index
        Consecutive integers (or any constant positive step), a ``DatetimeIndex`` whose frequency is set or
        can be inferred, or a ``PeriodIndex``.
    argument : str
        Name of the user's argument, for messages.

    Returns
    -------
    Calendar

    Raises
    ------
    ValueError
        If the index is of another kind, or has missing, duplicated, unsorted or skipped labels.

    Examples
    --------
    >>> calendar = read_calendar(pd.date_range("2024-01-31", periods=4, freq="ME"), "y")
    >>> [str(stamp.date()) for stamp in calendar.after(2)]
    ['2024-05-31', '2024-06-30']
    """
    if not isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)) and index.dtype.kind not in "iu":
        raise ValueError(
            f"{argument} has an index of {index.dtype} labels ({index[0]!r}, ...), which cannot be "
            "continued: convert it with pd.to_datetime or pd.PeriodIndex, or drop it with "
            "reset_index(drop=True)"
        )
    check_increasing(index, argument)
    if isinstance(index, pd.DatetimeIndex):
        return _read_datetimes(index, argument)
    ordinals = np.asarray(index.asi8 if isinstance(index, pd.PeriodIndex) else index, dtype=np.int64)
    if isinstance(index, pd.PeriodIndex):
        calendar = Calendar("period", int(ordinals[-1]), freq=index.freqstr, name=index.name)
        step = (calendar.cutoff + 1).ordinal - calendar.last  # ordinals count months even if freq is "3M"
    else:
        default = index.step if isinstance(index, pd.RangeIndex) else 1
        step = next(iter(commonest_steps(ordinals)), default)
        calendar = Calendar("range", int(ordinals[-1]), step=step, name=index.name)
    broken = np.diff(ordinals) != step
    if broken.any():
        position = int(np.argmax(broken))
        missing = index[position] + (1 if calendar.kind == "period" else step)
        raise _gap(argument, missing, index[position + 1])
    return calendar


def _read_datetimes(index: pd.DatetimeIndex, argument: str) -> Calendar:
    tz = "" if index.tz is None else str(index.tz)
    try:
        pd.Timestamp(0, tz=tz or None)
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"{argument} has the time zone {index.tz!r}, which has no standard name: use "
            "tz_convert('Europe/Berlin') or the like"
        ) from error
    own = _freq_string(index.freq)
    for freq in (own, inferred_frequency(index)):
        if freq:
            calendar = Calendar("datetime", _last(index), freq, tz=tz, unit=index.unit, name=index.name)
            calendar = calendar._replace(days=_custom_days_of(index.freq) if freq is own else "")
            labels = calendar.until(len(index))
            if len(labels) == len(index) and (labels == index).all():
                return calendar
    if index.freq is not None and not own:
        raise ValueError(
            f"{argument} has an index of the frequency {index.freq!r}, which a forecast cannot continue, since its "
            f"name {index.freqstr!r} does not say all of it: drop it with reset_index(drop=True), or resample"
        )
    if len(index) < 3:
        raise ValueError(
            f"{argument} has {len(index)} time stamp(s), too few to infer their frequency: set it, for "
            f"example with {argument}.asfreq('D')"
        )
    raise _irregular(index, argument)


@lru_cache(maxsize=16)
def custom_days(freq: str, days: str) -> pd.offsets.CustomBusinessDay:
    """Return custom business days, given their name and a calendar's ``days``."""
    words = days.split()
    weekdays = [word for word in words if word.isalpha()]
    holidays = words[len(weekdays) :]
    return pd.offsets.CustomBusinessDay(to_offset(freq).n, weekmask=" ".join(weekdays), holidays=holidays)


def _custom_days_of(freq: Any) -> str:
    """Return weekdays and holidays of custom business days, '' for other frequencies."""
    if type(freq) is not pd.offsets.CustomBusinessDay:
        return ""
    holidays = np.array(freq.holidays, dtype="datetime64[D]").astype(str)
    return " ".join([str(freq.weekmask), *holidays])


def _freq_string(freq: Any) -> str:
    """Return the name of a frequency if the name alone rebuilds it, of custom business days with their ``days``;
    else ''."""
    if freq is None:
        return ""
    try:
        days = _custom_days_of(freq)
        rebuilt = custom_days(freq.freqstr, days) if days else to_offset(freq.freqstr)
        return freq.freqstr if rebuilt == freq else ""
    except ValueError:
        return ""


def inferred_frequency(index: pd.DatetimeIndex) -> str:
    """Return the frequency that all labels of an index have, empty if there is none or they are fewer than three."""
    if len(index) < 3:
        return ""
    # Not pd.infer_freq: its return type changes between pandas 3 and 4, with a warning.
    bare = pd.DatetimeIndex(index, freq=None)  # type: ignore[arg-type]
    return _freq_string(pd.DatetimeIndex(bare, freq="infer").freq)


def commonest_steps(ordinals: np.ndarray) -> list[int]:
    """Return the distances of neighbours, the commonest first, of equally common ones the shorter; three at most."""
    steps, counts = np.unique(np.diff(ordinals), return_counts=True)
    return steps[np.argsort(-counts, kind="stable")][:3].tolist()


def likely_frequencies(index: pd.DatetimeIndex) -> list[str]:
    """Return frequencies that an index with gaps may have, those that most neighbours have first.

    They are those that its short stretches have; and, for a few labels between gaps, numbers of months where all
    labels begin or end one, numbers of days where all have one time of day, and the steps themselves.

    Examples
    --------
    >>> likely_frequencies(pd.to_datetime(["2024-01-01", "2024-02-01", "2024-04-01"]))[0]
    'MS'
    """
    local = index.tz_localize(None)
    steps: list[Any] = []
    if len((local - local.normalize()).unique()) == 1:
        months, days = (commonest_steps(local.to_period(unit).asi8) for unit in ("M", "D"))
        ends = [base for base in ("MS", "ME", "BMS", "BME") if all(map(to_offset(base).is_on_offset, local))]
        steps += [f"{step}{base}" for base in ends for step in months if step]
        steps += [f"{step}D" for step in days]
    steps += [pd.Timedelta(step, unit=index.unit) for step in commonest_steps(index.asi8)]
    return list(
        dict.fromkeys([*_frequencies_of_stretches(index), *(to_offset(step).freqstr for step in steps)])
    )


def _frequencies_of_stretches(index: pd.DatetimeIndex) -> list[str]:
    """Return the frequencies of short stretches of an index, the commonest first."""
    width = max(3, min(5, len(index) // 2))
    starts = range(0, len(index) - width + 1, max(1, len(index) // 50))
    votes = Counter(freq for start in starts if (freq := inferred_frequency(index[start : start + width])))
    return [freq for freq, _ in votes.most_common()]


def share_of_neighbours(index: pd.DatetimeIndex, freq: str) -> float:
    """Return the fraction of neighbours that are one step of a frequency apart, 0 if a label lies off it."""
    places = labels_between(index, freq).get_indexer(index)
    return float((np.diff(places) == 1).mean()) if (places >= 0).all() else 0.0


def labels_between(index: pd.DatetimeIndex, freq: str) -> pd.DatetimeIndex:
    """Return the labels of a frequency from the first of an index to its last; two, if they are too many for gaps."""
    offset = to_offset(freq)
    step = pd.Timedelta(offset.nanos) if isinstance(offset, pd.offsets.Tick) else pd.Timedelta(days=1)
    if (index[-1] - index[0]) / step > _MOST_LABELS:
        return date_range(index[0], periods=2, freq=offset)
    return date_range(index[0], index[-1], freq=offset)


def _irregular(index: pd.DatetimeIndex, argument: str) -> ValueError:
    """Find the first stamp that breaks the likeliest frequency."""
    likely = [freq for freq in likely_frequencies(index) if share_of_neighbours(index, freq) >= 0.5]
    for freq in (likely or _frequencies_of_stretches(index))[:1]:
        expected = date_range(index[0], periods=len(index), freq=freq)
        broken = expected != index
        if broken.any():
            position = int(np.argmax(broken))
            return _gap(argument, expected[position], index[position], holidays=freq == "B")
    differences = np.diff(index.asi8)
    position = int(np.argmax(differences != differences[0])) + 1
    return ValueError(
        f"{argument} has irregular time stamps: the first change of step is at {index[position]}. Resample "
        f"it, for example with {argument}.resample('D').mean()"
    )


def _gap(argument: str, missing: Any, found: Any, *, holidays: bool = False) -> ValueError:
    closed = "; if these are holidays, give the index the freq pd.offsets.CustomBusinessDay(holidays=...)"
    return ValueError(
        f"{argument} has a gap in its index: {missing} is missing, {found} follows instead. Put it back with "
        f"forecasting.fill_gaps(y, rule='linear'), or choose another rule{closed if holidays else ''}"
    )


def check_increasing(index: pd.Index, argument: str) -> None:
    """Raise if labels are missing, duplicated or out of order."""
    if index.hasnans:
        position = int(np.argmax(index.isna()))
        raise ValueError(
            f"{argument} has a missing label (NaT) in its index at row {position}: drop or repair it"
        )
    if index.is_monotonic_increasing and index.is_unique:
        return
    duplicated = index.duplicated()
    if duplicated.any():
        raise ValueError(
            f"{argument} has the label {index[int(np.argmax(duplicated))]} more than once in its index: "
            f"keep one row, for example with {argument}.groupby(level=0).mean()"
        )
    position = next(i for i in range(1, len(index)) if index[i] < index[i - 1])
    raise ValueError(
        f"{argument} is not in order of time: {index[position]} follows {index[position - 1]}. Use sort_index(), of "
        "a long frame sort_values(['unique_id', 'ds'])"
    )


def _last(index: Any) -> int:
    if isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
        return int(index.asi8[-1])
    return int(index[-1])


def _index_type(kind: str) -> type:
    return {"range": pd.Index, "datetime": pd.DatetimeIndex, "period": pd.PeriodIndex}[kind]
