import itertools
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from byzdl.analysis import AnalysisError, curves, draw, load, over_seeds, save, style

ODD = [{"round": 0, "accuracy_mean": 0.1}, {"round": 10, "accuracy_mean": "inf"}, {"round": 20, "theta_mean": 0.1}]


@pytest.fixture
def frame(write, folder):
    for seed in range(2):
        for br in 0.1, 0.3:
            for defense in "ubar", "local":
                write(seed=seed, attack={"br": br}, defense={"name": defense}, accuracy=(0.1, 0.5 + br, 0.7 + seed / 9))
    write(seed=0, attack={"name": "alie", "br": 0.3}, rows=ODD)
    return load(folder)


def means(axes, labels=("ubar", "local")):
    """Label and lines of each mean that is drawn: thicker than those of single seeds."""
    named = {to_hex(line.color): label for label, line in style.lines(labels).items()}
    drawn = defaultdict(list)
    for line in axes.lines:
        if line.get_linewidth() > 1 and len(line.get_xdata()):
            drawn[named[to_hex(line.get_color())]].append(line)
    return drawn


def texts(artists):
    return [text.get_text() for text in artists]


@pytest.mark.parametrize("column", ["accuracy_mean", "loss_mean"])
def test_the_lines_drawn_are_the_means_over_seeds(frame, column):
    ((setting, figure),) = draw(frame, column)
    data = over_seeds(frame, column)
    assert setting == ""
    panels = dict(zip([("max", 0.1), ("max", 0.3), ("alie", 0.1), ("alie", 0.3)], figure.axes, strict=True))
    drawn = 0
    for (attack, br), axes in panels.items():
        for defense, lines in means(axes).items():
            curve = data[(data[["attack", "br", "defense"]] == [attack, br, defense]).all(axis=1)]
            curve = curve[np.isfinite(curve["mean"])]
            points = np.hstack([line.get_data() for line in lines])
            np.testing.assert_allclose(points, curve[["round", "mean"]].T, rtol=1e-12)
            drawn += len(curve)
    assert drawn == np.isfinite(data["mean"]).sum()
    assert "no runs" in texts(panels["alie", 0.1].texts)


def test_a_point_that_one_seed_lacks_is_a_gap_and_no_mean_over_the_others(write, folder):
    for seed, values in enumerate(((0.1, 0.2, 0.3, 0.4, 0.5), (0.1, 0.4, "inf", 0.4, 0.7))):
        write(seed=seed, rows=[{"round": 10 * i, "accuracy_mean": value} for i, value in enumerate(values)])
    ax = curves(load(folder), ax=Figure().subplots())
    first, second = means(ax)["ubar"]
    np.testing.assert_allclose(first.get_data(), [[0, 10], [0.1, 0.3]])
    np.testing.assert_allclose(second.get_data(), [[30, 40], [0.4, 0.6]])
    thin = sorted(list(line.get_xdata()) for line in ax.lines if line.get_linewidth() < 1)
    assert thin == [[0, 10], [0, 10, 20, 30, 40], [30, 40]]


def test_the_band_is_the_interval(frame):
    ((_, figure),) = draw(frame, "accuracy_mean")
    curve = over_seeds(frame, "accuracy_mean").query("attack == 'max' and br == 0.1 and defense == 'ubar'")
    outline = np.vstack([path.vertices for band in figure.axes[0].collections for path in band.get_paths()])
    for bound in "low", "high":
        for point in curve[["round", bound]].to_numpy():
            assert np.isclose(outline, point).all(axis=1).any()


def test_curves_look_as_if_seaborn_had_drawn_their_dashes_and_widths(frame, tmp_path):
    pictures = set()
    for keywords in {}, {"sort": True}:  # which seaborn does anyway, but takes for a keyword with a meaning of its own
        with mpl.rc_context(style.theme()):
            grid = curves(frame, **keywords)
        plt.close(grid.figure)
        save(grid.figure, tmp_path / "curves")
        pictures.add((tmp_path / "curves.svg").read_bytes())
    assert len(pictures) == 1


