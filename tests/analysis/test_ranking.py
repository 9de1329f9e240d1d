import math

import pandas as pd
import pytest

from byzdl.analysis.ranking import breakdown, gains, ranking, worst_attacks


def table(*rows):
    """Rows (attack, br, defense, mean) of a table of final accuracies."""
    frame = pd.DataFrame(rows, columns=["attack", "br", "defense", "mean"])
    return frame.assign(setting="", seeds=3, worst=frame["mean"] - 0.1)


TABLE = table(
    ("max", 0.2, "mean", 0.1),
    ("max", 0.2, "ubar", 0.7),
    ("max", 0.2, "d_krum", 0.8),
    ("max", 0.2, "median", 0.9),
    ("max", 0.2, "local", 0.6),
    ("ipm", 0.2, "mean", 0.5),
    ("ipm", 0.2, "ubar", 0.9),
    ("ipm", 0.2, "d_krum", 0.7),
    ("ipm", 0.2, "median", 0.8),
    ("ipm", 0.2, "local", 0.6),
)


def test_defenses_rank_by_their_least_value_then_by_their_mean_and_reference_lines_come_last():
    # Least: median 0.8, d_krum 0.7 (mean 0.75), ubar 0.7 (mean 0.8).
    assert ranking(TABLE) == ["median", "ubar", "d_krum", "mean", "local"]


def test_worst_attacks_are_those_of_least_accuracy():
    worst = worst_attacks(TABLE)
    assert dict(zip(worst["defense"], worst["attack"], strict=True)) | {"local": ""} == {
        "median": "ipm",
        "ubar": "max",
        "d_krum": "ipm",
        "mean": "max",
        "local": "",
    }
    assert worst.set_index("defense").loc["ubar", ["mean", "average"]].tolist() == [0.7, pytest.approx(0.8)]
    assert len(worst_attacks(TABLE, 2)) == 10


def runs(*rows):
    """Rows (attack, br, defense, seed, final accuracy), each with an earlier row that must not count."""
    frame = pd.DataFrame(rows, columns=["attack", "br", "defense", "seed", "accuracy_mean"])
    frame["run"] = [f"run{i}" for i in range(len(frame))]
    late = frame.assign(round=20, setting="")
    return pd.concat([late.assign(round=10, accuracy_mean=0.0), late], ignore_index=True)


def test_gains_are_over_the_same_seed_learning_alone_whatever_its_attack():
    frame = runs(
        ("none", 0.2, "local", 0, 0.5),
        ("none", 0.2, "local", 1, 0.7),
        ("max", 0.2, "ubar", 0, 0.6),
        ("max", 0.2, "ubar", 1, 0.8),
        ("ipm", 0.2, "ubar", 1, 0.9),
    )
    found = gains(frame).set_index("attack")
    # Unpaired, 0.6 and 0.8 against 0.5 and 0.7 would be anything but certain.
    assert found.loc["max", ["mean", "low", "high"]].tolist() == pytest.approx([0.1, 0.1, 0.1])
    assert found.loc["max", "pairs"] == 2
    assert found.loc["ipm", "mean"] == pytest.approx(0.2)
    assert math.isnan(found.loc["ipm", "low"])
    assert set(found["defense"]) == {"ubar"}


def test_breakdown_is_the_last_rate_before_the_first_at_which_the_lower_end_is_not_above_zero():
    def gained(attack, lows):
        return [("", attack, br / 10, "ubar", 5, low + 0.1, low, low + 0.2) for br, low in enumerate(lows)]

    columns = ["setting", "attack", "br", "defense", "pairs", "mean", "low", "high"]
    rows = [*gained("max", [0.1, 0.2, -0.1, 0.3]), *gained("ipm", [0.0, 0.1]), *gained("alie", [0.1, 0.1, 0.1])]
    rows += gained("rop", [float("nan"), 0.1])  # a single seed says nothing
    found = breakdown(pd.DataFrame(rows[::-1], columns=columns)).set_index("attack")["br"]
    assert found["max"] == pytest.approx(0.1)
    assert found["alie"] == pytest.approx(0.2)
    assert math.isnan(found["ipm"])
    assert math.isnan(found["rop"])


def test_what_has_no_mean_is_worst_and_leaves_no_average():
    """It is neither left out of a defense's attacks nor of its average."""
    rows = table(("max", 0.2, "ubar", math.nan), ("ipm", 0.2, "ubar", 0.9), ("max", 0.2, "median", 0.1))
    assert ranking(rows) == ["median", "ubar"]
    worst = worst_attacks(rows).set_index("defense")
    assert worst.loc["ubar", "attack"] == "max"
    assert math.isnan(worst.loc["ubar", "average"])
    assert worst.loc["ubar", "attacks"] == 2
