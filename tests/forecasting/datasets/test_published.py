import gzip
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pooch
import pytest

from forecasting import datasets
from forecasting.datasets import published
from forecasting.metrics import mase, owa, smape

NEEDS_FILES = pytest.mark.skipif(
    datasets.DATA_VARIABLE not in os.environ,
    reason=f"set {datasets.DATA_VARIABLE} to a folder of the published files",
)


# --------------------------------------------------------------------------------------- bundled series


@pytest.mark.parametrize(
    ("load", "n_steps", "freq", "first", "last"),
    [
        (datasets.load_sunspots, 309, "YS", "1700-01-01", "2008-01-01"),
        (datasets.load_co2, 526, "MS", "1958-03-01", "2001-12-01"),
        (datasets.load_macrodata, 203, "QS", "1959-01-01", "2009-07-01"),
        (datasets.load_nile, 100, "YS", "1871-01-01", "1970-01-01"),
        (datasets.load_elnino, 732, "MS", "1950-01-01", "2010-12-01"),
    ],
)
def test_bundled_series_are_regular_and_whole(load, n_steps, freq, first, last):
    series = load()
    assert len(series) == n_steps
    assert series.index.freq == pd.tseries.frequencies.to_offset(freq)
    assert (series.index[0], series.index[-1]) == (pd.Timestamp(first), pd.Timestamp(last))
    values = series.to_numpy()
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    series.iloc[0] = -1.0
    assert (load().to_numpy() != -1.0).all()  # a caller's change does not leak into the next load


def test_known_values():
    assert datasets.load_sunspots()["1957"].item() == 190.2
    assert datasets.load_nile().mean() == pytest.approx(919.35)
    assert datasets.load_elnino()["1997-12-01"] == pytest.approx(26.92, abs=0.5)
    assert list(datasets.load_macrodata().columns[:2]) == ["realgdp", "realcons"]


def test_co2_gaps_are_filled_linearly():
    raw, filled = datasets.load_co2(fill_gaps=False), datasets.load_co2()
    assert list(raw.index[raw.isna()].strftime("%Y-%m")) == [
        "1958-06",
        "1958-10",
        "1964-02",
        "1964-03",
        "1964-04",
    ]
    before, after = raw["1964-01-01"], raw["1964-05-01"]
    assert filled["1964-02-01":"1964-04-01"].to_numpy() == pytest.approx(np.linspace(before, after, 5)[1:-1])
    pd.testing.assert_series_equal(filled[raw.notna()], raw.dropna(), check_freq=False)


