"""What the report's page is made of; tests/analysis/test_report_page.py opens it in a browser."""

import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from operator import mul
from pathlib import Path
from typing import Any

import pytest
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from byzdl.analysis.load import find
from byzdl.analysis.report import charts, networks
from byzdl.analysis.report.__main__ import main
from byzdl.analysis.report.data import MAX_POINTS, QUANTITIES, numbers, records
from byzdl.analysis.style import DEFENSES, OTHERS, REFERENCES, SPARE, lines
from byzdl.config.columns import EDGE_COLUMNS, NODE_COLUMNS, ROUND_COLUMNS, tables


def done(folder: Path) -> list[Any]:
    return [run for run in find(folder) if run.status == "done"]


def add_network(
    run: Path, byzantine: Sequence[int], edges: Sequence[tuple[int, int]], nodes: str, counted: str = "", **more: Any
) -> None:
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "byzantine": list(byzantine), "edges": list(edges), **more}))
    (run / "edges.csv").write_text(",".join(EDGE_COLUMNS) + "\n" + counted)
    (run / "nodes.csv").write_text(",".join(NODE_COLUMNS) + "\n" + nodes)


# Nodes 0, 1, 2 are benign, 3 is not; 0 hears 1, 2 and 3, 1 hears 0, 2 hears 0 and 3. Rounds of 10.
EDGES = [(0, 1), (0, 2), (0, 3), (2, 3)]
NODES = """\
0,0,0.1,2,0.1,,,3,1
0,1,0.1,2,0.1,,,1,0
0,2,0.1,2,0.1,,,2,1
10,0,0.5,1,0.1,4,10,3,1
10,1,0.6,1,0.1,0,10,1,0
10,2,0.7,1,0,10,1,2,1
20,0,0.8,1,0,0,20,3,1
20,1,0.9,1,0,0,0,1,0
20,2,0.9,1,0,0,5,2,1
"""


# The same, edge by edge.
COUNTED = """\
10,0,1,10,7,0.2
10,0,2,10,3,0.1
10,0,3,10,4,0.1
10,1,0,10,10,0.5
10,2,0,10,1,0.05
10,2,3,10,10,0.5
20,0,1,10,10,0.25
20,0,2,10,10,0.25
20,0,3,10,0,0.0
20,1,0,10,0,0.0
20,2,0,10,5,0.25
20,2,3,10,0,0.0
"""


def test_groups_hold_means_and_intervals_over_seeds(write, folder):
    write(seed=0, accuracy=(0.1, 0.8), defense={"name": "ubar"})
    write(seed=1, accuracy=(0.1, 1.0), defense={"name": "ubar"})
    write(seed=0, accuracy=(0.1, 0.6), defense={"name": "mean"}, attack={"name": "alie"})
    record, groups = records(done(folder))
    assert [defense["name"] for defense in record["defenses"]] == ["ubar", "mean"]
    assert {d["key"]: d["values"] for d in record["dimensions"] if d["key"] in ("attack", "br", "graph")} == {
        "attack": ["max", "alie"],
        "br": ["0.3"],
        "graph": ["ring"],
    }
    first, second = record["groups"]
    assert (first["at"][:2], first["defense"], first["seeds"]) == ([0, 0], 0, 2)
    assert first["final"] == {
        "mean": [0.9, 0.8, 1.0], "worst": [0.45, 0.4, 0.5], "iqm": [None] * 3, "over_local": [None] * 3,
        "pairs": 0, "rounds_to": [10, 2],
    }  # fmt: skip
    assert record["rounds"][first["rounds"]] == [0, 10]
    assert first["curves"]["accuracy_mean"] == {
        "mean": [0.1, 0.9], "low": [0.1, 0.8], "high": [0.1, 1.0], "seeds": [[0.1, 0.8], [0.1, 1.0]],
    }  # fmt: skip
    # A single seed says nothing of its spread; a rule without theta has no curve of it.
    assert second["final"]["mean"] == [0.6, None, None]
    assert second["curves"]["accuracy_mean"] == {"mean": [0.1, 0.6]}
    assert "theta_mean" not in second["curves"]
    assert record["most"] == 2
    assert groups == {"run0": 0, "run1": 0, "run2": 1}


