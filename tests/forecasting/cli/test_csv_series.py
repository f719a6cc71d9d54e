import numpy as np
import pandas as pd
import pytest

from forecasting.cli.csv_series import FileError, read_series

MONTHS = pd.date_range("2020-01-01", periods=8, freq="MS")
VALUES = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])
QUARTERS = "QS-JAN" if int(pd.__version__.partition(".")[0]) >= 3 else "QS-OCT"  # the same quarters


@pytest.fixture
def write(tmp_path):
    def put(text, encoding="utf-8"):
        path = tmp_path / "data.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return put


def lines(header, *columns, sep=","):
    return "\n".join([header, *(sep.join(map(str, row)) for row in zip(*columns))]) + "\n"


# ------------------------------------------------------------------------------------------ what is read


@pytest.mark.parametrize(
    ("header", "stamps"),
    [
        ("date,v", MONTHS.strftime("%Y-%m-%d")),
        ("whenever,v", MONTHS.strftime("%Y-%m")),
        ("Time,v", MONTHS.strftime("%Y-%m-%dT00:00:00")),
        ("ds,v", MONTHS.strftime("%d.%m.%Y")),
        ("period,v", MONTHS.strftime("%b %Y")),
        ("day,v", MONTHS.strftime("%Y%m%d")),
        ("month,v", MONTHS.strftime("%Y%m")),
    ],
)
def test_dates_of_any_usual_form(write, header, stamps):
    series, notes = read_series(write(lines(header, stamps, VALUES)))
    assert (series.name, series.index.name, notes) == ("v", header.split(",")[0], [])
    np.testing.assert_array_equal(series.index, MONTHS)
    assert series.index.freqstr == "MS"
    np.testing.assert_array_equal(series, VALUES)


def test_decimal_commas_where_they_do_not_divide(write):
    numbers = [f"{value + 0.25}".replace(".", ",") for value in VALUES]
    text = lines("date;sales;id", MONTHS.strftime("%Y-%m-%d"), numbers, [0] * 8, sep=";")
    series = read_series(write(text)).series
    assert series.name == "sales"
    np.testing.assert_array_equal(series, VALUES + 0.25)


def test_a_date_that_may_be_two_is_read_month_first_and_told(write):
    series, notes = read_series(write(lines("date,v", MONTHS.strftime("%d/%m/%Y"), VALUES)))
    np.testing.assert_array_equal(series.index, pd.date_range("2020-01-01", periods=8, freq="D"))
    assert notes == ["'01/02/2020' was read as 02 January 2020; write it as 2020-01-02"]
    series, notes = read_series(write(lines("date,v", MONTHS.strftime("%m/%d/%Y"), VALUES)))
    np.testing.assert_array_equal(series.index, MONTHS)
    assert notes == ["'02/01/2020' was read as 01 February 2020; write it as 2020-02-01"]


def test_dates_within_months_are_moved_to_their_first_day(write):
    stamps = (MONTHS + pd.Timedelta(days=20)).strftime("%d/%m/%Y")  # no month has number 21
    series, notes = read_series(write(lines("date,v", stamps, VALUES)))
    np.testing.assert_array_equal(series.index, MONTHS)
    assert series.index.freqstr == "MS"
    assert notes == ["one row a month (or quarter, year): '21/01/2020' was taken as 2020-01-01"]


@pytest.mark.parametrize(
    ("stamps", "freq"),
    [
        (pd.date_range("2024-03-01", periods=8, freq="h"), "h"),
        (pd.date_range("2024-03-01", periods=8, freq="15min"), "15min"),
        (pd.date_range("2024-01-31", periods=8, freq="ME"), "ME"),
        (pd.date_range("2024-03-04", periods=8, freq="B"), "B"),
        (pd.date_range("2024-03-04", periods=8, freq="W-MON"), "W-MON"),
        (pd.date_range("2020-01-01", periods=8, freq="QS-OCT"), QUARTERS),
    ],
)
def test_frequencies(write, stamps, freq):
    series, _ = read_series(write(lines("date,v", stamps, VALUES)))
    assert series.index.freq == pd.tseries.frequencies.to_offset(freq)
    np.testing.assert_array_equal(series.index, stamps)


