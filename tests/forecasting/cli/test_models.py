"""The command line with many series, exogenous variables, tuned and saved models, JSON, and folders of files."""

import json

import numpy as np
import pandas as pd
import pytest

import reservoir
from forecasting import RollingOrigin, backtest, tune
from forecasting.cli import report
from forecasting.cli.command import main
from forecasting.cli.csv_data import read_data
from forecasting.cli.csv_series import FileError
from forecasting.registry import FORECASTERS

FAST = ["--models", "naive,seasonal_naive,direct"]
MONTHS = pd.date_range("2015-01-01", periods=108, freq="MS")
N_KNOWN = 96
RNG = np.random.default_rng(0)
PROMOTED = RNG.integers(0, 2, 108).astype(float)


def _shop(level):
    season = 3 * np.sin(2 * np.pi * np.arange(108) / 12)
    return (10 * level + season + 2 * PROMOTED + 0.3 * RNG.normal(size=108)).round(4)


SHOPS = {"north": _shop(1), "south": _shop(2)}


@pytest.fixture
def call(tmp_path, capsys, monkeypatch):
    """Run the command in a folder of its own: its exit code, its output and its errors; nothing is drawn."""
    monkeypatch.setattr(report, "_draw", lambda *arguments: None)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            code = main([*map(str, arguments)])
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def files(tmp_path):
    """Write the files: of one shop, of both; with the promotions of what is to be forecast; and what came then."""
    parts = [
        pd.DataFrame({"month": MONTHS, "shop": s, "sold": y, "promo": PROMOTED}) for s, y in SHOPS.items()
    ]
    whole = pd.concat(parts)
    open_ended = whole.assign(sold=whole["sold"].where(whole["month"] < MONTHS[N_KNOWN]))
    one = whole["shop"] == "north"
    tables = {
        "one": whole.loc[one, ["month", "sold"]][:N_KNOWN],
        "later": whole.loc[one, ["month", "sold"]],
        "promoted": open_ended.loc[one, ["month", "sold", "promo"]],
        "shops": whole.loc[whole["month"] < MONTHS[N_KNOWN], ["month", "shop", "sold"]],
        "promoted_shops": open_ended,
    }
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)


