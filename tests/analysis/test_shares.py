"""Where n nodes cannot have the Byzantine rate, every figure and table names the real share."""

import json

import pandas as pd
import pytest
from matplotlib.figure import Figure

from byzdl.analysis import curves, final_accuracy, find, load, to_latex, to_markdown
from byzdl.analysis.compare import differences, to_text
from byzdl.analysis.leaderboard import breakdown_markdown, success_markdown, worst_attacks_markdown
from byzdl.analysis.levels import levels
from byzdl.analysis.matching import match
from byzdl.analysis.ranking import gains
from byzdl.analysis.report.data import records
from byzdl.analysis.scores import ACCURACY
from byzdl.analysis.shares import distinct, rates


@pytest.fixture
def four(write, folder):
    """Four nodes at two rates: with 0.1 none of them is Byzantine, with 0.25 one."""
    for br, byzantine in ((0.1, []), (0.25, [2])):
        for defense, end in (("ubar", 0.9), ("local", 0.7)):
            run = write(attack={"br": br}, topology={"n": 4}, defense={"name": defense}, accuracy=(0.1, end))
            record = json.loads((run / "run.json").read_text())
            (run / "run.json").write_text(json.dumps({**record, "byzantine": byzantine}))
    return folder


def test_rates_are_named_with_the_real_share():
    table = pd.DataFrame({"br": [0.1, 0.1, 0.3, 0.25], "topology.n": [4, 10, 10, 4], "byzantine_nodes": [0, 1, 3, 1]})
    assert rates(table) == {0.1: "0.1 (0 of 4)", 0.25: "0.25", 0.3: "0.3"}
    many = pd.DataFrame({"br": 0.1, "topology.n": [1, 2, 3, 4, 5], "byzantine_nodes": [0, 0, 0, 0, 1]})
    assert rates(many) == {0.1: "0.1 (0 of 1, 0 of 2, 0 of 3, ...)"}
    assert rates(pd.DataFrame({"br": [0.1]})) == {0.1: "0.1"}
    assert rates(table.assign(byzantine_nodes=float("nan")))[0.1] == "0.1"


def test_different_rates_have_different_names():
    assert distinct([0.1, 0.10000001, 1 / 3]) == ["0.1", "0.10000001", "0.33333333"]


def test_tables_name_the_real_share(four):
    frame = load(four)
    table = final_accuracy(frame)
    assert table[["br", "topology.n", "byzantine_nodes"]].drop_duplicates().to_numpy().tolist() == [
        [0.1, 4, 0],
        [0.25, 4, 1],
    ]
    head = next(line for line in to_markdown(table).splitlines() if line.startswith("| attack"))
    assert "B_r = 0.1 (0 of 4)" in head
    assert "B_r = 0.25 |" in " ".join(head.split())
    assert r"{$B_r = 0.1$ (0 of 4)} & \multicolumn{2}{c}{$B_r = 0.25$}" in to_latex(table)
    assert "## B_r = 0.1 (0 of 4)" in worst_attacks_markdown(table)
    gained = gains(frame)
    assert gained["byzantine_nodes"].tolist() == [0, 1]
    assert "0.1 (0 of 4)" in breakdown_markdown(gained[gained["br"] == 0.1].assign(low=1.0))
    assert "B_r = 0.1 (0 of 4)" in success_markdown(table)


def test_figures_name_it(four):
    assert levels(load(four), "br") == {0.1: "$B_r$ = 0.1 (0 of 4)", 0.25: "$B_r$ = 0.25"}
    ax = curves(load(four).query("defense == 'ubar'"), ax=Figure().subplots(), hue="br")
    assert ax.legend_.get_texts()[0].get_text() == "$B_r$ = 0.1 (0 of 4)"


def test_the_report_and_the_comparison_name_it_too(four):
    done = find(four)
    assert records(done)[0]["dimensions"][1] == {"key": "br", "values": ["0.1 (0 of 4)", "0.25"]}
    matched = match(done, done)
    assert "0.1 (0 of 4)" in to_text(matched, {ACCURACY: differences(matched.pairs)})
