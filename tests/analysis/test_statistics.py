import functools
import statistics

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from byzdl.analysis import AnalysisError, bootstrap_interval, final, load, over_seeds, paired, rounds_to, trimmed_mean

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("trim", [0, 0.25])
@pytest.mark.parametrize("values", [RNG.normal(0.9, 0.02, (12, 3)), RNG.beta(2, 5, (20, 3))])
def test_agrees_with_scipy(values, trim):
    low, high = bootstrap_interval(values, resamples=50_000, trim=trim)
    mean = functools.partial(stats.trim_mean, proportiontocut=trim)
    other = stats.bootstrap((values,), mean, axis=0, method="percentile", n_resamples=50_000, rng=0)
    spread = values.std(axis=0) / np.sqrt(len(values))
    assert np.all(np.abs(low - other.confidence_interval.low) < 0.06 * spread)
    assert np.all(np.abs(high - other.confidence_interval.high) < 0.06 * spread)


def test_the_same_twice_and_for_each_column_alone():
    values = RNG.normal(size=(5, 4))
    low, high = bootstrap_interval(values)
    assert np.array_equal(low, bootstrap_interval(values)[0])
    np.testing.assert_allclose(high[2:3], bootstrap_interval(values[:, 2:3])[1], rtol=1e-12)


def test_one_seed_has_no_interval():
    assert np.isnan(bootstrap_interval([[0.5, 0.6]])).all()


def test_equal_values_have_an_interval_of_no_width():
    np.testing.assert_allclose(bootstrap_interval([[0.3], [0.3], [0.3]]), [[0.3], [0.3]], rtol=1e-12)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_what_is_not_finite_has_no_interval_and_spoils_no_other(odd):
    low, high = bootstrap_interval([[odd, 0.1], [0.2, 0.3]])
    assert np.isnan([low[0], high[0]]).all()
    assert (low[1], high[1]) == (0.1, 0.3)


def test_over_seeds(write, folder):
    write(seed=1, accuracy=(0.1, 0.6))
    write(seed=0, accuracy=(0.1, 0.4))
    write(seed=0, accuracy=(0.2, 0.8), attack={"br": 0.5})
    data = over_seeds(load(folder), "accuracy_mean")
    assert data[["br", "round", "seeds"]].to_numpy().tolist() == [[0.3, 0, 2], [0.3, 10, 2], [0.5, 0, 1], [0.5, 10, 1]]
    assert data["mean"].tolist() == pytest.approx([0.1, 0.5, 0.2, 0.8])
    assert data["low"].tolist() == pytest.approx([0.1, 0.4, np.nan, np.nan], nan_ok=True)
    assert data["high"].tolist() == pytest.approx([0.1, 0.6, np.nan, np.nan], nan_ok=True)


