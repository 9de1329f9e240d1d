import numpy as np
import pytest
from scipy import stats

from byzdl.analysis import bootstrap_interval, load, over_seeds

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("values", [RNG.normal(0.9, 0.02, (12, 3)), RNG.beta(2, 5, (20, 3))])
def test_agrees_with_scipy(values):
    low, high = bootstrap_interval(values)
    other = stats.bootstrap((values,), np.mean, axis=0, method="percentile", n_resamples=20_000, rng=0)
    spread = values.std(axis=0) / np.sqrt(len(values))
    assert np.all(np.abs(low - other.confidence_interval.low) < 0.1 * spread)
    assert np.all(np.abs(high - other.confidence_interval.high) < 0.1 * spread)


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
