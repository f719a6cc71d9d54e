import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from forecasting.backtesting.run import RollingOrigin, backtest
from forecasting.baselines.naive import SeasonalNaive
from forecasting.cli import command, report
from forecasting.cli.command import main
from forecasting.metrics import mase
from forecasting.registry import FORECASTERS

FAST = ["--models", "naive,seasonal_naive,drift"]
MONTHS = pd.date_range("2015-01-01", periods=96, freq="MS")
NOISE = np.random.default_rng(0).normal(size=96)
SALES = pd.Series(10 + 3 * np.sin(2 * np.pi * np.arange(96) / 12) + 0.3 * NOISE, MONTHS, name="sales")


@pytest.fixture
def call(tmp_path, capsys, monkeypatch):
    """Run the command; return its exit code, its output and its errors. Only ``picture=True`` takes time to draw."""
    draw = report._draw

    def run(*arguments, out=tmp_path / "out", picture=False):
        monkeypatch.setattr(report, "_draw", draw if picture else lambda *arguments: None)
        try:
            code = main([*map(str, arguments), "--out", str(out)])
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def sales(tmp_path):
    path = tmp_path / "sales.csv"
    SALES.rename_axis("month").to_csv(path)
    return path


# -------------------------------------------------------------------------------------------- the main job


def test_a_file_is_forecast(call, sales, tmp_path):
    code, out, err = call(sales, "--horizon", 6, *FAST)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "sales: 96 values, 2015-01-01 to 2022-12-01, season 12 (of the calendar: MS)"
    assert lines[1] == "Backtest: 5 windows of 6 months, 90 % intervals"
    assert lines[3].split() == ["model", "MASE", "sMAPE", "coverage", "seconds"]
    assert lines[4].split()[0] == "seasonal_naive"
    assert lines[-2].startswith("Forecast by seasonal_naive: the lowest mean MASE, ")
    assert lines[-1] == f"Written to {tmp_path / 'out'}: forecast.csv, backtest.csv, forecast.png"


def test_the_table_holds_what_a_backtest_in_python_finds(call, sales):
    _, out, _ = call(sales, "--horizon", 6, "--windows", 4, "--coverage", 0.8, "--models", "seasonal-naive")
    row = out.splitlines()[4].split()
    cv = RollingOrigin(6, n_windows=4)
    result = backtest(SeasonalNaive(12), SALES, cv=cv, season_length=12, coverage=0.8).summary.iloc[0]
    assert row[1:4] == [f"{result['mase']:.3f}", f"{result['smape']:.2f}", f"{result['coverage']:.2f}"]
    y, scores = SALES.to_numpy(), []
    for train, test in cv.split(y):
        forecast = SeasonalNaive(12).fit(y[train]).predict(6)
        scores.append(mase(y[test], forecast, y_train=y[train], season_length=12))
    assert row[1] == f"{np.mean(scores):.3f}"
    assert "Forecast by seasonal_naive: the only one asked for." in out


def test_the_tables_on_disk(call, sales, tmp_path):
    call(sales, "--horizon", 6, *FAST, picture=True)
    forecast = pd.read_csv(tmp_path / "out" / "forecast.csv")
    assert list(forecast) == ["model", "month", "forecast", "lower", "upper"]
    assert forecast["model"].unique()[0] == "seasonal_naive"
    assert set(forecast["model"]) == {"naive", "seasonal_naive", "drift"}
    best = forecast[:6]
    assert best["month"].tolist() == [f"2023-0{month}-01" for month in range(1, 7)]
    np.testing.assert_allclose(best["forecast"], SALES[-12:-6], rtol=1e-9)
    interval = SeasonalNaive(12).fit(SALES).predict_interval(6, coverage=0.9)
    np.testing.assert_allclose(best[["lower", "upper"]], interval, rtol=1e-9)
    table = pd.read_csv(tmp_path / "out" / "backtest.csv")
    assert list(table) == ["model", "window", "cutoff", "step", "time", "y_true", "y_pred", "lower", "upper"]
    assert len(table) == 3 * 5 * 6
    assert (tmp_path / "out" / "forecast.png").read_bytes()[:4] == b"\x89PNG"


def test_without_a_file_the_sunspots_are_forecast(call, tmp_path):
    code, out, _ = call(*FAST)
    assert code == 0
    assert out.startswith("sunspots: 309 values, 1700 to 2008, season 11 (the solar cycle)\n")
    assert "Backtest: 5 windows of 11 years" in out
    assert len(pd.read_csv(tmp_path / "out" / "forecast.csv")) == 3 * 11


def test_the_default_models(call, sales):
    code, out, err = call(sales, "--horizon", 3, "--windows", 1)
    assert (code, err) == (0, "")
    names = [line.split()[0] for line in out.splitlines()[4:9]]
    assert sorted(names) == ["ets", "naive", "reservoir", "seasonal_naive", "theta"]


def test_without_a_season_the_seasonal_naive_method_is_left_out():
    arguments = command.build_parser().parse_args(["--season", "1"])
    assert command.read_task(arguments).models == ["reservoir", "ets", "theta", "naive"]