def test_a_seed_without_a_value_is_not_left_out_silently(write, folder):
    write(seed=0, accuracy=(0.1, 0.6))
    write(seed=1, rows=[{"round": 0, "accuracy_mean": "", "accuracy_worst": ""}, {"round": 10, "accuracy_mean": "inf"}])
    data = over_seeds(load(folder), "accuracy_mean")
    assert data["mean"].tolist() == pytest.approx([np.nan, np.inf], nan_ok=True)
    assert data[["low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize("seeds", [4, 8, 20])
def test_the_interquartile_mean_is_scipys_where_a_quarter_is_whole(seeds):
    values = RNG.normal(size=(seeds, 3))
    np.testing.assert_allclose(trimmed_mean(values, 0.25), stats.trim_mean(values, 0.25), rtol=1e-12)
    np.testing.assert_allclose(trimmed_mean(values, 0), values.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("seeds", [3, 5, 6, 7])
def test_elsewhere_values_count_in_part(seeds):
    """Each value four times over makes the quarter whole, and the mean is the same."""
    values = RNG.normal(size=(seeds, 3))
    np.testing.assert_allclose(trimmed_mean(values, 0.25), stats.trim_mean(np.repeat(values, 4, axis=0), 0.25))


def test_five_values_by_hand():
    assert trimmed_mean([[9.0], [1.0], [3.0], [2.0], [-50.0]], 0.25) == pytest.approx((0.75 * 1 + 2 + 0.75 * 3) / 2.5)


def test_infinities_matter_where_they_are_kept_and_nan_always():
    values = np.repeat([[1.0, 2, 3, 4]], 4, axis=0).T
    values[0] = [np.inf, np.inf, np.nan, -np.inf]
    values[1] = [2, np.inf, 2, np.inf]
    np.testing.assert_array_equal(trimmed_mean(values, 0.25), [3.5, np.inf, np.nan, 3.5])
    values[:, 0] = [np.inf, -np.inf, np.inf, -np.inf]
    assert np.isnan(trimmed_mean(values, 0.25)[0])


def test_an_outlier_moves_the_interquartile_mean_less():
    values = [[0.1], *([0.9 + i / 100] for i in range(11))]
    iqm, mean = bootstrap_interval(values, trim=0.25), bootstrap_interval(values)
    assert 0 < iqm[1] - iqm[0] < 0.6 * (mean[1] - mean[0])


def test_final_is_the_last_row_of_each_run(write, folder):
    write(seed=0, rows=[{"round": 20, "accuracy_mean": 0.7}, {"round": 0, "accuracy_mean": 0.1}])
    write(seed=1, accuracy=(0.1, 0.5))
    assert final(load(folder))[["seed", "round", "accuracy_mean"]].to_numpy().tolist() == [[0, 20, 0.7], [1, 10, 0.5]]


def test_differences_are_of_the_same_seed(write, folder):
    """Seeds differ far more from one another than defenses do; only in pairs is one better for sure."""
    ends = {0: 0.2, 1: 0.5, 2: 0.9, 3: 0.4}
    for seed, end in ends.items():
        write(seed=seed, defense={"name": "local"}, accuracy=(0.1, end))
        if seed < 3:
            write(seed=seed, accuracy=(0.1, end + 0.01 * (seed + 1)))
    write(seed=9, defense={"name": "d_zeno"})  # no seed in common
    write(seed=0, attack={"br": 0.5})  # nobody to compare with
    frame = load(folder)
    (row,) = paired(final(frame)).to_dict("records")
    assert (row["attack"], row["br"], row["defense"], row["round"]) == ("max", 0.3, "ubar", 10)
    assert (row["pairs"], row["better"]) == (3, 3)
    assert [row["mean"], row["low"], row["high"]] == pytest.approx([0.02, 0.01, 0.03])
    rounds = paired(frame, against="ubar")
    assert rounds[["defense", "round", "better"]].to_numpy().tolist() == [["local", 0, 0], ["local", 10, 0]]
    assert rounds["mean"].tolist() == pytest.approx([0, -0.02])


def test_the_interval_of_differences_is_scipys(write, folder):
    one, other = RNG.normal(0.6, 0.1, 8), RNG.normal(0.5, 0.1, 8)
    for seed in range(8):
        write(seed=seed, accuracy=(0.1, one[seed]))
        write(seed=seed, accuracy=(0.1, other[seed]), defense={"name": "local"})
    (row,) = paired(final(load(folder))).to_dict("records")
    expected = stats.bootstrap(
        (one, other),
        lambda a, b, axis: (a - b).mean(axis=axis),
        paired=True, vectorized=True, method="percentile", n_resamples=20_000, rng=0,
    ).confidence_interval  # fmt: skip
    spread = (one - other).std() / np.sqrt(8)
    assert abs(row["low"] - expected.low) < 0.1 * spread
    assert abs(row["high"] - expected.high) < 0.1 * spread


def test_settings_are_not_paired_with_one_another(write, folder):
    write(rounds=10)
    write(rounds=20, defense={"name": "local"})
    assert paired(final(load(folder))).empty


def test_an_unknown_defense_to_compare_with(write, folder):
    write()
    with pytest.raises(AnalysisError, match=r"^against is 'locale', but must be a defense of these runs: ubar$"):
        paired(load(folder), against="locale")


def test_rounds_to_an_accuracy(write, folder):
    curves = [(0.1, 0.5, 0.2), (0.1, 0.2, 0.3), (0.1, 0.4, 0.6), (0.7, 0.1, 0.1)]
    for seed, curve in enumerate(curves):
        write(seed=seed, accuracy=curve)
        if seed < 2:
            write(seed=seed, accuracy=curve, defense={"name": "local"})
    local, ubar = rounds_to(load(folder)).to_dict("records")
    assert (ubar["seeds"], ubar["reached"], ubar["first"]) == (4, 3, 0)
    assert ubar["median"] == statistics.median([10, float("inf"), 20, 0]) == 15
    assert (local["seeds"], local["reached"], local["first"]) == (2, 1, 10)
    assert np.isnan([ubar["last"], local["median"], local["last"]]).all()
    assert rounds_to(load(folder), 0.2)["median"].tolist() == [10, 10]
    assert rounds_to(load(folder), 0.3, "accuracy_worst")["reached"].tolist() == [0, 2]


def test_a_configuration_with_two_values_for_one_seed_and_round(write, folder):
    write()
    frame = load(folder)
    for average in (over_seeds, paired):
        with pytest.raises(AnalysisError, match=r"^a configuration has two values for one seed and round, but must"):
            average(pd.concat([frame, frame]), "accuracy_mean", **({"against": "ubar"} if average is paired else {}))
