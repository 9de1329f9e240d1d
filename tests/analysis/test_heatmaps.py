import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from byzdl.analysis import AnalysisError, heatmap
from byzdl.analysis.heatmaps import heatmaps
from byzdl.analysis.rates import against_rate
from byzdl.analysis.style import attack_lines


def table(rates=(0.2, 0.4), defenses=("ubar", "median", "local"), attacks=("max", "ipm")):
    values = {"ubar": 0.3, "median": 0.9, "local": 0.6}
    rows = [
        ("here", attack, br, defense, values[defense] - 0.1 * (attack == "ipm") * (defense != "local"))
        for attack in attacks
        for br in rates
        for defense in defenses
    ]
    frame = pd.DataFrame(rows, columns=["setting", "attack", "br", "defense", "mean"])
    return frame.assign(worst=frame["mean"] / 2)


def cells(axes):
    """What is written where: (row, column) to text."""
    return {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts}


def test_a_heatmap_has_attacks_by_ranked_defenses_and_the_least_of_each():
    ((setting, figure),) = heatmaps(table())
    assert setting == "here"
    axes, other = figure.axes
    assert [axes.get_title(), other.get_title()] == ["$B_r$ = 0.2", "$B_r$ = 0.4"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["median", "ubar", "local"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["max", "ipm", "least"]
    assert cells(axes) == {
        (0, 0): "90",
        (0, 1): "30",
        (0, 2): "60",
        (1, 0): "80",
        (1, 1): "20",
        (1, 2): "60",
        (2, 0): "80",
        (2, 1): "20",
        (2, 2): "60",
    }


def test_blue_is_better_than_learning_alone_and_red_is_worse():
    ((_, figure),) = heatmaps(table())
    image = figure.axes[0].collections[0]
    colors = image.cmap(image.norm(np.array([90, 30])))
    assert colors[0, 2] > colors[0, 0]
    assert colors[1, 0] > colors[1, 2]
    assert abs(image.norm(60) - 0.5) < 1e-9


def test_worst_nodes_have_a_heatmap_too_and_a_missing_cell_stays_empty():
    frame = table(rates=(0.2,))
    ((_, figure),) = heatmaps(frame[~((frame["attack"] == "ipm") & (frame["defense"] == "ubar"))], "worst")
    assert cells(figure.axes[0])[0, 0] == "45"
    assert (1, 1) not in cells(figure.axes[0])


def test_gains_against_the_rate_have_a_panel_a_defense_and_a_line_an_attack():
    rows = [
        ("", attack, br, defense, 5, gain, gain - 0.1, gain + 0.1)
        for defense in ("ubar", "median")
        for attack, gain in (("max", 0.2), ("ipm", -0.1))
        for br in (0.1, 0.2)
    ]
    columns = ["setting", "attack", "br", "defense", "pairs", "mean", "low", "high"]
    ((_, figure),) = against_rate(pd.DataFrame(rows, columns=columns))
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == ["ubar", "median"]
    curves = [np.asarray(line.get_ydata()).tolist() for line in shown[0].lines if len(line.get_ydata()) == 2]
    curves.remove([0, 0])  # learning alone
    assert sorted(curves) == [[-0.1, -0.1], [0.2, 0.2]]


def test_a_score_of_attacks_have_lines_of_their_own():
    lines = attack_lines([f"attack{i}" for i in range(25)])
    assert len({(to_hex(line.color), str(line.dash)) for line in lines.values()}) == 25


def test_a_heatmap_goes_to_any_axes_with_keywords_of_seaborn():
    one = table(rates=(0.2,))
    ax = heatmap(one, ax=Figure().subplots(), annot=False, cmap="rocket")
    assert (len(ax.texts), ax.collections[0].cmap.name) == (0, "rocket")
    with pytest.raises(AnalysisError, match=r"^br is 0\.2 and 0\.4 in one heatmap, but must be one value: select it$"):
        heatmap(table(), ax=Figure().subplots())
    with pytest.raises(AnalysisError, match=r"^setting is 'here' and 'there' in one heatmap"):
        heatmap(pd.concat([one, one.assign(setting="there")]))


def test_rates_that_n_nodes_cannot_have_are_named_on_the_axis():
    rows = pd.DataFrame({"setting": "", "attack": "max", "defense": "ubar", "br": [0.1, 0.25], "mean": 0.1, "low": 0.0})
    ((_, figure),) = against_rate(rows.assign(high=0.2, **{"topology.n": 4, "byzantine_nodes": [0, 1]}))
    assert " ".join(figure.get_supxlabel().split()) == "Byzantine rate $B_r$: 0.1 (0 of 4)"