def test_the_bands_of_seaborn_are_ours_up_to_the_random_numbers():
    rng = np.random.default_rng(0)
    case = {"setting": "", "attack": "max", "br": 0.3, "defense": "ubar"}
    values = pd.DataFrame([{**case, "run": str(seed), "seed": seed, "round": t, "accuracy_mean": rng.beta(2, 1 + t)}
                           for seed in range(12) for t in range(3)])  # fmt: skip
    bands = []
    for errorbar in {}, {"errorbar": ("ci", 95), "n_boot": 2000}:
        ax = curves(values, ax=Figure().subplots(), **errorbar)
        bands.append(np.unique(ax.collections[0].get_paths()[0].vertices, axis=0))
    # A bound of 2000 resamples has a standard error of about a tenth of that of the mean.
    error = values.groupby("round")["accuracy_mean"].sem().max()
    np.testing.assert_allclose(*bands, atol=error / 3)
    assert not np.array_equal(*bands)


def test_single_seeds_are_shown_only_where_they_are_few(write, folder):
    for seed in range(5):
        write(seed=seed, accuracy=(0.1, seed / 5))
        if seed < 4:
            write(seed=seed, attack={"br": 0.5}, accuracy=(0.1, seed / 5))
    ((_, figure),) = draw(load(folder))
    five, four = ([line for line in axes.lines if len(line.get_xdata())] for axes in figure.axes)
    assert len(five) == 1
    assert len(four) == 1 + 4
    thin = [line for line in four if line.get_linewidth() < 1]
    assert sorted(line.get_ydata()[-1] for line in thin) == [0, 0.2, 0.4, 0.6]
    assert figure.get_supxlabel() == "fewer than 5 seeds: ubar (max, 0.5): 4"


def test_titles_legend_and_axes(frame):
    ((_, figure),) = draw(frame)
    assert [axes.get_title() for axes in figure.axes] == ["$B_r$ = 0.1", "$B_r$ = 0.3", "", ""]
    assert [texts(axes.texts)[-1:] for axes in figure.axes[1::2]] == [["max"], ["alie"]]
    assert {axes.get_ylim() for axes in figure.axes} == {(0, 1)}
    assert {axes.get_xlim() for axes in figure.axes} == {(0, 20)}
    assert texts(figure.legends[0].get_texts()) == ["ubar", "local"]
    assert figure.axes[0].get_ylabel().replace("\n", " ") == "test accuracy, mean over benign nodes"
    assert figure.axes[2].get_xlabel() == "round (mini-batch)"


def test_a_panel_goes_to_any_axes(frame):
    ax = Figure().subplots()
    part = frame.query("attack == 'max' and br == 0.1")
    drawn = curves(part, "accuracy_worst", ax=ax, palette={"local": "red"}, hue_order=["local", "ubar"])
    assert drawn is ax
    assert texts(ax.legend_.get_texts()) == ["local", "ubar"]
    colors = [to_hex(line.get_color()) for line in ax.lines if line.get_linewidth() > 1][:2]
    assert colors == [to_hex("red"), style.DEFENSES["ubar"].lower()]
    alone = curves(part, ax=Figure().subplots(), hue_order=["local"], legend=False, linestyle="-")
    assert {to_hex(line.get_color()) for line in alone.lines} == {"#707070"}


def test_a_grid_of_other_columns_in_another_theme(frame):
    import seaborn as sns

    part = frame.query("attack == 'max' and defense == 'ubar'").assign(error=lambda rows: 1 - rows["accuracy_mean"])
    before = dict(mpl.rcParams)
    with sns.axes_style("darkgrid"):
        grid = curves(part, "error", row=None, col="defense", hue="br", height=2, aspect=1.65, dashes=False)
    assert isinstance(grid, sns.FacetGrid)
    assert dict(mpl.rcParams) == before
    grid.set(yscale="log").set_axis_labels("t", "error")
    assert grid.figure.get_size_inches().tolist() == [3.3, 2]
    assert [grid.axes[0, 0].get_title(), *texts(grid.legend.get_texts())] == ["ubar", "$B_r$ = 0.1", "$B_r$ = 0.3"]
    plt.close(grid.figure)