@pytest.mark.usefixtures("files")
class TestFiles:
    """What works."""

    def test_a_panel_is_forecast_as_in_python(self, call):
        code, out, err = call("shops.csv", "--panel", "shop", "--horizon", 6, *FAST)
        assert (code, err) == (0, "")
        assert out.startswith(
            "sold: 2 series by 'shop', the first with 96 values, 2015-01-01 to 2022-12-01, season 12"
        )
        table = pd.read_csv("forecast-output/forecast.csv")
        assert list(table.columns) == ["model", "shop", "month", "forecast", "lower", "upper"]
        assert table.groupby(["model", "shop"]).size().tolist() == [6] * 6
        direct = FORECASTERS["direct"](12).fit(SHOPS["south"][:N_KNOWN]).predict(6)
        mine = table[(table["model"] == "direct") & (table["shop"] == "south")]
        np.testing.assert_allclose(mine["forecast"], direct, rtol=1e-8)
        kept = pd.read_csv("forecast-output/backtest.csv")
        assert set(kept["series"]) == {"north", "south"}

    def test_exogenous_variables_reach_those_that_use_them(self, call):
        code, out, err = call("promoted.csv", "--exog", "promo", "--horizon", 6, *FAST)
        assert (code, err) == (0, "")
        table = pd.read_csv("forecast-output/forecast.csv").set_index("model")
        y, X = SHOPS["north"][:N_KNOWN], PROMOTED[:, np.newaxis]
        direct = FORECASTERS["direct"](12).fit(y, X[:N_KNOWN])
        np.testing.assert_allclose(
            table.loc["direct", "forecast"], direct.predict(6, X[N_KNOWN : N_KNOWN + 6])
        )
        assert table.loc["naive", "forecast"].tolist() == [y[-1]] * 6
        cv = RollingOrigin(6, n_windows=5)
        found = backtest(FORECASTERS["direct"](12), y, X[:N_KNOWN], cv=cv, metrics="mase", season_length=12)
        printed = next(line.split() for line in out.splitlines() if line.startswith("direct"))
        assert float(printed[1]) == pytest.approx(found.summary["mase"].item(), abs=6e-4)

    def test_the_rows_without_target_are_the_horizon(self, call):
        code, out, _ = call("promoted_shops.csv", "--panel", "shop", "--exog", "promo", *FAST, "--json")
        found = json.loads(out)
        assert (code, found["horizon"], found["season"], len(found["forecast"])) == (0, 12, 12, 24)
        assert found["forecast"][0]["month"] == "2023-01-01T00:00:00"

    def test_json_holds_what_the_table_does(self, call):
        code, out, err = call("one.csv", "--horizon", 3, *FAST, "--json")
        found = json.loads(out)
        assert (code, err) == (0, "")
        assert found["chosen"] == found["scores"][0]["model"]
        assert [row["mase"] for row in found["scores"]] == sorted(row["mase"] for row in found["scores"])
        csv = pd.read_csv("forecast-output/forecast.csv")
        kept = csv[csv["model"] == found["chosen"]]
        np.testing.assert_allclose([row["lower"] for row in found["forecast"]], kept["lower"])

    @pytest.mark.parametrize("name", ["model", "forecast", "lower", "upper"])
    def test_columns_named_as_those_of_the_table(self, call, name):
        table = pd.read_csv("shops.csv")
        table.rename(columns={"month": name}).to_csv("times.csv", index=False)
        table.rename(columns={"shop": name}).to_csv("names.csv", index=False)
        naive = ("--models", "naive", "--horizon", 3, "--quiet", "--save", "m.skops")
        assert call("times.csv", "--panel", "shop", *naive) == (0, "", "")
        assert pd.read_csv("forecast-output/forecast.csv").columns[1:3].tolist() == ["shop", "time"]
        assert call("names.csv", "--panel", name, *naive) == (0, "", "")
        assert pd.read_csv("forecast-output/forecast.csv").columns[1:3].tolist() == ["series", "month"]
        table[table["shop"] == "north"].rename(columns={"month": name}).to_csv("one.csv", index=False)
        assert call("one.csv", *naive) == (0, "", "")
        assert call("--load", "m.skops", "--horizon", 3, "--quiet") == (0, "", "")
        assert pd.read_csv("forecast-output/forecast.csv").columns[0] == "time"

    def test_a_saved_model_goes_on_where_it_stood(self, call):
        arguments = ("one.csv", "--horizon", 6, "--models", "direct", "--save", "m.skops")
        code, out, _ = call(*arguments)
        assert code == 0
        assert out.splitlines()[-1] == "Saved: m.skops"
        expected = FORECASTERS["direct"](12).fit(SHOPS["north"][:N_KNOWN])
        code, out, _ = call("--load", "m.skops", "--horizon", 4, "--json")
        rows = json.loads(out)["forecast"]
        np.testing.assert_allclose([row["forecast"] for row in rows], expected.predict(4))
        band = expected.predict_interval(4)
        np.testing.assert_allclose([[row["lower"], row["upper"]] for row in rows], band)
        assert reservoir.load("m.skops").calibration_.horizon == 6
        code, out, _ = call("later.csv", "--load", "m.skops", "--update", "--horizon", 4, "--save", "n.skops")
        assert code == 0
        assert out.startswith("DirectForecaster of m.skops, told 12 new rows")
        code, out, _ = call("--load", "n.skops", "--horizon", 4, "--json")
        rows = json.loads(out)["forecast"]
        expected.update(SHOPS["north"][N_KNOWN:])
        np.testing.assert_allclose([row["forecast"] for row in rows], expected.predict(4))
        band = expected.predict_interval(4, initial=N_KNOWN // 2)  # the first part has not moved
        np.testing.assert_allclose([[row["lower"], row["upper"]] for row in rows], band)
        assert rows[0]["month"] == "2024-01-01T00:00:00"

    @pytest.mark.parametrize(
        "stamps",
        [
            ["2023-01-01"],
            ["2023-01-01", "2023-02-01"],
            ["202301"],
            ["01.01.2023", "01.02.2023"],
            ["1/1/2023", "1/2/2023"],  # the first of February, not the second of January
            ["2023-02-17", "2023-01-20"],
        ],
    )
    def test_one_or_two_new_rows_are_enough(self, call, stamps):
        call("one.csv", "--horizon", 6, "--models", "direct", "--save", "m.skops")
        news = SHOPS["north"][N_KNOWN : N_KNOWN + len(stamps)]
        ordered = news[::-1] if stamps[0] == "2023-02-17" else news
        # The column that was learned is told, though another one comes first.
        table = pd.DataFrame({"month": stamps, "price": 99.0, "sold": ordered})
        table.to_csv("news.csv", index=False)
        code, out, err = call("news.csv", "--load", "m.skops", "--update", "--horizon", 4, "--json")
        assert (code, err) == (0, "")
        found = json.loads(out)
        assert found["told"] == len(stamps)
        expected = FORECASTERS["direct"](12).fit(SHOPS["north"][:N_KNOWN]).update(news).predict(4)
        np.testing.assert_allclose([row["forecast"] for row in found["forecast"]], expected)

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ("2023-02-01,3", "row 0 should be 2023-01-01 00:00:00, but is 2023-02-01 00:00:00"),
            ("2023-01-01,3\n2023-01-02,3", "row 1 should be 2023-02-01 00:00:00, but is 2023-01-02 00:00:00"),
            ("2023-01-01,3\n2023-01-01,4", "has '2023-01-01' more than once, in lines 2 and 3"),
            ("2022-12-01,3", "has no row after 2022-12-01 00:00:00, where the model stands"),
        ],
    )
    def test_one_or_two_rows_that_do_not_follow(self, call, tmp_path, rows, message):
        call("one.csv", "--horizon", 6, "--models", "naive", "--save", "m.skops")
        (tmp_path / "news.csv").write_text(f"month,sold\n{rows}\n")
        code, _, err = call("news.csv", "--load", "m.skops", "--update", "--horizon", 2)
        assert code == 2
        assert message in err
        (tmp_path / "news.csv").write_text("month,earned\n2023-01-01,5\n")
        code, _, err = call("news.csv", "--load", "m.skops", "--update", "--horizon", 2)
        assert (code, "has no column 'sold' (--target)" in err) == (2, True)

    def test_a_saved_panel_with_exogenous_variables(self, call):
        common = ("promoted_shops.csv", "--panel", "shop", "--exog", "promo")
        assert call(*common, *FAST, "--horizon", 6, "--save", "m.skops", "--quiet") == (0, "", "")
        code, out, err = call(*common, "--load", "m.skops", "--horizon", 3, "--json")
        assert (code, err) == (0, "")
        found = json.loads(out)
        assert (found["told"], len(found["forecast"])) == (0, 6)
        whole = pd.read_csv("promoted_shops.csv")
        ahead = whole[whole["month"] == f"{MONTHS[N_KNOWN].date()}"]  # one row each, nothing of the target
        ahead.assign(month=MONTHS[N_KNOWN].strftime("%d/%m/%Y")).to_csv("ahead.csv", index=False)
        options = ("--panel", "shop", "--exog", "promo", "--target", "sold", "--load", "m.skops", "--json")
        code, out, err = call("ahead.csv", *options)
        assert (code, err) == (0, "")
        firsts = [found["forecast"][0]["forecast"], found["forecast"][3]["forecast"]]
        assert [row["forecast"] for row in json.loads(out)["forecast"]] == pytest.approx(firsts)
        ahead.assign(month="02/03/2023").to_csv("ahead.csv", index=False)  # neither day follows
        code, _, err = call("ahead.csv", *options)
        assert (code, "X of series 'north' must have the 1 labels after 2022-12-01" in err) == (2, True)

    def test_tuning_adds_a_model_and_looks_at_nothing_of_the_backtest(self, call, monkeypatch):
        seen = []
        monkeypatch.setattr(
            "forecasting.tuning.tune",
            lambda model, y, X, **options: seen.append(y) or tune(model, y, X, **options),
        )
        code, out, _ = call("one.csv", "--horizon", 6, "--models", "naive", "--tune", "0.001")
        assert code == 0
        assert (
            "tuned_reservoir: median of the best of 4 settings, tried on what comes before the backtest"
            in out
        )
        assert len(seen) == 1
        assert seen[0].index[-1] == MONTHS[N_KNOWN - 5 * 6 - 1]

    def test_a_folder_of_files_is_compared(self, call, tmp_path):
        (tmp_path / "many").mkdir()
        for name in ("one", "later"):
            (tmp_path / "many" / f"{name}.csv").write_bytes((tmp_path / f"{name}.csv").read_bytes())
        (tmp_path / "many" / "broken.csv").write_text("month,sold\n")
        code, out, err = call("benchmark", "many", "--horizon", 6, *FAST)
        assert (code, err) == (0, "")
        lines = out.splitlines()
        assert lines[0] == "2 of 3 files, 10 windows, MASE"
        assert "left out: many/broken.csv: has a header but no rows." in lines
        scores = pd.read_csv("forecast-output/scores.csv")
        assert set(scores["data"]) == {"one", "later"}
        board = pd.read_csv("forecast-output/leaderboard.csv", index_col="model")
        assert board["score"]["naive"] == pytest.approx(scores["naive"].mean())
        code, out, _ = call("benchmark", "many", "--horizon", 6, *FAST, "--json")
        found = json.loads(out)
        assert found["left_out"] == {"broken.csv": "many/broken.csv: has a header but no rows."}
        assert found["leaderboard"][0]["pvalue"] is None

    def test_a_folder_of_lines_and_flat_files(self, call, tmp_path):
        (tmp_path / "many").mkdir()
        tables = {"line": np.arange(60.0), "flat": np.append(np.full(59, 3.0), 4.0)}
        for name, values in tables.items():
            pd.DataFrame({"month": MONTHS[:60], "sold": values}).to_csv(f"many/{name}.csv", index=False)
        options = ("--horizon", 3, "--models", "naive,drift")
        code, out, err = call("benchmark", "many", *options)
        assert (code, err) == (0, "")
        lines = out.splitlines()
        assert lines[0] == "1 of 2 files, 5 windows, MASE"
        assert lines[2].split()[:5] == [
            "drift",
            "0",
            "1",
            "1",
            "0",
        ]  # perfect: no division by zero is told of
        reason = "many/flat.csv: no model came through the backtest; mase: ValueError: y_train repeats itself"
        assert lines[4].startswith(f"left out: {reason}")
        (tmp_path / "many" / "line.csv").unlink()
        code, _, err = call("benchmark", "many", *options)
        assert (code, reason in err) == (2, True)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                ["one.csv", "--horizon", 6, "--exog", "nope"],
                "one.csv: has no column 'nope' (--exog); its columns",
            ),
            (["shops.csv", "--horizon", 6, "--panel", "x"], "shops.csv: has no column 'x' (--panel)"),
            (["shops.csv", "--horizon", 6], "keep one row for each time (many series: --panel)."),
            (["promoted.csv", "--exog", "promo", "--target", "promo"], "has no column 'promo' (--target)"),
            (
                ["promoted.csv", "--exog", "promo", "--horizon", 40],
                "--exog needs 40 rows after the last value of 's",
            ),
            (
                ["one.csv", "--horizon", 3, "--update"],
                "--update tells a saved model what happened; name it by --load.",
            ),
            (
                ["one.csv", "--horizon", 3, "--load", "one.csv"],
                "add --update to tell it the file's new rows.",
            ),
            (["--load", "one.csv", "--horizon", 3], "one.csv: is no saved model (--load); "),
            (["--load", "two.skops", "--horizon", 3], "two.skops: there is no such file (--load)."),
            (["--load", "one.csv", "--update"], "--update needs the FILE.csv with the new rows."),
            (
                ["--load", "one.csv", "--tune", 5],
                "--tune is for models that are fitted; leave it out with --load.",
            ),
            (["one.csv", "--horizon", 3, "--tune", "0"], "'0' is not a number of seconds above 0"),
            (["one.csv", "--horizon", 3, "--exog", "a,a"], "'a,a' must name columns, each once"),
            (["one.csv", "--horizon", 3, *FAST, "--save", "no/m.skops"], "no/m.skops: cannot be saved; "),
            (["benchmark", "none", "--horizon", 3], "none: there is no such folder."),
            (["benchmark", "."], ".: name the number of steps to forecast by --horizon."),
            (
                ["benchmark", ".", "--horizon", 3, "--target", "q"],
                ".: no file could be forecast; later.csv: has no co",
            ),
        ],
    )
    def test_bad_requests_end_with_one_clear_line(self, call, arguments, message):
        code, _, err = call(*arguments)
        assert code == 2
        assert message in err.splitlines()[-1]
        assert "Traceback" not in err

    def test_a_model_that_cannot_use_a_file(self, call):
        call("one.csv", "--horizon", 6, "--models", "direct", "--save", "m.skops")
        pd.DataFrame({"sold": np.arange(20.0) ** 2}).to_csv("rows.csv", index=False)
        for name, message in {
            "one.csv": "one.csv: has no row after 2022-12-01 00:00:00, where the model stands;",
            "rows.csv": "rows.csv: its times cannot be compared with 2022-12-01 00:00:00, where",
        }.items():
            code, _, err = call(name, "--load", "m.skops", "--update", "--horizon", 2)
            assert code == 2
            assert err.startswith(f"forecast: {message}")
        later = pd.read_csv("later.csv").drop(index=N_KNOWN)
        later[later.index > 80].iloc[20:].to_csv("far.csv", index=False)
        code, _, err = call("far.csv", "--load", "m.skops", "--update", "--horizon", 2)
        assert code == 2
        assert "must start right after the last observation" in err
        code, _, err = call("--load", "m.skops")
        assert (code, err) == (2, "forecast: name the number of steps to forecast by --horizon.\n")


