"""Estimators over networks: what they learn, what changes nothing, what they refuse."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import cross_val_score

import reservoir
from forecasting.networks.cells import RNN
from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import (
    EncoderDecoder,
    LanguageModel,
    Learning,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
    SequenceTransducer,
    TrajectoryGenerator,
    TreeClassifier,
    VectorToSequence,
)
from forecasting.sequence_models.decoding import END, beam_search, written
from forecasting.sequence_models.layers.base_layer import Recurrent
from forecasting.sequence_models.layers.combinators import Chain, Dilated
from tests.scikit_learn_checks import parametrize_with_checks

QUICK = Learning(3)
rng = np.random.default_rng(0)
SERIES = [rng.standard_normal((n, 2)) for n in (5, 3, 8, 3, 6, 1)]
WORDS = ["ab", "b", "abc", "ca", "c", "cab"]
LINE = np.array([[1.0, 0.5, 0.0], [1.0, -0.5, 0.0], [1.0, 0.0, 1.0]])
TREES = ["a", ("not", "a"), ("not", ("not", "a")), ("and", "a", "a"), "b", ("and", "a", "b")]

# Every estimator, with something to fit on.
FITTED = {
    "classifier": (
        SequenceClassifier("rnn", n_units=3, pooling="attention", learning=QUICK),
        SERIES,
        list("ababab"),
    ),
    "regressor": (SequenceRegressor("rnn", n_units=3, learning=QUICK), SERIES, np.arange(6.0)),
    "tagger": (SequenceTagger("rnn", n_units=3, learning=QUICK), SERIES, [x[:, 0] > 0 for x in SERIES]),
    "transducer": (SequenceTransducer("rnn", n_units=3, learning=QUICK), SERIES, SERIES),
    "jordan": (SequenceTransducer(n_units=3, recurrence="output", learning=QUICK), SERIES, SERIES),
    "language": (LanguageModel("rnn", n_units=3, window=8, learning=QUICK), "abcabcab" * 5, None),
    "encoder-decoder": (EncoderDecoder("rnn", n_units=3, learning=QUICK), WORDS, WORDS[::-1]),
    "plain encoder-decoder": (EncoderDecoder("rnn", n_units=3, attention=None, learning=QUICK), WORDS, WORDS),
    "vector": (VectorToSequence("rnn", n_units=3, learning=QUICK), np.arange(12.0).reshape(6, 2), WORDS),
    "trajectories": (
        TrajectoryGenerator("rnn", n_units=3, n_components=2, learning=QUICK),
        WORDS,
        [LINE] * 6,
    ),
    "trees": (TreeClassifier(3, learning=QUICK), TREES, [1, 0, 1, 1, 0, 0]),
}


def answer(model, X):
    if isinstance(model, LanguageModel):
        return [model.score(X), model.sample(5, random_state=0)]
    if isinstance(model, TrajectoryGenerator):
        return [path.tolist() for path in model.sample(X, random_state=0)]
    return [np.asarray(one).tolist() for one in model.predict(X)]


@pytest.mark.parametrize(("model", "X", "y"), FITTED.values(), ids=FITTED)
def test_every_estimator_is_repeatable_pure_and_saved(model, X, y, tmp_path):
    model = clone(model).set_params(random_state=0).fit(X, y)
    first = answer(model, X)
    assert answer(model, X) == first
    assert answer(clone(model).fit(X, y), X) == first
    reservoir.save(model, tmp_path / "model")
    assert answer(reservoir.load(tmp_path / "model"), X) == first
    assert len(model.losses_) == 3
    assert np.isfinite(model.losses_).all()


@pytest.mark.parametrize(
    "name", ["classifier", "regressor", "tagger", "transducer", "encoder-decoder", "trees"]
)
def test_an_answer_does_not_depend_on_the_others(name):
    model, X, y = FITTED[name]
    model = clone(model).set_params(random_state=0).fit(X, y)
    proba = getattr(model, "predict_proba", model.predict)
    for i, together in enumerate(proba(X)):
        alone = proba(X[i : i + 1])[0]
        if isinstance(together, str):
            assert together == alone
        else:
            np.testing.assert_allclose(alone, together, rtol=1e-12, atol=1e-14)


def test_a_layer_may_stand_for_the_cell():
    model, X, y = FITTED["regressor"]
    model = clone(model).set_params(cell=RNN(3), n_units=None, random_state=0)
    expected = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(model.set_params(cell=Recurrent(RNN(3))).fit(X, y).predict(X), expected)
    dilated = model.set_params(cell=Chain([Recurrent(RNN(3)), Dilated(Recurrent(RNN(3)), 2)])).fit(X, y)
    assert np.abs(dilated.predict(X) - expected).max() > 0
    with pytest.raises(ValueError, match=r"brings its own size: leave out n_units=4"):
        model.set_params(n_units=4).fit(X, y)


def test_parts_are_set_through_the_estimator():
    model = SequenceClassifier().set_params(learning__n_epochs=4, learning__optimizer__learning_rate=0.1)
    assert model.learning.n_epochs == 4
    assert model.learning.optimizer.learning_rate == 0.1


def test_learning_stops_early_and_keeps_the_best():
    X, y = [rng.standard_normal((4, 1)) for _ in range(30)], rng.standard_normal(30)
    learning = Learning(60, optimizer=Adam(0.05), validation_fraction=0.3, patience=4)
    model = SequenceRegressor(n_units=8, learning=learning, random_state=0).fit(X, y)
    assert len(model.losses_) < 60
    assert np.argmin(model.validation_losses_) == len(model.losses_) - 5


@parametrize_with_checks(
    [
        SequenceClassifier("rnn", n_units=6, learning=Learning(30, optimizer=Adam(0.02)), random_state=0),
        SequenceRegressor("rnn", n_units=8, learning=Learning(40, optimizer=Adam(0.02)), random_state=0),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# A label or number at a step depends on the steps before it; these two ask that it does not.
ORDER_MATTERS = {
    "check_methods_sample_order_invariance": "rows are consecutive time steps",
    "check_methods_subset_invariance": "rows are consecutive time steps",
}


@parametrize_with_checks(
    [
        SequenceTagger("rnn", n_units=6, learning=Learning(60, optimizer=Adam(0.02)), random_state=0),
        SequenceTransducer("rnn", n_units=8, learning=Learning(60, optimizer=Adam(0.02)), random_state=0),
    ],
    expected_failed_checks=lambda estimator: ORDER_MATTERS,
)
def test_scikit_learn_checks_of_models_over_steps(estimator, check):
    check(estimator)


def test_forms_of_input_agree():
    X, y = rng.standard_normal((12, 5)), np.arange(12) % 2
    models = [
        clone(FITTED["classifier"][0]).set_params(random_state=0).fit(form, y)
        for form in (X, X[..., np.newaxis], list(X[..., np.newaxis]))
    ]
    for model in models[1:]:
        np.testing.assert_array_equal(
            model.predict_proba(list(X[..., np.newaxis])), models[0].predict_proba(X)
        )


# ------------------------------------------------------------------------------------- what architectures can do


@pytest.mark.parametrize("name", ["tagger", "transducer"])
def test_series_are_scored_in_the_form_of_fit(name):
    model, X, y = FITTED[name]
    model = clone(model).set_params(random_state=0).fit(X, y)
    groups = np.repeat(np.arange(len(X)), list(map(len, X)))
    rows, truth = np.concatenate(X), np.concatenate(y)
    error = (r2_score if name == "transducer" else accuracy_score)(truth, np.concatenate(model.predict(X)))
    assert model.score(X, y) == model.score(rows, truth, groups=groups) == error
    weights = np.where(groups == 0, 1.0, 0.0)
    assert model.score(rows, truth, weights, groups) == pytest.approx(model.score(X[:1], y[:1]))
    assert np.isfinite(cross_val_score(model, X[:4], y[:4], cv=2)).all()


def test_only_a_bidirectional_network_sees_what_comes():
    X = [rng.standard_normal((15, 1)) for _ in range(60)]
    y = [np.append(x[1:, 0] > 0, False) for x in X]
    scores = []
    for bidirectional in (False, True):
        learning = Learning(25, optimizer=Adam(0.02))
        model = SequenceTagger(
            "rnn", n_units=6, bidirectional=bidirectional, learning=learning, random_state=0
        )
        said = model.fit(X[:40], y[:40]).predict(X[40:])
        scores.append(np.mean(np.concatenate(said) == np.concatenate(y[40:])))
    assert scores[0] < 0.7
    assert scores[1] > 0.93


def test_output_recurrence_remembers_what_the_output_tells_and_nothing_else():
    """A running sum is its own last value and the input; an input two steps ago is not in any output."""
    X = [rng.standard_normal((12, 1)) for _ in range(60)]
    running = [0.5 * x.cumsum(axis=0) for x in X]
    delayed = [np.vstack([np.zeros((2, 1)), x[:-2]]) for x in X]
    learning = Learning(60, optimizer=Adam(0.01))
    for y, low, high in ((running, 0.7, 1.0), (delayed, -1.0, 0.2)):
        model = SequenceTransducer(n_units=12, recurrence="output", learning=learning, random_state=0)
        said = np.concatenate(model.fit(X[:40], y[:40]).predict(X[40:]))
        truth = np.concatenate(y[40:])
        r2 = 1 - ((said - truth) ** 2).mean() / truth.var()
        assert low < r2 < high, r2


@pytest.mark.parametrize("recurrence", ["output", "both"])
def test_teacher_forcing_is_a_free_run_whose_outputs_are_the_targets(recurrence):
    model = (
        clone(FITTED["transducer"][0]).set_params(recurrence=recurrence, random_state=0).fit(SERIES, SERIES)
    )
    params, x = model._exact_params(), np.random.default_rng(0).standard_normal((7, 3, 2))
    raw, heard = model._run_free(params, x)
    forced = model.network_.forward(params, heard).outputs
    np.testing.assert_allclose(raw, forced, rtol=1e-11, atol=1e-13)
    again = model._with_feedback(params, x, raw, None, 0.0)
    np.testing.assert_array_equal(again, heard)


def test_validation_hears_what_the_network_says():
    """With every series the same, the held-out loss is that of the prediction."""
    learning = Learning(1, validation_fraction=0.5)
    model = clone(FITTED["jordan"][0]).set_params(learning=learning, random_state=0)
    same = [SERIES[0]] * 4
    said = model.fit(same, same).predict(same)[0]
    loss = 0.5 * (((said - SERIES[0]) / model.y_scale_) ** 2).mean()
    assert model.validation_losses_[0] == pytest.approx(loss, rel=1e-5)


def test_scheduled_mixing_tells_own_outputs():
    model = clone(FITTED["jordan"][0]).set_params(teacher_forcing=0.0, random_state=0).fit(SERIES, SERIES)
    params, x = model._exact_params(), np.random.default_rng(0).standard_normal((7, 3, 2))
    mixed = model._with_feedback(params, x, np.ones((7, 3, 2)), np.random.default_rng(0), 1.0)
    np.testing.assert_array_equal(mixed, model._run_free(params, x)[1])


def test_log_probabilities_of_all_that_may_follow_sum_to_one():
    model, text, _ = FITTED["language"]
    model = clone(model).set_params(random_state=0).fit(text)
    every = [model.log_probabilities("ab" + last) for last in "abc"]
    assert sum(np.exp(one[-1]) for one in every) == pytest.approx(1, rel=1e-5)
    assert model.score("abca") == pytest.approx(model.log_probabilities("abca").mean(), rel=1e-6)


def test_a_language_model_learns_what_it_reads():
    text = "abcd" * 60
    model = LanguageModel(
        "rnn", n_units=8, window=12, learning=Learning(30, optimizer=Adam(0.02)), random_state=0
    )
    model.fit(text)
    assert model.perplexity("abcdabcdabcd") < 1.1
    assert model.sample(6, prompt="ab", temperature=0.1, random_state=0) == "cdabcd"
    state, raw = model.network_.start(model.params_, 1), []
    for code in model.alphabet_.encode("abc", "text"):
        y, state = model.network_.step(model.params_, np.array([code]), state)
        raw.append(y[0])
    nats = [np.log(np.exp(row).sum()) - row[code] for row, code in zip(raw, (1, 2))]
    assert model.score("abc") == pytest.approx(-np.mean(nats), rel=1e-5)


@pytest.fixture(scope="module")
def spelling():
    words = dict(zip("123", ["one", "two", "ten"]))
    X = ["".join(pair) for n in (1, 2) for pair in itertools.product("123", repeat=n)] * 6
    y = [" ".join(words[digit] for digit in x) for x in X]
    learning = Learning(30, optimizer=Adam(0.02))
    return X, y, learning


@pytest.mark.parametrize("attention", [None, "content", "location"])
def test_encoder_decoder_spells(spelling, attention):
    X, y, learning = spelling
    model = EncoderDecoder(n_units=16, attention=attention, learning=learning, random_state=0).fit(X, y)
    assert model.score(X, y) == 1.0
    if attention is None:
        with pytest.raises(ValueError, match="attention=None looks nowhere"):
            model.align(X, y)
    else:
        weights = model.align(["12"], ["one two"])[0]
        assert weights.shape == (8, 2)
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    assert model.set_params(beam_width=3).predict(["31"]) == ["ten one"]
    assert model.set_params(max_length=2).predict(["31"]) == ["te"]


def test_beam_search_finds_the_best_and_a_beam_of_one_follows_the_greedy_path():
    model, X, y = FITTED["plain encoder-decoder"]
    model = clone(model).set_params(random_state=3).fit(X, y)
    params, (_, block_of) = model._exact_params(), model._read_sources(["abc"], False)
    block, n_symbols, longest = block_of([0]), model.alphabet_.size, 3

    def log_probability(codes):
        state, last, total = model.writer_.start(params, *block), END, 0.0
        for code in (*codes, END)[:longest]:  # what is cut off has no end
            raw, state = model.writer_.step(params, np.array([last]), state)
            total += raw[0, code] - np.log(np.exp(raw[0]).sum())
            last = code
        return total

    every = [c for n in range(longest + 1) for c in itertools.product(range(1, n_symbols), repeat=n)]
    best = max(every, key=log_probability)
    codes, scores = beam_search(model.writer_, params, *block, longest, 100)
    assert (tuple(codes[0]), scores[0]) == (best, pytest.approx(log_probability(best), rel=1e-10))
    greedy = written(model.writer_, params, *block, 5)[0]
    found = beam_search(model.writer_, params, *block, 6, 1)[0][0]
    assert tuple(found) == tuple(greedy[: len(found)])
    several = model._read_sources(["b", "abc", "cab"], False)[1]([0, 1, 2])
    codes, scores = beam_search(model.writer_, params, *several, longest, 100)
    assert (tuple(codes[1]), scores[1]) == (best, pytest.approx(log_probability(best), rel=1e-10))


def test_mixtures_beat_a_single_gaussian_where_there_are_two_ways():
    up, down = LINE, LINE * np.array([1.0, -1.0, 1.0])
    y = [(up if i % 2 else down) + np.r_[rng.normal(0, 0.05, (3, 2)).T, [np.zeros(3)]].T for i in range(40)]
    scores = []
    for n_components in (1, 4):
        learning = Learning(150, optimizer=Adam(0.02))
        model = TrajectoryGenerator(
            "rnn", n_units=6, n_components=n_components, learning=learning, random_state=0
        )
        scores.append(model.fit(["s"] * 40, y).score(["s"] * 40, y))
    assert scores[1] > scores[0] + 0.2
    path = model.sample(["s"], random_state=0)[0]
    assert path[-1, 2] == 1


def test_tree_classifier_generalises_to_deeper_trees():
    def negated(n):
        tree = ["yes", "no"][n % 2]
        truth = n % 2 == 0
        for _ in range(n // 2):
            tree, truth = ("not", tree), not truth
        return tree, truth

    learning = Learning(60, optimizer=Adam(0.02))
    trees, truths = zip(*(negated(n) for n in list(range(8)) * 8))
    model = TreeClassifier(8, learning=learning, random_state=0).fit(trees, truths)
    deeper, truths = zip(*(negated(n) for n in range(8, 20)))
    assert model.score(deeper, truths) == 1.0


# -------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("model", "X", "y", "message"),
    [
        (
            SequenceClassifier(),
            [np.ones((2, 1)), np.ones((2, 2))],
            [0, 1],
            "series 1 of X has 2 features, series 0 has 1",
        ),
        (SequenceClassifier(), SERIES, [1] * 6, "y has one class, 1"),
        (
            SequenceClassifier(RNN(3), n_units=4),
            SERIES,
            list("ababab"),
            "brings its own size: leave out n_units=4",
        ),
        (
            SequenceTagger(recurrence="both", bidirectional=True),
            SERIES,
            [x[:, 0] > 0 for x in SERIES],
            "recurrence='both' writes",
        ),
        (
            SequenceTransducer(teacher_forcing=0.5),
            SERIES,
            SERIES,
            "recurrence='hidden' hears no outputs: teacher_forcing=0.5",
        ),
        (LanguageModel(), "a", None, "text has one symbol"),
        (
            EncoderDecoder(),
            ["ab", ""],
            ["a", "b"],
            "X must be a list of sequences, each of at least one symbol",
        ),
        (EncoderDecoder(), ["ab", "b"], ["", ""], "y holds no symbol"),
        (TrajectoryGenerator(), ["a"], [LINE[:2]], "path 0 of y must have 3 columns"),
        (TreeClassifier(), TREES, [1] * 6, "y has one class, 1"),
        (TreeClassifier(), [["not", "a"], "a"], [0, 1], r"\['not', 'a'\] is no tree: give a symbol"),
        (TreeClassifier(), [("not", ()), "a"], [0, 1], r"\(\) is no tree"),
        (SequenceRegressor(), [np.ones(3), np.ones(4)], [0, 1], r"one-dimensional series of \[3, 4\] steps"),
    ],
)
def test_errors_of_fit(model, X, y, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


def test_layers_without_steps_cannot_hear_their_outputs():
    model = SequenceTransducer(Dilated(Recurrent(RNN(3))), recurrence="both", learning=QUICK)
    with pytest.raises(TypeError, match="Dilated has no compiled steps: use Embedding"):
        model.fit(SERIES, SERIES)
    assert not hasattr(model, "params_")


def test_what_is_asked_of_held_out_sequences_needs_some():
    model, X, y = FITTED["regressor"]
    one = clone(model).set_params(learning=Learning(2, validation_fraction=0.1), random_state=0)
    assert np.isfinite(one.fit(X, y).validation_losses_).all()  # a tenth of six, at least one
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 leaves nothing of 1 sequence"):
        one.fit(X[:1], y[:1])
    with pytest.raises(ValueError, match=r"patience=2 waits for what is held out .* validation_fraction=0"):
        one.set_params(learning=Learning(patience=2)).fit(X, y)


@pytest.mark.parametrize("name", ["classifier", "regressor", "transducer"])
def test_columns_of_series_go_by_their_names(name):
    model, X, y = FITTED[name]
    frames = [pd.DataFrame(series, columns=["a", "b"]) for series in X]
    turned = [frame[["b", "a"]] for frame in frames]
    model = clone(model).set_params(random_state=0).fit(frames, y)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="Feature names must be in the same order as they were in fit"):
        model.predict(turned)
    with pytest.raises(ValueError, match=r"series 1 of X has the columns \['b', 'a'\], series 0 has"):
        model.fit([frames[0], *turned[1:]], y)


def test_what_was_set_after_a_fit_asks_for_another():
    model, X, y = FITTED["jordan"]
    model = clone(model).set_params(random_state=0).fit(X, y)
    with pytest.raises(
        ValueError, match="recurrence='hidden' was set after fit, which learned with recurrence='ou"
    ):
        model.set_params(recurrence="hidden").predict(X)
    model, X, y = FITTED["plain encoder-decoder"]
    model = clone(model).set_params(random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="attention='content' was set after fit"):
        model.set_params(attention="content").align(X, y)


def test_errors_of_sample():
    model, text, _ = FITTED["language"]
    model = clone(model).fit(text)
    assert model.sample(0) == ""
    for wrong in (-1, 2.5):
        with pytest.raises(ValueError, match=f"n_symbols={wrong} must be a whole number"):
            model.sample(wrong)
    with pytest.raises(ValueError, match="prompt is empty: give a symbol"):
        model.sample(2, prompt="")


def test_errors_of_predict():
    model = clone(FITTED["encoder-decoder"][0]).set_params(random_state=0).fit(WORDS, WORDS)
    with pytest.raises(ValueError, match="X holds 'z', which did not occur in training"):
        model.predict(["az"])
    with pytest.raises(ValueError, match="temperature=0 must be a positive number"):
        model.sample(WORDS, temperature=0)
    classifier = clone(FITTED["classifier"][0]).fit(*FITTED["classifier"][1:])
    with pytest.raises(ValueError, match="X has series of 5 columns, fit saw series of 2"):
        classifier.predict([np.ones((3, 5))])
    with pytest.raises(ValueError, match="fit saw series of 2 columns"):
        classifier.predict(np.ones((3, 2)))
    with pytest.raises(ValueError, match="there is no tree"):
        clone(FITTED["trees"][0]).fit(*FITTED["trees"][1:]).predict([])