def test_quiet_says_nothing(call, sales, tmp_path):
    assert call(sales, "--horizon", 3, "--quiet", *FAST) == (0, "", "")
    assert (tmp_path / "out" / "forecast.csv").exists()


def test_rows_without_dates_and_columns_by_name(call, tmp_path):
    path = tmp_path / "waves.csv"
    waves = pd.DataFrame({"a": NOISE, "b": np.sin(2 * np.pi * np.arange(96) / 8) + 0.01 * NOISE})
    waves.to_csv(path, index=False)
    code, out, _ = call(path, "--target", "b", "--horizon", 4, *FAST)
    assert code == 0
    assert out.startswith("b: 96 values, 1 to 96, season 8 (the peak of the autocorrelation)\n")
    assert "note: no column of dates, so rows are numbered" in out
    assert pd.read_csv(tmp_path / "out" / "forecast.csv")["time"][:4].tolist() == [97, 98, 99, 100]
    assert "no season" in call(path, "--target", "b", "--horizon", 4, "--season", 1, *FAST)[1]


def test_a_series_too_short_for_its_season_is_forecast_without(call, tmp_path):
    path = tmp_path / "weeks.csv"
    weeks = pd.Series(NOISE[:60], pd.date_range("2024-01-07", periods=60, freq="W"), name="v")
    weeks.rename_axis("date").to_csv(path)
    code, out, _ = call(path, "--horizon", 4, "--models", "naive,drift")
    assert code == 0
    assert "note: 60 values are too few for a season of 52: none is used" in out
    assert "no season" in out.splitlines()[0]


def test_matplotlib_is_not_needed(call, sales, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)  # importing it fails
    code, out, err = call(sales, "--horizon", 3, *FAST, picture=True)
    assert (code, err) == (0, "")
    assert out.splitlines()[-2] == f"Written to {tmp_path / 'out'}: forecast.csv, backtest.csv"
    assert out.splitlines()[-1].startswith("No picture: matplotlib is missing; install it by: pip install")
    assert not (tmp_path / "out" / "forecast.png").exists()


# ------------------------------------------------------------------------------------- models that fail


class _Fails(SeasonalNaive):
    """Fails on long series."""

    def __init__(self, season_length=12, longest=80):
        super().__init__(season_length)
        self.longest = longest

    def fit(self, y, X=None, **options):
        if len(y) > self.longest:
            raise ValueError("out of\nreach")
        return super().fit(y, X, **options)


@pytest.fixture
def fails_beyond(monkeypatch):
    def put(name, longest):
        monkeypatch.setitem(FORECASTERS, name, lambda season: _Fails(season, longest))

    return put


def test_a_model_that_fails_is_reported_and_the_next_one_used(call, sales, fails_beyond, tmp_path):
    fails_beyond("drift", 80)
    code, out, _ = call(sales, "--horizon", 6, *FAST)
    assert code == 0
    assert "drift                  -        -         -" in out
    assert "drift failed in 2 window(s): ValueError: out of reach" in out
    assert "drift failed on the whole series: out of reach" in out
    assert set(pd.read_csv(tmp_path / "out" / "forecast.csv")["model"]) == {"naive", "seasonal_naive"}


def test_a_winner_that_cannot_be_fitted_on_the_whole_series_gives_way(call, sales, fails_beyond):
    fails_beyond("drift", 90)
    code, out, _ = call(sales, "--horizon", 6, "--models", "drift,naive")
    assert code == 0
    assert out.splitlines()[4].startswith("drift ")
    used = out.splitlines()[-2]
    assert used.startswith("Forecast by naive: the lowest mean MASE, ")
    assert used.endswith(" of those that could be fitted on the whole series.")


def test_nothing_left_is_an_error(call, sales, fails_beyond):
    fails_beyond("naive", 5)
    code, _, err = call(sales, "--horizon", 6, "--models", "naive")
    assert code == 2
    assert err == f"forecast: {sales}: no model came through the backtest; ValueError: out of reach\n"


def test_warnings_of_models_are_told_once(call, sales, monkeypatch):
    class Warns(SeasonalNaive):
        def fit(self, y, X=None, **options):
            command.warnings.warn("not converged", stacklevel=1)
            return super().fit(y, X, **options)

    monkeypatch.setitem(FORECASTERS, "naive", lambda season: Warns(season))
    assert call(sales, "--horizon", 6, "--models", "naive")[1].count("warning: not converged") == 1


# ----------------------------------------------------------------------------------------- bad requests


def _csv(*rows):
    return "\n".join(["date,v", *rows]) + "\n"


GOOD = [f"{label:%Y-%m-%d},{value}" for label, value in zip(MONTHS, SALES)]