def test_columns_of_a_panel_that_cannot_be(tmp_path):
    path = tmp_path / "panel.csv"
    path.write_text(
        "month,shop,ds,sold\n" + "".join(f"{year},a,{year % 3},1\n" for year in range(2000, 2010))
    )
    with pytest.raises(
        FileError, match=r"column 'ds' \(--exog\) has the name of a column of long frames; rename it"
    ):
        read_data(path, panel="shop", exog=["ds"])
    path.write_text(path.read_text() + "2000,,1,5\n")
    with pytest.raises(
        FileError, match="column 'shop' has no value in line 12; name the series of every row"
    ):
        read_data(path, panel="shop", target="sold")


def test_series_with_unequal_futures_are_refused(tmp_path):
    rows = [
        f"{year},{s},{year % 3 if year < 2012 + (s == 'b') else ''},1"
        for s in "ab"
        for year in range(2000, 2014)
    ]
    path = tmp_path / "two.csv"
    path.write_text("\n".join(["year,shop,sold,price", *rows]))
    with pytest.raises(
        FileError, match="series 'b' has 1 rows after its last value of 'sold', series 'a' has 2"
    ):
        read_data(path, panel="shop", exog=["price"])
    path.write_text("year,shop,sold\n2000,a,1\n2001,a,x\n2002,a,3\n")
    with pytest.raises(FileError, match="series 'a': column 'sold' holds 'x' in line 3"):
        read_data(path, target="sold", panel="shop")
