"""What is set after a fit counts from the next one on: arrays of another size would be overrun."""

import numpy as np
import pytest
from sklearn.base import clone

from reservoir import (
    NVAR,
    ConceptorMemory,
    EchoState,
    ESNClassifier,
    ESNRegressor,
    ForceGenerator,
    SpikingUnits,
    WindowESNRegressor,
    load,
    save,
)
from reservoir.contracts.settings import check_settings, settings_of

X = np.random.default_rng(0).standard_normal((60, 2))


@pytest.mark.parametrize(
    ("made", "later"),
    [
        (EchoState(10, random_state=0), {"n_units": 30}),
        (EchoState(10, random_state=0), {"leak_rate": 0.5}),
        (SpikingUnits(10, random_state=0), {"n_units": 30}),
        (NVAR(delays=2), {"delays": 9, "stride": 9}),
        (NVAR(delays=2), {"include_bias": True}),
    ],
)
def test_a_reservoir_refuses_other_settings_until_the_next_fit(made, later, tmp_path):
    states = made.fit(X).transform(X)
    before = {name: getattr(made, name) for name in later}
    made.set_params(**later)
    with pytest.raises(ValueError, match=rf"{next(iter(later))}=.* was set after fit, which learned with"):
        made.transform(X)
    save(made, tmp_path / "made")
    with pytest.raises(ValueError, match="fit again, or set it back"):
        load(tmp_path / "made").transform(X)
    np.testing.assert_array_equal(made.set_params(**before).transform(X), states)
    assert made.set_params(**later).fit(X).transform(X).shape[0] == len(X)


def test_what_no_state_depends_on_is_free():
    made = EchoState(10, random_state=0).fit(X)
    states = made.transform(X)
    np.testing.assert_array_equal(made.set_params(noise=0.1, random_state=7, n_jobs=2).transform(X), states)


@pytest.mark.parametrize("later", [{"feedback_scaling": 0.5}, {"input_skip": True}])
def test_a_network_too(later):
    model = ESNRegressor(EchoState(10, random_state=0)).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="was set after fit"):
        model.set_params(**later).predict(X)


@pytest.mark.parametrize(
    ("model", "y", "later"),
    [
        (ESNClassifier(EchoState(10)), X[:, 0] > 0, {"pooling": "mean"}),
        (ESNClassifier(EchoState(10)), X[:, 0] > 0, {"input_skip": True}),
        (WindowESNRegressor(reservoir=EchoState(10)), X[:, 0], {"lag_order": "newest_first"}),
        (WindowESNRegressor(reservoir=EchoState(10)), X[:, 0], {"n_static": 1}),
        (WindowESNRegressor(reservoir=EchoState(10)), X[:, 0], {"n_channels": 2}),
    ],
)
def test_networks_of_labels_and_windows_too(model, y, later):
    model = clone(model).fit(X, y)
    with pytest.raises(ValueError, match=rf"{next(iter(later))}=.* was set after fit"):
        model.set_params(**later).predict(X)


def test_loops_of_networks_too():
    model = ESNRegressor(EchoState(10, random_state=0), input_skip=True).fit(X, X)
    model.set_params(input_skip=False)
    with pytest.raises(ValueError, match="input_skip=False was set after fit"):
        model.closed_loop()
    with pytest.raises(ValueError, match="input_skip=False was set after fit"):
        model.fitted_values_  # noqa: B018
    generator = ForceGenerator(EchoState(10), random_state=0).fit(X).set_params(feedback_scaling=0.5)
    with pytest.raises(ValueError, match=r"feedback_scaling=0\.5 was set after fit"):
        generator.generate(3)


def test_what_is_no_number_or_name_is_left_out():
    made = EchoState(10, leak_rate=np.full(10, 0.5))
    names = dict(settings_of(made, ("n_units", "leak_rate", "topology", "nothing")))
    assert names == {"n_units": "10", "topology": "'random'"}
    check_settings(ForceGenerator())  # has learned nothing


def free(**changes):
    made = EchoState(10, random_state=0).fit(X)
    arguments = {
        "n_steps": 4,
        "weights": np.zeros((1, 11)),
        "intercept": np.zeros(1),
        "initial_state": np.zeros(10),
        "last_output": np.zeros(1),
        "exog": np.zeros((4, 1)),
    }
    return made.run_free(**{**arguments, **changes})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("initial_state", np.zeros(5)),
        ("last_output", np.zeros(2)),
        ("weights", np.zeros((1, 10))),
        ("exog", np.zeros((3, 1))),
        ("exog", np.zeros((3000, 1))),
        ("exog", np.zeros((4, 2))),
        ("exog", None),
    ],
)
def test_a_free_run_checks_shapes(name, given):
    assert free()[2] == 4
    with pytest.raises(ValueError, match=rf"{name} has shape .*, expected"):
        free(**{name: given})


def test_a_closed_loop_checks_its_point():
    loop = ESNRegressor(EchoState(10, random_state=0)).fit(X[:-1, :1], X[1:, :1]).closed_loop()
    with pytest.raises(ValueError, match=r"point has shape \(7,\), expected \(11,\)"):
        loop.run(5, np.zeros(7))


def test_a_state_to_start_from_is_finite():
    model = ESNRegressor(EchoState(10, random_state=0)).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="initial_state holds NaN"):
        model.predict(X, initial_state=np.full(10, np.nan))


def test_a_closed_loop_checks_its_context_and_its_steps():
    model = ESNRegressor(EchoState(10, random_state=0)).fit(X[:-1], X[1:])
    loop = model.closed_loop()
    for wrong in (X[:0], 3.0, X[:5, :1], X[:5, np.newaxis]):
        with pytest.raises(ValueError, match=r"context has shape .*, expected \(n_steps, 2\)"):
            loop.synchronise(wrong)
    with pytest.raises(ValueError, match="context holds NaN or infinity: begin behind the gap"):
        loop.synchronise(np.vstack([X[:5], [[np.nan, 0.0]]]))  # what was observed last is fed back
    for n_steps in (-1, 2.5):
        with pytest.raises(ValueError, match=rf"n_steps={n_steps} must be a whole number of at least 0"):
            loop.run(n_steps)
        with pytest.raises(ValueError, match=rf"n_steps={n_steps} must be a whole number"):
            free(n_steps=n_steps)
    outputs, point = loop.run(0, return_point=True)
    assert outputs.shape == (0, 2)
    np.testing.assert_array_equal(point, loop.start)


def test_what_a_pattern_is_recalled_from_is_finite():
    generator = ForceGenerator(EchoState(10), random_state=0).fit(X)
    with pytest.raises(ValueError, match="initial_state holds NaN"):
        generator.generate(2, np.full(12, np.nan))
    memory = ConceptorMemory(EchoState(10), random_state=0).fit([X, X])
    with pytest.raises(ValueError, match="initial_state holds NaN"):
        memory.recall(0, 2, np.full(10, np.nan))
    with pytest.raises(ValueError, match="pattern holds NaN"):
        memory.recall(np.full((10, 10), np.nan), 2)
    with pytest.raises(ValueError, match=r"n_steps=2\.5 must be a whole number of at least 1"):
        memory.recall(0, 2.5)
    np.testing.assert_array_equal(memory.recall(True, 3), memory.recall(1, 3))
