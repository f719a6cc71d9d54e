"""Benchmark series, downloaded once from public sources and verified, or read from a folder of local copies.

Each file is kept in a cache folder (the operating system's, see `cache_folder`) and compared with the SHA-256
recorded here. Where the environment variable ``FORECASTING_DATA`` names a folder, files are read from there
instead and the network is never used. The folder's layout is that of the table of sources below, for example
``m4/Hourly-train.csv``; the same checksums hold.
"""

import gzip
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pooch
from sklearn.utils import Bunch

#: The environment variable that names a folder of local copies.
DATA_VARIABLE = "FORECASTING_DATA"

_GITHUB = "https://raw.githubusercontent.com"
_M4 = f"{_GITHUB}/Mcompetitions/M4-methods"
_DYSTS = f"{_GITHUB}/williamgilpin/dysts"
_SKTIME = f"{_GITHUB}/sktime/sktime/39dfa2a3d6c49edb6dc79761eaf8e7d37fe7b776/sktime/datasets/data"
_CHAOS = "univariate__pts_per_period_100__periods_12.json.gz"


class _Source(NamedTuple):
    """Where a file comes from (None: it is not published by itself) and the SHA-256 of its content."""

    url: str | None
    sha256: str


# URLs name a commit, so that their content cannot change.
_SOURCES = {
    "m4/Hourly-train.csv": _Source(
        f"{_M4}/d44ad827907d46b2050a47b529cb826be9561163/Dataset/Train/Hourly-train.csv",
        "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
    ),
    "m4/Hourly-test.csv": _Source(
        f"{_M4}/fdeb3b173f0305901c073dcc9a36b0d9f9ab537c/Dataset/Test/Hourly-test.csv",
        "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
    ),
    "m4/Hourly-Naive2.csv": _Source(None, "bd396a51fa22ae9e7fbec9e2b117e39a6867662c51cc589631906e0321722e82"),
    "ett/ETTh1.csv": _Source(
        f"{_GITHUB}/zhouhaoyi/ETDataset/1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small/ETTh1.csv",
        "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    ),
    "santafe/santafe_laser.npy": _Source(
        f"{_GITHUB}/reservoirpy/reservoirpy/0af79a4148503cdb5c15afeabde2e96ac3d59470"
        "/reservoirpy/datasets/santafe_laser.npy",
        "8c07281200935596f8e28bc94e1bb25e9964ab7d7f63c5e27ac87b810ac3b33a",
    ),
    "japanese_vowels/JapaneseVowels_TRAIN.ts": _Source(
        f"{_SKTIME}/JapaneseVowels/JapaneseVowels_TRAIN.ts",
        "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    ),
    "japanese_vowels/JapaneseVowels_TEST.ts": _Source(
        f"{_SKTIME}/JapaneseVowels/JapaneseVowels_TEST.ts",
        "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
    ),
    f"dysts/train_{_CHAOS}": _Source(
        f"{_DYSTS}/8d48fc217ad233451a2dd0fd3dc3afef69dd2280/dysts/data/train_{_CHAOS}",
        "15b868ade755d09024a16c6e26f58c99d0fbeb549cb20a00877ad0a74577b060",
    ),
    f"dysts/test_{_CHAOS}": _Source(
        f"{_DYSTS}/8d48fc217ad233451a2dd0fd3dc3afef69dd2280/dysts/data/test_{_CHAOS}",
        "becf974b528c3e8cc2a681616fe0aee192a9b1503d17903cabe8265ea367337a",
    ),
    "dysts/results_uni100.json.gz": _Source(
        f"{_DYSTS}/fefa2611c5f0f942c39709a8c9daa574dc75935e/benchmarks/results/results_test_{_CHAOS}",
        "95db63e6e31d27f6c8f27fd0ea076bcb4c6c69d95bb0530339afd4914419723c",
    ),
}


def cache_folder() -> Path:
    """Return the folder that downloads are kept in; it may not exist yet.

    Returns
    -------
    pathlib.Path
        ``reservoir-forecasting`` in the user's cache folder, as the operating system names it.

    Examples
    --------
    >>> cache_folder().name
    'reservoir-forecasting'
    """
    return Path(pooch.os_cache("reservoir-forecasting"))


def _path_of(name: str) -> Path:
    """Return a verified local path of the file ``name``, downloading it at first use."""
    source = _SOURCES[name]
    folder = os.environ.get(DATA_VARIABLE)
    if folder:
        path = Path(folder) / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{DATA_VARIABLE}={folder!r} has no file {name}; put it there, or unset {DATA_VARIABLE} to "
                "download it."
            )
        if pooch.file_hash(str(path)) != source.sha256:
            raise ValueError(f"{path} is not the published file (its SHA-256 differs); fetch it anew.")
        return path
    if source.url is None:
        raise FileNotFoundError(
            f"{name} is not published as a file of its own; set {DATA_VARIABLE} to a folder that holds it."
        )
    path = cache_folder() / name
    pooch.retrieve(source.url, f"sha256:{source.sha256}", fname=path.name, path=path.parent)
    return path


def _m4_rows(name: str) -> dict[str, np.ndarray]:
    """Read an M4 table: an id, then the values of that series, shorter rows padded with nothing."""
    table = pd.read_csv(_path_of(name), index_col=0)
    rows = table.to_numpy(dtype=np.float64)
    return {str(key): row[~np.isnan(row)] for key, row in zip(table.index, rows)}


def fetch_m4_hourly(naive2: bool = False) -> Bunch:
    """The 414 hourly series of the M4 competition: 700 or 960 values each, the next 48 held out, season 24.

    Parameters
    ----------
    naive2 : bool, default=False
        Also return the competition's own Naive2 forecasts, which its OWA score divides by. They are published
        inside an archive only, so they are read from the folder ``FORECASTING_DATA`` and are an error without
        it. Their scores over the group, sMAPE 18.383 and MASE 2.395, do for an OWA of the whole group.

    Returns
    -------
    sklearn.utils.Bunch
        ``ids`` (list of str), ``train`` (list of 1-D arrays), ``test`` (ndarray of shape (414, 48)),
        ``naive2`` (the same shape, or None), ``season_length`` (24), ``horizon`` (48).

    Raises
    ------
    FileNotFoundError
        If ``FORECASTING_DATA`` is set but lacks a file, or ``naive2`` is asked for without it.
    ValueError
        If a file is not the published one.

    Notes
    -----
    Source: github.com/Mcompetitions/M4-methods, open competition data (that repository states no licence).

    References
    ----------
    S. Makridakis, E. Spiliotis, V. Assimakopoulos (2020), "The M4 Competition: 100,000 time series and 61
    forecasting methods", International Journal of Forecasting 36(1), 54-74.
    """
    train, test = _m4_rows("m4/Hourly-train.csv"), _m4_rows("m4/Hourly-test.csv")
    benchmark = _m4_rows("m4/Hourly-Naive2.csv") if naive2 else None
    return Bunch(
        ids=list(train),
        train=list(train.values()),
        test=np.array([test[key] for key in train]),
        naive2=None if benchmark is None else np.array([benchmark[key] for key in train]),
        season_length=24,
        horizon=48,
    )


def fetch_ett() -> pd.DataFrame:
    """ETTh1: two years of hourly load and oil temperature of one power transformer, 17,420 rows, 7 columns.

    Returns
    -------
    pandas.DataFrame
        On an hourly ``DatetimeIndex``, July 2016 to June 2018: high, middle and low useful and useless load
        ``HUFL``, ``HULL``, ``MUFL``, ``MULL``, ``LUFL``, ``LULL``, and the usual target ``OT``, the oil
        temperature (degrees Celsius). The usual split is 12 months of training, 4 of validation, 4 of test
        (of 30 days).

    Raises
    ------
    FileNotFoundError, ValueError
        As for `fetch_m4_hourly`.

    Notes
    -----
    Source: github.com/zhouhaoyi/ETDataset. Licence: CC BY-ND 4.0.

    References
    ----------
    H. Zhou et al. (2021), "Informer: Beyond Efficient Transformer for Long Sequence Time-Series Forecasting",
    AAAI.
    """
    frame = pd.read_csv(_path_of("ett/ETTh1.csv"), index_col="date", parse_dates=["date"])
    return frame.rename_axis(index=None).asfreq("h")


def fetch_santa_fe() -> np.ndarray:
    """Santa Fe laser, data set A with its continuation: intensity of a chaotic far-infrared laser.

    Returns
    -------
    ndarray of shape (10093,)
        float64, whole numbers from 0 to 255 (an 8-bit converter).

    Raises
    ------
    FileNotFoundError, ValueError
        As for `fetch_m4_hourly`.

    Notes
    -----
    Source: github.com/reservoirpy/reservoirpy, after J. McNames' collection. Public data of the Santa Fe
    competition.

    References
    ----------
    U. Huebner, N. B. Abraham, C. O. Weiss (1989), "Dimensions and entropies of chaotic intensity pulsations
    in a single-mode far-infrared NH3 laser", Physical Review A 40, 6354.
    """
    return np.load(_path_of("santafe/santafe_laser.npy"), allow_pickle=False).astype(np.float64).ravel()


def _read_ts(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Read a ``.ts`` file: after ``@data``, one case a line, channels and then the label parted by colons."""
    cases, labels = [], []
    _, _, body = path.read_text(encoding="utf-8").partition("@data")
    for line in body.split():
        *channels, label = line.split(":")
        cases.append(np.array([channel.split(",") for channel in channels], dtype=np.float64).T)
        labels.append(label)
    return cases, np.array(labels)


def fetch_japanese_vowels() -> Bunch:
    """Japanese Vowels: 640 utterances of 9 speakers, 12 cepstral coefficients, 7 to 29 frames; who speaks?

    Returns
    -------
    sklearn.utils.Bunch
        ``X_train`` (270) and ``X_test`` (370): lists of float64 arrays of shape (n_frames, 12). ``y_train``,
        ``y_test``: arrays of labels ``"1"`` to ``"9"``.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `fetch_m4_hourly`.

    Notes
    -----
    Source: UCI Machine Learning Repository, through github.com/sktime/sktime. Licence: CC BY 4.0.

    References
    ----------
    M. Kudo, J. Toyama, M. Shimbo (1999), "Multidimensional curve classification using passing-through
    regions", Pattern Recognition Letters 20, 1103-1111.
    """
    X_train, y_train = _read_ts(_path_of("japanese_vowels/JapaneseVowels_TRAIN.ts"))
    X_test, y_test = _read_ts(_path_of("japanese_vowels/JapaneseVowels_TEST.ts"))
    return Bunch(X_train=X_train, y_train=y_train, X_test=X_test, y_test=y_test)


def _read_json_gz(name: str) -> dict:
    with gzip.open(_path_of(name), "rt", encoding="utf-8") as stream:
        return json.load(stream)


def fetch_dysts(published: bool = False) -> Bunch:
    """The chaotic-systems forecasting benchmark, univariate, 100 points a period, without noise: 133 systems.

    Parameters
    ----------
    published : bool, default=False
        Also return the published forecasts of 16 models for 131 of the systems.

    Returns
    -------
    sklearn.utils.Bunch
        ``train`` and ``test``: dicts from the system's name to an array of shape (1200,), two stretches of
        one attractor from different initial conditions. ``dt``: dict of sampling intervals, in the time unit
        of each system's equations. ``published``: None, or a dict of dicts, system to model to its forecast
        of shape (200,) of ``test`` after the first 1000 values, beside ``"values"``, the 199 true values it
        was scored on.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `fetch_m4_hourly`.

    Notes
    -----
    Hyper-parameters are chosen on ``train``; the score is the sMAPE of forecasting the last sixth of ``test``
    from the first 1000 values. Source: github.com/williamgilpin/dysts. Licence: Apache-2.0.

    References
    ----------
    W. Gilpin (2021), "Chaos as an interpretable benchmark for forecasting and data-driven modelling", NeurIPS
    Datasets and Benchmarks. W. Gilpin (2023), "Model scale versus domain knowledge in statistical forecasting
    of chaotic systems", Physical Review Research 5, 043252.
    """
    train, test = _read_json_gz(f"dysts/train_{_CHAOS}"), _read_json_gz(f"dysts/test_{_CHAOS}")
    results = _read_json_gz("dysts/results_uni100.json.gz") if published else None
    return Bunch(
        train={name: np.array(system["values"]) for name, system in train.items()},
        test={name: np.array(system["values"]) for name, system in test.items()},
        dt={name: float(system["dt"]) for name, system in train.items()},
        published=None if results is None else {name: _predictions(row) for name, row in results.items()},
    )


def _predictions(row: dict) -> dict[str, np.ndarray]:
    """Keep what the models forecast of a row of published results."""
    return {
        key: np.array(item["prediction"] if isinstance(item, dict) else item) for key, item in row.items()
    }