def test_what_would_be_averaged_away_is_refused(frame):
    ax = Figure().subplots()
    with pytest.raises(
        AnalysisError, match=r"^attack is 'max' and 'alie' in one curve, but must be one value: select it,"
    ):
        curves(frame, ax=ax)
    with pytest.raises(AnalysisError, match=r"^br is 0\.1 and 0\.3 in one curve"):
        curves(frame, col=None)
    part = frame.query("attack == 'max' and br == 0.1")
    with pytest.raises(AnalysisError, match=r"^a curve has two values for one seed and round, but must have one$"):
        curves(pd.concat([part, part]), ax=ax)
    with pytest.raises(AnalysisError, match=r"^column is 'accuracy', but must be a column: run, setting, attack, "):
        curves(part, "accuracy", ax=ax)
    with pytest.raises(AnalysisError, match=r"^frame has no row to draw, but must have one$"):
        curves(part, ax=ax, hue_order=["nobody"])
    ax.set_yscale("log")
    with pytest.raises(AnalysisError, match=r"^the scale of ax is log, but must be linear: set it after the curves$"):
        curves(part, ax=ax)


def test_any_name_is_drawn_as_it_is(frame):
    """Dollars, what seaborn or matplotlib would leave out, and labels that are longer than a panel."""
    odd = {"ubar": "_$\\nothing$ {x} %s" + " key=0.1" * 12, "local": "b<c & #1"}
    one = frame[frame["attack"] == "max"].replace({"defense": odd, "attack": {"max": "m$x" + " key=0.1" * 12}})
    one = one.assign(setting="a_b=$1, " * 12)
    ((_, figure),) = draw(one)
    figure.canvas.draw()
    shown = [" ".join(text.split()).replace("\\$", "$") for text in texts(figure.legends[0].get_texts())]
    assert sorted(shown) == sorted(odd.values())
    legend = figure.legends[0].get_window_extent()
    assert (legend.x0, legend.x1) >= (0, 0)
    assert legend.x1 <= figure.bbox.width


def test_a_value_that_a_run_lacks_is_no_reason_to_leave_it_out(frame):
    part = frame.query("attack == 'max' and br == 0.1 and defense == 'ubar'")
    part = pd.concat([part.assign(f=None), part.assign(f=1, run=part["run"] + "f", setting="f")])
    ax = curves(part.assign(setting=""), ax=Figure().subplots(), hue="f")
    assert texts(ax.legend_.get_texts()) == ["f = 1", "f = (absent)"]


def test_a_figure_a_setting_with_colours_that_agree(write, folder):
    write(partition={"name": "dirichlet", "alpha": 0.1}, defense={"name": "krum_of_mine"})
    write(partition={"name": "dirichlet", "alpha": 1.0}, defense={"name": "another"})
    write(partition={"name": "dirichlet", "alpha": 1.0}, defense={"name": "krum_of_mine"})
    drawn = dict(draw(load(folder)))
    assert list(drawn) == ["partition.alpha=0.1", "partition.alpha=1"]
    assert [figure.legends[0].get_title().get_text() for figure in drawn.values()] == list(drawn)
    first, second = (means(figure.axes[0], ["krum_of_mine", "another"]) for figure in drawn.values())
    (line,), (same,), (other,) = first["krum_of_mine"], second["krum_of_mine"], second["another"]
    assert line.get_color() == same.get_color() != other.get_color()