# -------------------------------------------------------------------------- where fetched files come from


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of local copies whose checksums are taken as the published ones."""
    monkeypatch.setenv(datasets.DATA_VARIABLE, str(tmp_path))

    def put(name, content: bytes):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        source = published._SOURCES[name]._replace(sha256=pooch.file_hash(str(path)))
        monkeypatch.setitem(published._SOURCES, name, source)

    return put


def test_m4_is_read_from_a_folder(folder):
    folder("m4/Hourly-train.csv", b'"V1","V2","V3","V4"\n"H1","1","2","3"\n"H2","4","5",\n')
    folder("m4/Hourly-test.csv", b'"V1","V2"\n"H2","6"\n"H1","7"\n')
    folder("m4/Hourly-Naive2.csv", b"id,F1\nH1,7.5\nH2,6.5\n")
    m4 = datasets.fetch_m4_hourly(naive2=True)
    assert m4.ids == ["H1", "H2"]
    assert [series.tolist() for series in m4.train] == [[1, 2, 3], [4, 5]]
    assert (m4.test.tolist(), m4.naive2.tolist()) == ([[7], [6]], [[7.5], [6.5]])
    assert (m4.season_length, m4.horizon) == (24, 48)
    assert datasets.fetch_m4_hourly().naive2 is None


def test_other_fetchers_read_from_a_folder(folder, tmp_path):
    folder("ett/ETTh1.csv", b"date,OT\n2016-07-01 00:00:00,1.5\n2016-07-01 01:00:00,2.5\n")
    frame = datasets.fetch_ett()
    assert (frame.index.freqstr, frame["OT"].tolist()) == ("h", [1.5, 2.5])
    np.save(tmp_path / "laser.npy", np.array([[86], [141]]))
    folder("santafe/santafe_laser.npy", (tmp_path / "laser.npy").read_bytes())
    assert datasets.fetch_santa_fe().tolist() == [86.0, 141.0]
    folder("japanese_vowels/JapaneseVowels_TRAIN.ts", b"#a\n@dimensions 2\n@data\n1,2,3:4,5,6:9\n1,2:3,4:1\n")
    folder("japanese_vowels/JapaneseVowels_TEST.ts", b"@data\n7:8:2")
    vowels = datasets.fetch_japanese_vowels()
    assert vowels.X_train[0].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert vowels.y_train.tolist() == ["9", "1"]
    assert (vowels.X_test[0].tolist(), vowels.y_test.tolist()) == ([[7, 8]], ["2"])


def test_dysts_is_read_from_a_folder(folder):
    def put(name, content):
        folder(f"dysts/{name}", gzip.compress(json.dumps(content).encode()))

    put(f"train_{published._CHAOS}", {"Lorenz": {"dt": 0.5, "time": [0, 0.5], "values": [1, 2]}})
    put(f"test_{published._CHAOS}", {"Lorenz": {"dt": 0.5, "time": [0, 0.5], "values": [3, 4]}})
    put("results_uni100.json.gz", {"Lorenz": {"values": [4], "Theta": {"prediction": [5], "mae": 1}}})
    chaos = datasets.fetch_dysts(published=True)
    assert chaos.train["Lorenz"].tolist() == [1, 2]
    assert (chaos.test["Lorenz"].tolist(), chaos.dt) == ([3, 4], {"Lorenz": 0.5})
    assert chaos.published["Lorenz"]["Theta"].tolist() == [5]
    assert chaos.published["Lorenz"]["values"].tolist() == [4]


def test_without_a_folder_files_are_downloaded_once_into_the_cache(monkeypatch, tmp_path):
    monkeypatch.delenv(datasets.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(published, "cache_folder", lambda: tmp_path)
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append((url, known_hash))
        path.mkdir(exist_ok=True)
        np.save(path / fname, np.array([1, 2]))

    monkeypatch.setattr(published.pooch, "retrieve", retrieve)
    assert datasets.fetch_santa_fe().tolist() == [1.0, 2.0]
    assert asked[0][0].startswith("https://raw.githubusercontent.com/reservoirpy/reservoirpy/")
    assert asked[0][1] == "sha256:8c07281200935596f8e28bc94e1bb25e9964ab7d7f63c5e27ac87b810ac3b33a"


def test_missing_and_altered_files_are_errors(folder, monkeypatch):
    with pytest.raises(
        FileNotFoundError, match=r"FORECASTING_DATA=.* has no file ett/ETTh1.csv; put it there"
    ):
        datasets.fetch_ett()
    folder("ett/ETTh1.csv", b"date,OT\n")
    monkeypatch.setitem(
        published._SOURCES, "ett/ETTh1.csv", published._SOURCES["ett/ETTh1.csv"]._replace(sha256="0" * 64)
    )
    with pytest.raises(ValueError, match=r"ETTh1.csv is not the published file \(its SHA-256 differs\)"):
        datasets.fetch_ett()
    monkeypatch.delenv(datasets.DATA_VARIABLE)
    with pytest.raises(FileNotFoundError, match=r"Hourly-Naive2.csv is not published as a file of its own"):
        published._path_of("m4/Hourly-Naive2.csv")


def test_every_source_names_a_commit_and_a_checksum():
    for source in published._SOURCES.values():
        assert len(source.sha256) == 64
        assert source.url is None or any(len(part) == 40 for part in source.url.split("/"))


def test_importing_datasets_reads_nothing():
    code = "import sys, forecasting.datasets; assert 'requests' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ------------------------------------------------------------------------------ the published files


@NEEDS_FILES
def test_published_scores_of_naive2_on_m4_hourly():
    m4 = datasets.fetch_m4_hourly(naive2=True)
    smapes = [smape(true, pred) for true, pred in zip(m4.test, m4.naive2)]
    mases = [
        mase(true, pred, y_train=train, season_length=24)
        for true, pred, train in zip(m4.test, m4.naive2, m4.train)
    ]
    assert (round(np.mean(smapes), 3), round(np.mean(mases), 3)) == (18.383, 2.395)
    assert owa(m4.test, m4.naive2, m4.naive2, y_train=m4.train, season_length=24) == pytest.approx(1.0)
    assert sorted({len(series) for series in m4.train}) == [700, 960]


@NEEDS_FILES
def test_shapes_of_the_published_files():
    assert datasets.fetch_ett().shape == (17420, 7)
    assert datasets.fetch_santa_fe()[:5].tolist() == [86, 141, 95, 41, 22]
    vowels = datasets.fetch_japanese_vowels()
    assert (len(vowels.X_train), len(vowels.X_test)) == (270, 370)
    lengths = [len(case) for case in vowels.X_train + vowels.X_test]
    assert (min(lengths), max(lengths)) == (7, 29)
    assert all(case.shape[1] == 12 for case in vowels.X_train)
    chaos = datasets.fetch_dysts(published=True)
    assert (len(chaos.train), len(chaos.published), chaos.test["Lorenz"].shape) == (133, 131, (1200,))
    assert chaos.published["Lorenz"]["values"].tolist() == chaos.test["Lorenz"][1000:1199].tolist()