BAD_FILES = {
    "missing column": (_csv(*GOOD), ["--target", "price"], "has no column 'price' (--target)"),
    "unparsable dates": (
        _csv(*GOOD[:9], "soon,1", *GOOD[9:]),
        [],
        "column 'date' holds 'soon' in line 11, which is",
    ),
    "gap": (
        _csv(*GOOD[:9], *GOOD[10:]),
        [],
        "column 'date' has a gap: after '2015-09-01' comes '2015-11-01'",
    ),
    "duplicates": (_csv(*GOOD[:9], *GOOD[8:]), [], "has '2015-09-01' more than once, in lines 10 and 11"),
    "too short": (
        _csv(*GOOD[:20]),
        [],
        "20 values are too few; 1 window(s) of 6 steps with 90 % intervals and a",
    ),
    "non-numeric": (
        _csv(*GOOD[:9], f"{GOOD[9][:10]},lots", *GOOD[10:]),
        [],
        "column 'v' holds 'lots' in line 11",
    ),
    "missing value": (
        _csv(*GOOD[:9], f"{GOOD[9][:10]},", *GOOD[10:]),
        [],
        "column 'v' has no value in line 11",
    ),
    "empty": ("", [], "is empty."),
    "no rows": (_csv(), [], "has a header but no rows."),
    "no csv": (b"\x89PNG\r\n\x1a\n\x00\xff\xfe\x01", [], "cannot be read as CSV: it is not text in UTF-8."),
    "no numbers": ("date,v\n2020-01-01,a\n2020-02-01,b\n", [], "has no column of numbers"),
    "constant": (_csv(*(f"{row[:10]},7" for row in GOOD)), [], "column 'v' is constant; there is nothing to"),
    "too many windows": (_csv(*GOOD), ["--windows", "40"], "40 window(s) of 6 steps"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_end_with_one_clear_line(call, tmp_path, case):
    content, options, message = BAD_FILES[case]
    path = tmp_path / "data.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = call(path, "--horizon", 6, *FAST, *options)
    assert (code, out) == (2, "")
    assert err.startswith(f"forecast: {path}: ")
    assert message in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_file_that_is_not_there(call, tmp_path):
    code, out, err = call(tmp_path / "nowhere.csv", "--horizon", 6)
    assert (code, out, err) == (2, "", f"forecast: {tmp_path / 'nowhere.csv'}: there is no such file.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sales.csv"], "sales.csv: name the number of steps to forecast by --horizon."),
        (
            ["--target", "v"],
            "--time, --target, --panel and --exog name columns of a file; name the file too.",
        ),
        (["--horizon", "0"], "argument --horizon: '0' is not a whole number of at least 1"),
        (["--horizon", "ten"], "argument --horizon: 'ten' is not a whole number of at least 1"),
        (["--coverage", "90"], "argument --coverage: '90' is not a fraction between 0 and 1, such as 0.9"),
        (["--models", "prophet"], "argument --models: 'prophet': the models are naive, seasonal_naive"),
        (["--models", ","], "argument --models: ',': the models are"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_bad_arguments_end_with_a_clear_line(call, arguments, message):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err.splitlines()[-1]


def test_a_folder_that_cannot_be_made_or_written(call, sales, tmp_path, monkeypatch):
    code, _, err = call(sales, "--horizon", 6, *FAST, out=sales / "out")
    assert (code, err.count("\n")) == (2, 1)
    assert "cannot be made (" in err
    (tmp_path / "out" / "forecast.csv").mkdir(parents=True)
    code, _, err = call(sales, "--horizon", 6, *FAST)
    assert (code, err.count("\n")) == (2, 1)
    assert "cannot be written (" in err


def test_an_interruption_is_no_traceback(call, sales, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "backtest", interrupt)
    code, _, err = call(sales, "--horizon", 6, *FAST)
    assert (code, err) == (130, "forecast: interrupted\n")


# ------------------------------------------------------------------------------------------------ words


def test_help_and_version_read_well(call):
    code, out, _ = call("--help")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 100
    for word in ("--horizon", "MASE", "forecast.csv", "autocorrelation", *FORECASTERS):
        assert word in out
    assert call("--version")[1].startswith("forecast 0.")


def test_all_models_can_be_asked_for():
    assert command.build_parser().parse_args(["--models", "all"]).models == list(FORECASTERS)


@pytest.mark.parametrize(
    ("index", "unit"),
    [
        (pd.date_range("2020", periods=3, freq="YS"), "year"),
        (pd.date_range("2020", periods=3, freq="QE"), "quarter"),
        (pd.date_range("2020", periods=3, freq="BMS"), "month"),
        (pd.date_range("2020", periods=3, freq="W-TUE"), "week"),
        (pd.date_range("2020", periods=3, freq="B"), "working day"),
        (pd.date_range("2020", periods=3, freq="D"), "day"),
        (pd.date_range("2020", periods=3, freq="h"), "hour"),
        (pd.date_range("2020", periods=3, freq="15min"), "step"),
        (pd.RangeIndex(3), "step"),
    ],
)
def test_the_word_for_a_step(index, unit):
    assert report._unit(pd.Series(range(3), index)) == unit


def test_the_installed_command():
    done = subprocess.run(
        [sys.executable, "-m", "forecasting.cli", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("forecast ")
