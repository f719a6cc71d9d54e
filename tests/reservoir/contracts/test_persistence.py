"""Files of estimators: what goes in comes out bit for bit, and nothing that is not ours comes out at all."""

import io
import json
import pickle
import sys
import types
import zipfile
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import scipy.sparse
import skops.io
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from reservoir import EchoState, ESNClassifier, ESNRegressor, LeakyUnits, RidgeReadout
from reservoir.contracts.persistence import FORMAT, HEADER, load, save
from reservoir.topology import TOPOLOGIES


class Learned(NamedTuple):
    mean: np.ndarray
    names: tuple


@dataclass(frozen=True)
class Options:
    depth: int
    scale: float = 0.1


class Example(RegressorMixin, BaseEstimator):
    """Holds one of every kind of value that a fitted estimator may hold."""

    def __init__(self, inner=None, options=None, random_state=None, dtype=np.float64):
        self.inner = inner
        self.options = options
        self.random_state = random_state
        self.dtype = dtype

    def fit(self, X, y):
        self.inner_ = clone(self.inner).fit(X, y)
        self.learned_ = Learned(X.mean(axis=0), ("a", None, 3))
        self.states_ = [Learned(row, ()) for row in X[-2:]]
        self.sparse_ = scipy.sparse.csr_array(np.where(X > 0, X, 0).T)
        self.fortran_ = np.asfortranarray(X)
        self.single_ = X.astype(np.float32)[:, 0]
        self.empty_ = np.empty((0, 3))
        self.scalar_ = np.float64(0.1) + np.float64(0.2)
        self.number_ = 0.1 + 0.2
        self.missing_ = float("nan")
        self.by_name_ = {"north": 1, "south": {"mean": X[0]}}
        self.by_number_ = {0: "a", 7: "b"}
        self.labels_ = np.array(["x", None], dtype=object)
        self.dates_ = np.array(["2024-01-31", "NaT"], dtype="datetime64[ns]")
        self.dtype_ = np.dtype(self.dtype)
        return self

    def predict(self, X):
        return self.inner_.predict(X) + X @ (self.sparse_ @ self.fortran_)[0] + self.learned_.mean[0]


def double(values):
    return 2 * values


@pytest.fixture(autouse=True)
def ours(monkeypatch):
    """Let the classes above pass for classes of this library, in a module of their own."""
    module = types.ModuleType("reservoir.example")
    for thing in (Learned, Options, Example, double):
        monkeypatch.setattr(thing, "__module__", module.__name__)
        setattr(module, thing.__name__, thing)
    monkeypatch.setitem(sys.modules, module.__name__, module)


X = np.random.default_rng(0).normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + np.sin(X[:, 0])


def round_trip(estimator, **options):
    file = io.BytesIO()
    save(estimator, file, **options)
    file.seek(0)
    return load(file, **options)


def assert_same(a, b):
    """Equality bit for bit, type for type, all the way down."""
    assert type(a) is type(b)
    if isinstance(a, np.ndarray) and a.dtype != object:
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert not b.flags.forc or a.flags.fnc == b.flags.fnc
        assert a.tobytes() == b.tobytes()
    elif isinstance(a, np.ndarray):
        assert a.tolist() == b.tolist()
    elif scipy.sparse.issparse(a):
        for part in ("data", "indices", "indptr"):
            assert_same(getattr(a, part), getattr(b, part))
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert_same(x, y)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, np.random.Generator):
        assert_same(a.bit_generator.state, b.bit_generator.state)
    elif hasattr(a, "__dict__") and not isinstance(a, type):
        assert_same(vars(a), vars(b))
    else:
        assert a == b or (a != a and b != b)


