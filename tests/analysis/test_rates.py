import pandas as pd
import pytest

from byzdl.analysis.rates import against_rate


def drawn(attacks, rates=(0.1, 0.3)):
    rows = [("", attack, br, "ubar", 0.2, 0.1, 0.3) for attack in attacks for br in rates]
    gained = pd.DataFrame(rows, columns=["setting", "attack", "br", "defense", "mean", "low", "high"])
    ((_, figure),) = against_rate(gained)
    figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("varying", ["", " z=1.5 scope=neighbourhood sigma=sample", " every=2"])
def test_the_legend_stays_inside(varying):
    figure = drawn([f"attack{i}{varying}" for i in range(9)])
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


def test_a_single_rate_is_a_point():
    drawn_lines = [line for line in drawn(["max"], (0.3,)).axes[0].lines if line.get_marker() == "o"]
    # seaborn adds a line without points for the legend.
    assert [(*line.get_xdata(), *line.get_ydata()) for line in drawn_lines if len(line.get_xdata())] == [(0.3, 0.2)]
