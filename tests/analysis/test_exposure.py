import pandas as pd
import pytest

from byzdl.analysis.exposure import exposure
from byzdl.analysis.leaderboard import exposure_markdown


def nodes(*rows):
    """Rows (attack, defense, node, neighbours, Byzantine ones, final accuracy), each after a round that doesn't count."""
    columns = ["attack", "defense", "node", "neighbours", "byzantine_neighbours", "accuracy"]
    frame = pd.DataFrame(rows, columns=columns).assign(setting="", br=0.2, seed=0)
    frame["run"] = frame["attack"] + frame["defense"]
    return pd.concat([frame.assign(round=0, accuracy=0.1), frame.assign(round=10)], ignore_index=True)


def test_a_node_is_lost_that_ends_well_below_itself_alone():
    frame = nodes(
        ("max", "local", 0, 3, 1, 0.8),
        ("max", "local", 1, 4, 3, 0.6),
        ("max", "local", 2, 2, 1, 0.7),
        ("max", "local", 3, 1, 0, 0.7),
        ("max", "ubar", 0, 3, 1, 0.69),  # a third of its neighbours, and 0.11 below
        ("max", "ubar", 1, 4, 3, 0.51),  # 0.09 below
        ("max", "ubar", 2, 2, 1, 0.9),
        ("max", "ubar", 3, 1, 0, 0.1),  # through those that it hears
        # `local` under another attack than this one
        ("ipm", "ubar", 0, 3, 1, 0.71),
        ("ipm", "ubar", 1, 4, 3, 0.49),
        # nobody attacks
        ("none", "ubar", 0, 3, 1, 0.1),
    )
    table = exposure(frame)
    assert table["defense"].unique().tolist() == ["ubar"]
    found = {row["byzantine"]: (row["nodes"], row["lost"]) for row in table.to_dict("records")}
    assert found == {"none": (1, 1.0), "to 1/3": (2, 0.5), "to 1/2": (1, 0.0), "above": (2, 0.5)}
    assert exposure(frame, margin=0.095).set_index("byzantine")["lost"]["above"] == pytest.approx(0.5)
    assert exposure(frame, margin=0.08).set_index("byzantine")["lost"]["above"] == pytest.approx(1.0)


def test_defenses_stand_by_how_few_they_lose_and_shares_that_no_node_has_stay_empty():
    rows = [("", "ubar", "none", 2, 0.5), ("", "ubar", "above", 2, 0.5), ("", "median", "none", 4, 0.25)]
    lines = exposure_markdown(pd.DataFrame(rows, columns=["setting", "defense", "byzantine", "nodes", "lost"]))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines()[2:]]
    assert cells == [["median", "25", "", "", ""], ["ubar", "50", "", "", "50"]]


def test_a_node_without_an_accuracy_is_lost():
    frame = nodes(("max", "local", 0, 3, 1, 0.8), ("max", "ubar", 0, 3, 1, float("nan")))
    assert exposure(frame)["lost"].tolist() == [1.0]