ESTIMATORS = {
    "every kind of value": Example(Ridge(), Options(3), np.random.default_rng(5), np.float32),
    "nested": Example(Example(make_pipeline(StandardScaler(), Ridge()))),
    "pipeline": make_pipeline(StandardScaler(), FunctionTransformer(np.tanh), Example(RidgeCV())),
    "transformed target": TransformedTargetRegressor(Example(Ridge()), transformer=StandardScaler()),
    "search": GridSearchCV(Example(Ridge()), {"inner__alpha": [0.1, 1.0]}, cv=TimeSeriesSplit(3)),
    "search with a score": GridSearchCV(
        Ridge(),
        {"alpha": [0.1, 1.0]},
        scoring=make_scorer(mean_absolute_error, greater_is_better=False),
        cv=TimeSeriesSplit(3),
    ),
    "search by name": GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, scoring="neg_mean_absolute_error"),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_round_trip_is_exact(name):
    fitted = clone(ESTIMATORS[name]).fit(X, Y)
    loaded = round_trip(fitted)
    assert loaded.predict(X).tobytes() == fitted.predict(X).tobytes()
    assert_same(loaded, fitted)
    refitted = clone(loaded).fit(X, Y)
    assert refitted.predict(X).tobytes() == fitted.predict(X).tobytes()


def echo_state(**options):
    return EchoState(30, connectivity=5, random_state=0, **options)


OURS = {
    **{
        f"EchoState, {name}": echo_state(topology=name, spectral_radius=None if name == "delay_line" else 0.9)
        for name in TOPOLOGIES
    },
    "EchoState, sparse input": echo_state(input_connectivity=1),
    "EchoState, own matrix": echo_state(topology=scipy.sparse.csr_array(0.1 * np.eye(30))),
    "LeakyUnits": LeakyUnits(echo_state(), random_state=0),
    "RidgeReadout": RidgeReadout(alphas=[0.1, 1.0], store_path=True),
    "ESNRegressor": ESNRegressor(LeakyUnits(echo_state()), feedback_scaling=0.1, random_state=0),
    "ESNRegressor, other readout": ESNRegressor(echo_state(), TransformedTargetRegressor(Ridge())),
    "ESNClassifier": ESNClassifier(echo_state()),
    "Pipeline": make_pipeline(StandardScaler(), echo_state(), RidgeReadout()),
}


@pytest.mark.parametrize("name", OURS)
def test_round_trip_of_our_own_is_exact(name):
    target = Y > 0 if name == "ESNClassifier" else Y
    fitted = clone(OURS[name]).fit(X, target)
    loaded = round_trip(fitted)
    answer = "predict" if hasattr(fitted, "predict") else "transform"
    assert getattr(loaded, answer)(X).tobytes() == getattr(fitted, answer)(X).tobytes()
    assert_same(loaded, fitted)


def test_a_loaded_readout_goes_on_learning():
    fitted = RidgeReadout().partial_fit(X[:40], Y[:40])
    loaded = round_trip(fitted)
    assert_same(loaded.partial_fit(X[40:], Y[40:]), fitted.partial_fit(X[40:], Y[40:]))


def test_unfitted_estimators_keep_their_parameters():
    estimator = Example(Ridge(alpha=0.1), Options(2, 0.3), random_state=np.random.default_rng(1))
    assert_same(round_trip(estimator), estimator)


def test_shared_objects_stay_shared():
    shared = np.arange(3.0)
    loaded = round_trip(Example(inner=[shared, shared]))
    assert loaded.inner[0] is loaded.inner[1]


def test_metadata_requests_survive():
    with config_context(enable_metadata_routing=True):
        asking = Ridge().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), asking)
        fitted = pipeline.fit(X, Y, sample_weight=np.arange(60.0))
        owner = asking._metadata_request.owner
        loaded = round_trip(fitted)
        assert asking._metadata_request.owner is owner
        for request in (loaded[-1]._metadata_request, round_trip(loaded)[-1]._metadata_request):
            assert (request.owner, request.fit.owner) == ("Ridge", "Ridge")
        refitted = clone(loaded).fit(X, Y, sample_weight=np.arange(60.0))
    assert loaded.predict(X).tobytes() == fitted.predict(X).tobytes()
    assert refitted.predict(X).tobytes() == fitted.predict(X).tobytes()


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_paths_and_file_objects(tmp_path, kind):
    path = kind(tmp_path / "a model.skops")
    fitted = Ridge().fit(X, Y)
    save(RandomForestRegressor(), path)
    save(fitted, path)
    assert_same(load(path), fitted)
    with open(path, "rb") as file:
        assert_same(load(file), fitted)