def test_what_varies_can_be_filtered_by(write, folder):
    write(topology={"name": "ring"}, partition={"name": "iid"}, rounds=100)
    write(topology={"name": "erdos_renyi", "cr": 0.2}, partition={"name": "dirichlet", "alpha": 0.1}, rounds=100)
    write(topology={"name": "erdos_renyi", "cr": 0.4}, partition={"name": "dirichlet", "alpha": 1.0}, rounds=20)
    record, _ = records(done(folder))
    values = {d["key"]: d["values"] for d in record["dimensions"]}
    assert values["graph"] == ["erdos_renyi cr=0.2", "erdos_renyi cr=0.4", "ring"]
    assert values["split"] == ["dirichlet alpha=0.1", "dirichlet alpha=1", "iid"]
    assert values["rounds"] == ["20", "100"]  # as numbers are sorted
    places = {d["key"]: i for i, d in enumerate(record["dimensions"])}
    assert sorted(group["at"][places["graph"]] for group in record["groups"]) == [0, 1, 2]
    assert "topology.n" in record["shared"]
    assert not {"rounds", "topology.cr", "device"} & record["shared"].keys()


def test_long_curves_keep_their_ends(write, folder):
    rows = [{"round": i, "accuracy_mean": i / 1000, "accuracy_worst": 0} for i in range(0, 1001, 2)]
    write(rows=rows)
    (group,) = (record := records(done(folder))[0])["groups"]
    rounds = record["rounds"][group["rounds"]]
    assert len(rounds) == MAX_POINTS
    assert (rounds[0], rounds[-1]) == (0, 1000)
    assert group["curves"]["accuracy_mean"]["mean"] == numbers(point / 1000 for point in rounds)


def test_rates_cover_the_points_that_were_left_out(write, folder):
    """A rate that goes up and down from row to row, rows of 1 round and of 3 rounds: 1 in 1 of 4 rounds."""
    rounds = [0, *(4 * i + step for i in range(200) for step in (1, 4))]
    rows = [
        {"round": now, "accuracy_mean": 0.1, "byzantine_accept_rate": now % 4 if now else "",
         "benign_accept_rate": 0.5 if now > 400 else ""}
        for now in rounds
    ]  # fmt: skip
    write(rows=rows)
    (group,) = (record := records(done(folder))[0])["groups"]
    kept = record["rounds"][group["rounds"]]
    assert len(kept) == MAX_POINTS
    first, *rates = group["curves"]["byzantine_accept_rate"]["mean"]
    assert first is None
    for (before, now), rate in zip(pairwise(kept), rates, strict=True):
        assert rate == pytest.approx(sum(r % 4 == 1 for r in range(before + 1, now + 1)) / (now - before), abs=1e-4)
    spans = [now - before for before, now in pairwise(kept)]
    assert sum(map(mul, rates, spans)) / 800 == pytest.approx(0.25, abs=1e-4)
    # What a rule could say in a part of the rounds alone, it said of these.
    assert set(group["curves"]["benign_accept_rate"]["mean"]) == {None, 0.5}
    assert group["curves"]["accuracy_mean"]["mean"] == [0.1] * MAX_POINTS


def test_the_page_shows_columns_that_runs_have():
    assert QUANTITIES.keys() < {*ROUND_COLUMNS, *tables("r2")["rounds.csv"]}


def test_what_is_no_number_is_null():
    assert numbers([float("nan"), float("inf"), 0.123456, 1234567.0]) == [None, None, 0.1235, 1235000.0]