def test_quarters_whole_numbers_and_rows_without_time(write):
    quarters = [f"{year}Q{q}" for year in (2020, 2021) for q in (1, 2, 3, 4)]
    series, _ = read_series(write(lines("quarter,v", quarters, VALUES)))
    np.testing.assert_array_equal(series.index, pd.date_range("2020-01-01", periods=8, freq="QS"))
    series, _ = read_series(write(lines("YEAR,SUNACTIVITY", range(1700, 1708), VALUES)))
    assert (series.index.tolist(), series.index.name) == (list(range(1700, 1708)), "YEAR")
    series, notes = read_series(write(lines("v", VALUES)))
    assert (series.index.tolist(), notes) == (list(range(1, 9)), ["no column of dates, so rows are numbered"])
    series, notes = read_series(write(lines("time,v", np.arange(8) * 0.5, VALUES)))
    assert notes[0] == "target is 'time' of 2 columns of numbers; choose by --target"


@pytest.mark.parametrize("pattern", ["%b-%y", "%B/%y"])
@pytest.mark.parametrize("first", ["2015-11-01", "1998-11-01"])
def test_names_of_months_beside_two_digits_of_the_year(write, pattern, first):
    months = pd.date_range(first, periods=8, freq="MS")
    series, notes = read_series(write(lines("date,v", months.strftime(pattern), VALUES)))
    np.testing.assert_array_equal(series.index, months)
    assert notes == []


def test_decimal_commas_beside_dots_of_thousands(write):
    numbers = ["950,5", "1.023,25", "12", "1.234.567", "-1.000,5", "0,5", "999", "2.000"]
    series, _ = read_series(write(lines("date;v", MONTHS.date, numbers, sep=";")))
    assert series.tolist() == [950.5, 1023.25, 12, 1234567, -1000.5, 0.5, 999, 2000]


def test_a_column_without_a_name_is_no_target_if_there_is_another(write):
    path = write(lines(",date,v", range(8), MONTHS.date, VALUES))  # as pandas writes a frame with its index
    assert read_series(path).series.name == "v"
    assert read_series(write(lines("date,", MONTHS.date, VALUES))).series.name == "Unnamed: 1"


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_delimiters_blank_lines_and_byte_order_mark(write, sep):
    text = lines(f"date{sep}v", MONTHS.date, VALUES, sep=sep) + "\n\n"
    np.testing.assert_array_equal(read_series(write(text, "utf-8-sig")).series, VALUES)


def test_rows_are_put_in_order_of_time(write):
    series, notes = read_series(write(lines("date,v", MONTHS[::-1].date, VALUES[::-1])))
    np.testing.assert_array_equal(series, VALUES)
    np.testing.assert_array_equal(series.index, MONTHS)
    assert notes == ["rows were put in order of 'date'"]


def test_columns_are_chosen_by_rule_or_by_name(write):
    path = write(lines("id,other,date,y,z", "abcdefgh", VALUES * 2, MONTHS.date, VALUES, VALUES * 3))
    series, notes = read_series(path)
    assert (series.name, notes) == ("y", ["target is 'y' of 3 columns of numbers; choose by --target"])
    assert read_series(path, target="z").series.iloc[0] == 9.0
    assert read_series(path, time="date", target="other").notes == []


def test_offsets_from_utc_that_change_are_read_as_utc(write):
    stamps = pd.date_range("2024-03-30 22:00", periods=8, freq="h", tz="Europe/Berlin")
    series, _ = read_series(write(lines("time,v", [s.isoformat() for s in stamps], VALUES)))
    assert (series.index == stamps).all()