def test_the_header_stands_in_the_file(tmp_path):
    save(Ridge(), tmp_path / "m")
    with zipfile.ZipFile(tmp_path / "m") as members:
        header = json.loads(members.read(HEADER))
    assert header["format"] == FORMAT
    assert header["estimator"] == "sklearn.linear_model._ridge.Ridge"
    assert header["package"][0].isdigit()


# ------------------------------------------------------------------------------------------- what is refused


def forged(estimator, *, header=None, change=lambda schema: None):
    """Bytes of a file as `save` would write it if it checked nothing, with a changed header or structure."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))) as members:
        parts = {name: members.read(name) for name in members.namelist()}
    schema = json.loads(parts["schema.json"])
    change(schema)
    parts["schema.json"] = json.dumps(schema).encode()
    parts[HEADER] = json.dumps(header or {"format": FORMAT, "package": "0.1.0", "estimator": "?"}).encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for name, part in parts.items():
            members.writestr(name, part)
    file.seek(0)
    return file


def test_a_forged_file_is_a_good_file_but_for_the_forgery():
    assert_same(load(forged(Example(Ridge()).fit(X, Y))), Example(Ridge()).fit(X, Y))


class Foreign(BaseEstimator):
    pass


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Foreign(), "test_persistence.Foreign"),
        (make_pipeline(StandardScaler(), Foreign()), "test_persistence.Foreign"),
        (Example(Foreign), "test_persistence.Foreign"),
        (Example(FunctionTransformer(lambda x: x)), "lambda"),
        (Example(double), "reservoir.example.double"),
        (Example(types.SimpleNamespace), "types.SimpleNamespace"),
        (Example(Ridge().fit), "Ridge.fit"),
        (Example(print), "builtins.print"),
        (RandomForestRegressor(2).fit(X, Y), "sklearn.tree._tree.Tree"),
    ],
)
def test_what_is_not_trusted_is_refused_by_name_on_both_sides(value, name):
    with pytest.raises(TypeError, match=f"holds what load would refuse: .*{name}.*name it in trusted"):
        save(value, io.BytesIO())
    with pytest.raises(TypeError, match=f"are not trusted: .*{name}.*by version 0.1.0.*in trusted="):
        load(forged(value))


@pytest.mark.parametrize("value", [1j, (i for i in ()), {(1, 2): 3}, memoryview(b"")])
def test_what_skops_cannot_write_is_refused_when_saved(value):
    with pytest.raises(TypeError, match="Example holds an object that cannot be saved"):
        save(Example(value), io.BytesIO())


def test_an_object_that_holds_itself_is_refused_when_saved():
    estimator = Example()
    estimator.inner = [estimator]
    with pytest.raises(TypeError, match="cannot be saved without pickle"):
        save(estimator, io.BytesIO())


def test_a_refused_save_leaves_the_old_file(tmp_path):
    save(Ridge(), tmp_path / "m")
    with pytest.raises(TypeError):
        save(Foreign(), tmp_path / "m")
    assert isinstance(load(tmp_path / "m"), Ridge)


def test_more_can_be_trusted():
    forest = RandomForestRegressor(2, random_state=0).fit(X, Y)
    loaded = round_trip(forest, trusted=["sklearn.tree._tree.Tree"])
    assert loaded.predict(X).tobytes() == forest.predict(X).tobytes()
    loaded = round_trip(forest, trusted=["sklearn"])
    assert loaded.predict(X).tobytes() == forest.predict(X).tobytes()
    with pytest.raises(TypeError, match="must be a list of names of types or packages, not one string"):
        save(forest, io.BytesIO(), trusted="sklearn.tree._tree.Tree")


def test_a_trusted_package_is_trusted_with_its_classes_only(monkeypatch):
    own = types.ModuleType("their_package")
    monkeypatch.setitem(sys.modules, own.__name__, own)
    for thing in (Foreign, double):
        setattr(own, thing.__name__, thing)
        monkeypatch.setattr(thing, "__module__", own.__name__)
    assert isinstance(round_trip(Foreign(), trusted=[own.__name__]), Foreign)
    with pytest.raises(TypeError, match=r"their_package\.double"):
        save(Example(double), io.BytesIO(), trusted=[own.__name__])


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("reservoir.contracts.persistence", "io"),
        ("reservoir.contracts.persistence", "BaseEstimator"),
        ("reservoir.contracts.persistence", "save"),
        ("reservoir.no_such_module", "Example"),
        ("reservoir.example", "NoSuchClass"),
        ("reservoir_of_others", "Example"),
        ("forecasting.__main__", "Example"),
        ("os", "system"),
    ],
)
@pytest.mark.parametrize("loader", ["ObjectNode", "ConstructorFromReduceNode", "FunctionNode", "TypeNode"])
def test_names_are_not_believed(module, name, loader):
    def change(schema):
        schema.update(__module__=module, __class__=name, __loader__=loader)

    with pytest.raises(TypeError, match=rf"not trusted: {module}\.{name}\."):
        load(forged(Example(), change=change))


def test_refusing_builds_and_imports_nothing(monkeypatch):
    def explode(*_):
        raise AssertionError("built although the file was refused")

    monkeypatch.setattr(Example, "__setstate__", explode)
    before = set(sys.modules)
    with pytest.raises(TypeError, match=r"this\.Message"):
        load(forged(Example(), change=lambda s: s["content"].update(__module__="this", __class__="Message")))
    assert set(sys.modules) == before


def test_a_newer_format_is_refused_by_its_number():
    header = {"format": FORMAT + 1, "package": "9.8.7", "estimator": "reservoir.future.Thing"}
    with pytest.raises(ValueError, match=rf"has format {FORMAT + 1}, written by version 9\.8\.7; this is"):
        load(forged(Ridge(), header=header))


@pytest.mark.parametrize("header", [{"package": "0.1.0"}, {"format": 1}, ["format"], 3])
def test_a_header_must_be_whole(header):
    with pytest.raises(ValueError, match=r"was not written by reservoir\.save"):
        load(forged(Ridge(), header=header))


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps(Ridge()), skops.io.dumps(Ridge())])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.pkl' was not written by reservoir\.save"):
        load(path)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        load(tmp_path / "absent")


def load_or_message(file):
    try:
        return load(file)
    except (ValueError, TypeError) as error:
        return str(error)


def test_every_damaged_byte_is_noticed_or_harmless():
    """A file cut short, or with one byte changed, loads equal or is refused by a clear error."""
    fitted = Example(Ridge()).fit(X, Y)
    file = io.BytesIO()
    save(fitted, file)
    content = file.getvalue()
    for position in np.random.default_rng(0).integers(len(content), size=60):
        changed = bytearray(content)
        changed[position] ^= 0xFF
        for damaged in (content[:position], bytes(changed)):
            got = load_or_message(io.BytesIO(damaged))
            if isinstance(got, str):
                assert any(word in got for word in ("is damaged", "not written by", "not trusted"))
            else:
                assert got.predict(X).tobytes() == fitted.predict(X).tobytes()


@pytest.mark.parametrize(
    "change",
    [
        lambda schema: schema.pop("protocol"),
        lambda schema: schema.update(content=3),
        lambda schema: schema.update(__loader__="NoSuchNode"),
        lambda schema: schema["content"]["content"]["sparse_"].update(file="absent.npz"),
        lambda schema: schema["content"]["content"]["learned_"]["content"].pop(),
    ],
)
def test_structure_that_makes_no_sense_is_damage(change):
    with pytest.raises(ValueError, match="is damaged"):
        load(forged(Example(Ridge()).fit(X, Y), change=change))


def test_another_version_of_scikit_learn_is_its_own_word():
    """Not taken for damage: under the suite's filters the warning is an error."""

    def change(schema):
        schema["content"]["content"]["_sklearn_version"]["content"] = '"0.1"'

    with pytest.warns(InconsistentVersionWarning, match=r"from version 0\.1"):
        assert isinstance(load(forged(Ridge(), change=change)), Ridge)
    with pytest.raises(InconsistentVersionWarning):
        load(forged(Ridge(), change=change))