def test_trust_is_the_share_of_rounds(write, folder):
    run = write(name="run", topology={"n": 4})
    add_network(run, [3], EDGES, NODES)
    drawn = networks.networks(done(folder), {"run": 7})
    (graph,) = drawn["graphs"]
    assert (graph["n"], graph["byzantine"], graph["edges"]) == (4, [3], EDGES)
    assert len(graph["x"]) == len(graph["y"]) == 4
    (history,) = drawn["runs"]
    assert (history["group"], history["seed"], history["rounds"]) == (7, 0, [0, 10, 20])
    # Both ways of each edge. Node 0 accepted 10 of 20 benign messages, then all; of its attacker's 10 four, then none.
    assert history["trust"] == [
        [50, 100, 50, 10, 40, None, 100, None],
        [100, 0, 100, 50, 0, None, 0, None],
    ]
    assert history["accuracy"] == [[0.5, 0.6, 0.7, None], [0.8, 0.9, 0.9, None]]
    assert history["theta"] == [[0.1, 0.1, 0, None], [0, 0, 0, None]]
    assert history["weight"] == [[None] * 8] * 2
    assert not history["exact"]
    assert (drawn["omitted"], drawn["undrawn"]) == (0, 0)


def test_a_rule_that_cannot_say_trusts_nobody_in_particular(write, folder):
    nodes = "0,0,0.1,2,,,,1,0\n0,1,0.1,2,,,,1,0\n10,0,0.1,2,,,,1,0\n10,1,0.1,2,,,,1,0\n"
    add_network(write(name="run", topology={"n": 2}), [], [(0, 1)], nodes)
    (history,) = networks.networks(done(folder), {"run": 0})["runs"]
    assert history["trust"] == [[None, None]]


def test_what_a_page_has_no_room_for_is_told(write, folder, monkeypatch):
    for seed in (0, 1):
        for rule in ("mean", "ubar"):
            run = write(
                name=f"{rule}{seed}", seed=seed, defense={"name": rule}, topology={"n": 4}, rounds=20, eval_every=10
            )
            add_network(run, [3], EDGES, NODES)
    groups = {"mean0": 1, "mean1": 1, "ubar0": 0, "ubar1": 0}
    cost = 3 * (4 * 4 + 2 * 4)  # moments; share and weight of both ways of an edge, accuracy and theta of a node

    def drawn(budget: int) -> tuple[list[tuple[int, int, int]], int]:
        monkeypatch.setattr(networks, "BUDGET", budget)
        found = networks.networks(done(folder), groups)
        return [(run["group"], run["seed"], len(run["trust"])) for run in found["runs"]], found["omitted"]

    assert drawn(4 * cost) == ([(1, 0, 2), (1, 1, 2), (0, 0, 2), (0, 1, 2)], 0)
    assert drawn(4 * cost - 1) == ([(0, 0, 2), (1, 0, 2)], 2)  # the first seed alone
    monkeypatch.setattr(networks, "FEW_FRAMES", 2)
    assert drawn(2 * cost - 1) == ([(0, 0, 1), (1, 0, 1)], 2)  # from the first moment to the last
    assert drawn(cost) == ([(0, 0, 1)], 3)
    monkeypatch.setattr(networks, "MAX_NODES", 3)
    assert networks.networks(done(folder), groups) == {"graphs": [], "runs": [], "omitted": 0, "undrawn": 4}


def test_frames_that_were_left_out_are_counted_in(write, folder, monkeypatch):
    add_network(write(name="run", topology={"n": 4}, rounds=20, eval_every=10), [3], EDGES, NODES)
    monkeypatch.setattr(networks, "BUDGET", 60)
    monkeypatch.setattr(networks, "FEW_FRAMES", 2)
    (history,) = networks.networks(done(folder), {"run": 0})["runs"]
    assert history["rounds"] == [0, 20]
    assert history["trust"] == [[75, 50, 75, 30, 20, None, 50, None]]
    add_network(folder / "run", [3], EDGES, NODES, COUNTED)
    (history,) = networks.networks(done(folder), {"run": 0})["runs"]
    assert history["trust"] == [[85, 50, 65, 30, 20, None, 50, None]]
    assert history["weight"] == [[22, 25, 18, 15, 5, None, 25, None]]  # 22.5 and 17.5 go to the even neighbour