# -------------------------------------------------------------------------------------------- bad files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "data.csv: is empty."),
        ("date,v\n", "data.csv: has a header but no rows."),
        ("date,v\n\n,\n", "data.csv: has a header but no rows."),
        (
            "2020-01,112\n2020-02,118\n",
            "data.csv: has no header line: a column is called '112'; name the columns.",
        ),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xd8", "data.csv: cannot be read as CSV: it is not text in UTF-8."),
        ("date,v\n2020-01-01,1\n2020-02-01,2,3\n", "cannot be read as CSV: .*line 3.*"),
        (
            "date,v\n2020-01-01,1,9\n2020-02-01,2,3\n",
            "cannot be read as CSV: its lines have more cells than the header line.",
        ),
        (
            lines("date;v", MONTHS.date, [950, "1.023", 7, "-1.100", 0, 5, 6, 8], sep=";"),
            "column 'v' holds '1.023' in line 3 beside '950': are these thousands. Write '1023'",
        ),
        (
            "date,name\n2020-01-01,a\n2020-02-01,b\n",
            "has no column of numbers; its columns are 'date', 'name'.",
        ),
        (
            "date,v\nlast month,1\nthis month,2\n",
            "column 'date' holds 'last month' in line 2, which is not a date.",
        ),
        (
            "date,v\n2020-01-01,1\n,2\n2020-03-01,2\n",
            "column 'date' holds '' in line 3, which is not a date.",
        ),
        ("date,v\n2020-01-01,1\n2020-02-01,2\n", "has only 2 rows, too few to tell the step of time from"),
        (
            lines("date,v", MONTHS.date[[0, 1, 2, 3, 5, 6, 7]], VALUES),
            "column 'date' has a gap: after '2020-04-01' comes '2020-06-01'; add the missing rows.",
        ),
        (
            lines("year,v", [1, 2, 3, 5, 6], VALUES),
            "column 'year' has a gap: after '3' comes '5'; add the missing rows.",
        ),
        (
            lines(
                "date,v", pd.date_range("2024-03-04", periods=8, freq="B").date[[0, 1, 2, 3, 4, 5, 7]], VALUES
            ),
            "column 'date' has a gap: after '2024-03-11' comes '2024-03-13'",
        ),
        (
            lines("date,v", MONTHS.date[[0, 1, 2, 1]], VALUES),
            "column 'date' has '2020-02-01' more than once, in lines 3 and 5; keep one row for each time.",
        ),
        ("h,time,v\n1,0,1\n1,7,1\n1,12,1\n1,20,2\n1,26,3\n", "column 'time' has steps of changing length"),
        (
            lines("date,v", MONTHS.date, [1, 2, 3, "n/a", 5, 6, "", 8]),
            "column 'v' has no value in line 5 .2 of 8 are",
        ),
        (
            lines("date,v", MONTHS.date, [1, 2, 3, "lots", 5, 6, 7, 8]),
            "column 'v' holds 'lots' in line 5, which is not",
        ),
        (
            lines("date;v", MONTHS.date, ["1,5,0"] + [1] * 7, sep=";"),
            "column 'v' holds '1,5,0' in line 2, which is not",
        ),
        (
            lines("date,v", MONTHS.date, [1, "inf", 3, 4, 5, 6, 7, 8]),
            "column 'v' holds 'inf' in line 3, which is not",
        ),
    ],
)
def test_bad_files_are_told_in_one_line(write, text, message):
    with pytest.raises(FileError, match=message) as caught:
        read_series(write(text))
    assert "\n" not in str(caught.value)


def test_missing_files_columns_and_folders(write, tmp_path):
    with pytest.raises(FileError, match=r"nowhere.csv: there is no such file."):
        read_series(tmp_path / "nowhere.csv")
    with pytest.raises(FileError, match="is a folder; name a CSV file"):
        read_series(tmp_path)
    path = write(lines("date,v", MONTHS.date, VALUES))
    with pytest.raises(FileError, match=r"has no column 'sales' \(--target\); its columns are 'date', 'v'."):
        read_series(path, target="sales")
    with pytest.raises(FileError, match=r"has no column 'ds' \(--time\); its columns are 'date', 'v'."):
        read_series(path, time="ds")
    with pytest.raises(FileError, match="column 'date' cannot be time and target at once"):
        read_series(path, target="date")
