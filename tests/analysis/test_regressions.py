"""Regressions have R² beside RMSE where classifications have accuracy, and each kind has its own figures and tables."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from byzdl.analysis import (
    AnalysisError,
    curves,
    final,
    final_accuracy,
    heatmap,
    load,
    load_nodes,
    paired,
    rounds_to,
    to_latex,
    to_markdown,
)
from byzdl.analysis.__main__ import main as figures
from byzdl.analysis.compare import main as compare
from byzdl.analysis.exposure import exposure
from byzdl.analysis.leaderboard import main as leaderboard
from byzdl.analysis.ranking import gains
from byzdl.analysis.rates import against_rate
from byzdl.analysis.scores import R2

LOST = -1e30

# The final R² of seeds 0 and 1. One seed of `mean` has a lost node.
ENDS = {"ubar": (0.5, 0.4), "mean": (LOST, 0.3), "local": (0.2, -0.4)}


@pytest.fixture
def regressions(write, folder):
    for defense, ends in ENDS.items():
        for seed, end in enumerate(ends):
            about = {"attack": {"br": 0.3}, "defense": {"name": defense}, "task": "regression"}
            write(name=f"a-{defense}{seed}", seed=seed, accuracy=(-0.5, end), **about)
    return folder


@pytest.fixture
def both(write, regressions):
    for defense in ("ubar", "local"):
        for seed in 0, 1:
            write(name=f"b-{defense}{seed}", seed=seed, defense={"name": defense}, attack={"br": 0.3})
    return regressions


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    monkeypatch.setattr("byzdl.analysis.figures.FORMATS", {"svg": {"Date": None}})


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_tables_hold_r2_and_rmse(regressions):
    table = final_accuracy(load(regressions)).set_index("defense")
    assert table.loc["ubar", ["mean", "worst", "over_local"]].tolist() == pytest.approx([0.45, 0.225, 0.55])
    assert table.loc["ubar", ["rmse", "rmse_low", "rmse_high"]].tolist() == pytest.approx([67.5, 65, 70])
    assert table.loc["ubar", ["reached_0.5", "rounds_to_0.5"]].tolist()[0] == 1
    text = to_markdown(table.reset_index())
    assert "Final test R²: mean over" in text
    assert "accuracy" not in text
    cells = [cell.strip() for cell in next(line for line in text.splitlines() if "ubar" in line).split("|")]
    assert cells[3:6] == ["0.450 [0.400, 0.500]", "0.225", "67.5"]
    lost = [cell.strip() for cell in next(line for line in text.splitlines() if "mean  " in line).split("|")]
    assert lost[3:5] == ["-5.0e+29 [-1.0e+30, 0.300]", "-2.5e+29"]
    assert "& RMSE &" in to_latex(table.reset_index())


def test_defaults_are_those_of_the_score(regressions):
    frame = load(regressions)
    pd.testing.assert_frame_equal(paired(final(frame)), paired(final(frame), "r2_mean"))
    pd.testing.assert_frame_equal(rounds_to(frame), rounds_to(frame, 0.5, "r2_mean"))
    ax = curves(frame).axes.flat[0]
    assert (ax.get_ylim(), " ".join(ax.get_ylabel().split())) == ((-1, 1), "test R², mean over benign nodes, cut at -1")
    ax = curves(frame, "rmse_mean").axes.flat[0]
    assert " ".join(ax.get_ylabel().split()) == "test RMSE, mean over benign nodes"


def test_a_heatmap_stands_a_lost_run(regressions):
    figure = heatmap(load(regressions)).figure
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["-10", "-10", "-100", "-100", "45", "45"]
    assert "Final test R² in %" in figure.get_suptitle()
    image = figure.axes[0].collections[0]
    # Learning alone, at -10, is in the middle of the colours.
    assert image.norm(np.array([-100.0, -10.0, 100.0])).tolist() == [0, 0.5, 1]


def test_gains_stand_a_lost_run(regressions):
    ((_, figure),) = against_rate(gains(load(regressions)), R2)
    assert figure.axes[0].get_ylim() == (-1, 1)
    assert " ".join(figure.get_supylabel().split()) == "test R², above learning alone, cut at -1 and 1"


def test_a_node_is_lost_by_its_r2(regressions):
    lost = exposure(load_nodes(regressions)).set_index("defense")["lost"]
    assert lost.to_dict() == {"mean": 0.5, "ubar": 0}


def test_each_kind_has_its_own_files(both, tmp_path):
    of_accuracy = ["accuracy.svg", "final_accuracy.csv", "final_accuracy.md", "final_accuracy.tex"]
    of_r2 = ["final_r2.csv", "final_r2.md", "final_r2.tex", "r2.svg", "r2_worst.svg", "worst.svg"]
    figures([str(both), "--out", str(tmp_path / "figures")])
    assert names(tmp_path / "figures") == [*of_accuracy, *of_r2]
    assert "accuracy" not in (tmp_path / "figures" / "r2.svg").read_text(encoding="utf-8")
    leaderboard([str(both), "--out", str(tmp_path / "ranks")])
    found = names(tmp_path / "ranks")
    assert [name.removeprefix("r2_") for name in found if name.startswith("r2_")] == [
        name for name in found if not name.startswith("r2_")
    ]
    assert "accuracy" not in "".join(
        file.read_text(encoding="utf-8") for file in (tmp_path / "ranks").glob("r2_*") if file.suffix in (".md", ".svg")
    )
    # Settings are told apart within a kind. What is in the folder beside it changes nothing.
    assert pd.read_csv(tmp_path / "ranks" / "leaderboard.csv")["setting"].isna().all()


def test_a_comparison_names_each_score(both, folder, capsys, tmp_path):
    compare([str(both), str(both), "--csv", str(tmp_path / "change.csv")])
    text = capsys.readouterr().out
    first, second = text.split("Final test accuracy: mean")
    assert "10 runs have the same configuration" in first
    assert "Final test R²: mean" in second
    assert "-5.0e+29" in second
    assert names(tmp_path)[:1] == ["change.csv"]
    assert set(pd.read_csv(tmp_path / "r2_change.csv")["defense"]) == set(ENDS)


def test_a_frame_of_both_kinds_can_be_loaded_and_selected(both):
    frame = load(both)
    assert set(frame["task"]) == {"classification", "regression"}  # old runs have no such key
    with pytest.raises(
        AnalysisError, match=r"^frame has runs of classification and regression, but must have one task"
    ):
        final_accuracy(frame)
    part = final_accuracy(frame.query("task == 'regression'"))
    assert part["rmse"].notna().all()
    assert "rmse" not in final_accuracy(frame.query("task == 'classification'"))
    assert exposure(load_nodes(both).query("task == 'classification'"))["lost"].tolist() == [0]


def test_a_run_from_before_there_were_tasks_is_like_a_later_one(write, folder):
    write(seed=0)
    write(seed=1, task="classification")
    assert set(load(folder)["setting"]) == {""}


@pytest.mark.skipif(not find_spec("plotly"), reason="plotly is not installed")
def test_each_kind_has_its_own_page(both, capsys):
    from byzdl.analysis.load import find
    from byzdl.analysis.report.__main__ import main
    from byzdl.analysis.report.data import records

    main([str(both)])
    assert capsys.readouterr().out.split() == [str(both / "report.html"), str(both / "r2_report.html")]
    record, _ = records([run for run in find(both) if run.score == "r2"])
    assert record["score"] == {"name": "r2", "label": "R²", "least": -1}
    assert {"r2_mean", "r2_worst", "rmse_mean"} <= record["quantities"].keys()
    assert record["groups"][0]["final"]["rmse"] == [67.5, 65.0, 70.0]
    assert '<h2 id="final-title">Final R²</h2>' in (both / "r2_report.html").read_text(encoding="utf-8")
    assert '<h2 id="final-title">Final accuracy</h2>' in (both / "report.html").read_text(encoding="utf-8")