def test_known_names_have_fixed_colours_and_others_steady_ones():
    known = style.lines(["ubar", "loss_threshold", "mine"])
    assert known["ubar"] == style.lines(["ubar"])["ubar"]
    assert known["mine"] == style.lines(["mine", "local"])["mine"]
    many = style.lines([f"rule{i}" for i in range(len(style.SPARE))])
    assert len({line.color for line in many.values()}) == len(style.SPARE)


def test_variants_are_told_apart():
    variants = style.lines(["ubar rho=0.2", "ubar rho=0.4", "ubar rho=0.6", "mean", "mean x=1"])
    assert len(set(variants.values())) == 5
    assert variants["ubar rho=0.4"].color == to_hex(style.DEFENSES["ubar"]).lower()


def test_order():
    names = ["local", "zeta", "mean", "d_zeno", "alpha", "oracle", "loss_threshold theta=0.2", "d_krum", "ubar"]
    assert sorted(names, key=style.defense_order) == [
        "loss_threshold theta=0.2", "ubar", "d_krum", "d_zeno", "alpha", "zeta", "oracle", "mean", "local",
    ]  # fmt: skip
    assert sorted(["none", "zz", "ipm", "alie z=1", "max"], key=style.attack_order) == [
        "max", "alie z=1", "ipm", "zz", "none",
    ]  # fmt: skip


def test_saving_gives_the_same_bytes_twice_and_leaves_no_state(write, folder, tmp_path):
    write()
    frame = load(folder)
    before = dict(mpl.rcParams)
    for name in "a", "b":
        for _, figure in draw(frame):
            files = save(figure, tmp_path / f"{name}-alpha=0.1")
            assert [file.name for file in files] == [f"{name}-alpha=0.1.{ending}" for ending in ("png", "svg", "pdf")]
    assert dict(mpl.rcParams) == before
    for ending in "png", "svg", "pdf":
        one, two = ((tmp_path / f"{name}-alpha=0.1.{ending}").read_bytes() for name in "ab")
        assert one == two
    svg = (tmp_path / "a-alpha=0.1.svg").read_text()
    assert "round (mini-batch)" in svg
    assert "dc:date" not in svg


# What is left of linear RGB without one kind of cones: Machado, Oliveira and Fernandes 2009, severity 1.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def lab(color, sight):
    """CIE L*a*b* of a colour as somebody sees it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(sight @ linear, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("sight", SIGHT)
def test_every_defense_has_a_line_of_its_own_that_everybody_can_tell(sight, dark):
    """Other dashes, or a colour 15 just noticeable differences away."""
    names = [path.stem for path in (Path(__file__).parents[2] / "conf" / "defense").glob("*.yaml")]
    drawn = style.lines(names, dark)
    assert len({(line.color, line.dash) for line in drawn.values()}) == len(drawn)
    known = {**style.DEFENSES, **style.OTHERS, **style.REFERENCES}
    assert known.keys() <= drawn.keys()
    for one, other in itertools.combinations([drawn[name] for name in known], 2):
        if one.dash == other.dash:
            difference = lab(one.color, np.array(SIGHT[sight])) - lab(other.color, np.array(SIGHT[sight]))
            assert np.linalg.norm(difference) > 15, (one, other)


def test_the_variants_of_one_are_never_the_line_of_another():
    drawn = style.lines(
        ["ios f=1", "ios f=2", "ios f=3", "nna", "balance", "foreign a=1", "foreign a=2", "foreign a=3"]
    )
    assert len({(line.color, line.dash) for line in drawn.values()}) == len(drawn)


def test_the_paper_keeps_its_colours():
    drawn = style.lines(["loss_threshold", "ubar", "d_krum", "d_zeno", "oracle", "nna"])
    assert [(line.color, line.dash) for line in drawn.values()] == [
        ("#D55E00", "-"), ("#0072B2", "-"), ("#009E73", "-"), ("#CC79A7", "-"), ("#661100", (0, (5, 1.2))),
        ("#000000", (0, (1, 1.2))),
    ]  # fmt: skip