def test_logged_edges_are_drawn_as_they_were(write, folder):
    add_network(write(name="run", topology={"n": 4}), [3], EDGES, NODES, COUNTED)
    (history,) = networks.networks(done(folder), {"run": 0})["runs"]
    assert history["exact"]
    assert history["trust"] == [[70, 100, 30, 10, 40, None, 100, None], [100, 0, 100, 50, 0, None, 0, None]]
    assert history["weight"] == [[20, 50, 10, 5, 10, None, 50, None], [25, 0, 25, 25, 0, None, 0, None]]


def test_a_graph_that_was_redrawn_has_the_edges_of_its_rounds(write, folder):
    later = COUNTED.replace("20,0,1,", "20,1,2,").replace("20,1,0,", "20,2,1,")
    run = write(name="run", topology={"n": 4})
    add_network(run, [3], EDGES, NODES, later, redraws={"graphs": 1})
    drawn = networks.networks(done(folder), {"run": 0})
    assert drawn["graphs"][0]["edges"] == [(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)]
    first, second = drawn["runs"][0]["trust"]
    assert (first[:2], first[6:8]) == ([70, 100], [-1, -1])
    assert (second[:2], second[6:8]) == ([-1, -1], [100, 0])
    add_network(run, [3], EDGES, NODES, redraws={"graphs": 1})  # and nobody logged its edges
    assert networks.networks(done(folder), {"run": 0}) == {"graphs": [], "runs": [], "omitted": 0, "undrawn": 1}


def test_colours_stand_out_from_dark_paper():
    assert charts._contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)  # by definition
    assert charts._contrast((0.4667,) * 3, (1, 1, 1)) == pytest.approx(4.48, abs=0.01)  # #777777, WCAG's own example
    assert charts.on_dark("#ffffff") == "#ffffff"
    dark = [charts.on_dark(color) for color in SPARE]
    assert len(set(dark)) == len(SPARE)
    assert dark[SPARE.index("#56B4E9")] == "#56b4e9"  # light enough as it is
    assert dark[SPARE.index("#661100")] != "#661100"


def test_known_lines_are_light_enough_on_dark_paper_as_they_are():
    dark = lines([*DEFENSES, *OTHERS, *REFERENCES], dark=True)
    assert {name: charts.on_dark(line.color) for name, line in dark.items()} == {
        name: line.color.lower() for name, line in dark.items()
    }
    assert dark["oracle"].color == "#FFFFFF"
    # Of variants the darker one too.
    darker, lighter = (to_rgb(charts.on_dark(line.color)) for line in lines(["median", "nnm + median"], True).values())
    assert charts._contrast(darker, lighter) > 1.5


def test_a_cell_is_written_on_in_what_contrasts_more():
    """Black and white contrast alike where the luminance is sqrt(1.05 x 0.05) - 0.05, about 0.179."""
    r, g, b, _ = colormaps["cividis"](charts.black_from())
    assert charts._luminance((r, g, b)) == pytest.approx(0.179, abs=0.006)


def test_writes_one_page(write, folder, capsys, tmp_path):
    write(name="fine")
    write(name="bad", status="failed", error="</script><script>alert(1)</script>")
    main([str(folder)])
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<title>byzdl · outputs</title>" in text
    assert "alert(1)</script>" not in text
    assert 'src="' not in text.partition("<script>")[0] + text.rpartition("<script>")[2]
    main([str(folder), "--out", str(tmp_path / "new" / "page.html")])
    assert (tmp_path / "new" / "page.html").read_text(encoding="utf-8") == text


def test_a_folder_without_a_result_is_refused(write, folder):
    write(status="failed", error="boom")
    with pytest.raises(SystemExit, match=r"^byzdl: .*: no run in it is done"):
        main([str(folder)])
    assert not (folder / "report.html").exists()


def test_without_plotly_one_line_says_what_to_install(write, folder, monkeypatch):
    write()
    for name in ("page", "charts"):
        monkeypatch.delitem(sys.modules, f"byzdl.analysis.report.{name}", raising=False)
        monkeypatch.delattr(f"byzdl.analysis.report.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(
        SystemExit, match=r"^byzdl: the report needs Plotly, which is not installed: pip install 'byzdl\[report\]'"
    ):
        main([str(folder)])
