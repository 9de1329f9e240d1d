"""The report's page, in a real browser: headless Chromium, without a network."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from conftest import planner, writer
from matplotlib.colors import to_rgb
from test_report import COUNTED, EDGES, NODES, add_network

from byzdl.analysis.report import charts
from byzdl.analysis.report.__main__ import main
from byzdl.config.columns import tables

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium, chromium-browser or google-chrome on the PATH")

# The same, of a rule that reports no acceptances.
SILENT = re.sub(r"(?m)[0-9]*,[0-9]*,(\d,\d)$", r",,\1", NODES)

SILENTLY = re.sub(r"(?m)[0-9]+,[0-9.]+$", ",", COUNTED)

PATIENCE = 120_000  # milliseconds, for a machine that has other things to do

# By defense, of seeds 0 and 1: accuracy, Byzantine and benign acceptance in the last round.
ENDS = {"loss_threshold": ((0.8, 0.9), 0, 0.7), "median": ((0.6, 0.6), None, None), "mean": ((0.3, 0.1), 1, 1)}


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """Two attacks, two rates, three defenses, two seeds; one run that failed and one that is missing."""
    folder = tmp_path_factory.mktemp("report") / "outputs"
    write = writer(folder)
    for attack, br, defense in product(("max", "alie"), (0.1, 0.3), ENDS):
        ends, byzantine, benign = ENDS[defense]
        for seed, end in enumerate(ends):
            rows = [
                {"round": 0, "accuracy_mean": 0.1, "accuracy_worst": 0.1},
                {"round": 20, "accuracy_mean": end, "accuracy_worst": end / 2},
            ]
            if byzantine is not None:
                rows[1] |= {"byzantine_accept_rate": byzantine, "benign_accept_rate": benign}
            if defense == "loss_threshold":
                rows = [{**row, "theta_mean": 0.1} for row in rows]
            run = write(
                name=f"{attack}{br}{defense}{seed}",
                attack={"name": attack, "br": br},
                defense={"name": defense},
                topology={"n": 4},
                seed=seed,
                rows=rows,
            )
            # The runs of one attack logged no edges, as if their graphs were large.
            counted = "" if attack == "alie" else COUNTED if byzantine is not None else SILENTLY
            add_network(run, [3], EDGES, SILENT if defense == "median" else NODES, counted)
    write(name="bad", status="failed", error="boom <b>loud</b>")
    planner(folder)(("gone", ["seed=7"], None))
    main([str(folder)])
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        # Without a sandbox, which root cannot have.
        flags = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=BROWSER, args=flags, timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tab(browser) -> Any:
    """One tab for all tests: to open a page in it again takes a quarter of the time."""
    tab = browser.new_page()
    tab.set_default_timeout(PATIENCE)
    return tab


ATTACKS = ("max", "alie", "label_flip", "ipm", "dissensus", "mimic", "min_max", "min_sum", "rop", "spectral")


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """Ten attacks, three rates, two defenses, of one of which a run is lacking; five seeds of one configuration alone."""
    folder = tmp_path_factory.mktemp("report") / "large"
    write = writer(folder)
    rows = [
        {"round": 0, "accuracy_mean": 0.1, "accuracy_worst": 0.1, "loss_mean": 4e12, "consensus_distance": 0},
        {"round": 20, "accuracy_mean": 0.6, "accuracy_worst": 0.5, "loss_mean": 0.00012, "consensus_distance": 2},
    ]
    four = {"n": 4}
    for attack, br, defense in product(ATTACKS, (0, 0.1, 0.3), ("ubar", "local")):
        if (attack, br, defense) != ("alie", 0.3, "local"):
            write(attack={"name": attack, "br": br}, defense={"name": defense}, topology=four, rows=rows)
    for seed in range(1, 5):
        rows[1]["accuracy_mean"] = 0.4 if seed == 4 else 0.7
        run = write(attack={"br": 0.3}, topology=four, seed=seed, rows=rows)
    of_benign = [re.sub(r"(?m)^\d+,2,.*\n", "", table) for table in (NODES, COUNTED)]
    add_network(run, [2, 3], EDGES, *of_benign)
    write(attack={"br": 0.1}, topology={"name": "complete", **four}, rows=rows)
    write(attack={"br": 0.1}, topology=four, partition={"name": "shards"}, rows=rows)
    write(name="bad", status="failed", error="boom " * 100)
    main([str(folder)])
    return folder / "report.html"


@pytest.fixture
def page(tab, file) -> Iterator[Any]:
    yield from opened(tab, file)


@pytest.fixture
def large_page(tab, large) -> Iterator[Any]:
    yield from opened(tab, large)


def opened(tab: Any, file: Path) -> Iterator[Any]:
    """The page, opened from the disk. In the end nothing was complained of, and nothing asked of any network."""
    tab.set_viewport_size({"width": 1400, "height": 900})
    tab.emulate_media(color_scheme="light")
    tab.mouse.move(0, 0)
    complaints: list[str] = []
    requests: list[str] = []
    heard = {
        "console": lambda message: complaints.append(message.text),
        "pageerror": lambda error: complaints.append(str(error)),
        "request": lambda request: requests.append(request.url),
    }
    for event, listener in heard.items():
        tab.on(event, listener)
    try:
        tab.goto(file.as_uri())
        tab.wait_for_selector("#learning .panel .main-svg")
        yield tab
    finally:
        tab.goto("about:blank")
        for event, listener in heard.items():
            tab.remove_listener(event, listener)
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]


def until(page: Any, condition: str) -> None:
    """Wait until it holds. Playwright's own way is `eval`, which this page forbids."""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"never came true: {condition}"
        page.wait_for_timeout(20)


def headings(page: Any, section: str) -> list[str]:
    return [text.replace("\n", "") for text in page.locator(f"#{section} .panel h3").all_text_contents()]


def names(page: Any, chart: str) -> list[str]:
    """The lines of a chart that have a name, each once."""
    return sorted(set(page.locator(chart).first.evaluate("chart => chart.data.map(t => t.name).filter(Boolean)")))


def rows(page: Any) -> list[list[str]]:
    return page.locator("#table tbody tr").evaluate_all(
        "rows => rows.map(r => [...r.cells].map(c => c.innerText.trim()))"
    )


def show(page: Any, section: str) -> None:
    """Scroll to a section and wait until it is drawn."""
    page.locator(f"#{section}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{section} .panel .main-svg")


def test_everything_is_drawn(page) -> None:
    assert page.locator("#summary").inner_text().startswith("24 runs · 12 configurations · 2 seeds each")
    assert headings(page, "learning") == [
        "max, Br = 0.1 (1 of 4)",
        "max, Br = 0.3 (1 of 4)",
        "alie, Br = 0.1 (1 of 4)",
        "alie, Br = 0.3 (1 of 4)",
    ]
    assert names(page, "#learning .chart") == ["loss_threshold", "mean", "median"]
    (ends,) = page.locator("#learning .chart").first.evaluate_all(
        "charts => charts.map(chart => chart.data.filter(t => t.name === 'loss_threshold').map(t => [t.x, t.y]))"
    )
    assert ends == [[[0, 20], [0.1, 0.85]]]
    assert page.locator("#learning .chart .scatterlayer path.js-line").count() > 0

    show(page, "final")
    maps = page.locator("#final .chart").evaluate_all(
        "charts => charts.map(c => [c.data[0].x, c.data[0].y, c.data[0].z])"
    )
    assert maps == [[["max", "alie"], list(ENDS), [[0.85, 0.85], [0.6, 0.6], [0.2, 0.2]]]] * 2
    page.locator("input[value=worst]").check()
    assert page.locator("#final .chart").first.evaluate("c => c.data[0].z[0]") == [0.425, 0.425]

    show(page, "accepted")
    assert names(page, "#accepted .chart") == ["loss_threshold", "mean"]
    assert "do not report acceptances: median" in page.locator("#accepted .mute").inner_text()
    show(page, "theta")
    assert names(page, "#theta .chart") == ["loss_threshold"]

    page.locator("#absent summary").click()
    assert page.locator("#absent summary").inner_text().startswith("2 of 26 runs have no result")
    assert page.locator("#absent tbody tr").all_inner_texts() == [
        "failed\tbad\tboom <b>loud</b>",
        "missing\tgone\tseed=7",
    ]


def test_filters_act_on_everything(page) -> None:
    page.locator("#by-attack").select_option("alie")
    assert (
        headings(page, "learning")
        == headings(page, "accepted")
        == ["alie, Br = 0.1 (1 of 4)", "alie, Br = 0.3 (1 of 4)"]
    )
    assert {row[0] for row in rows(page)} == {"alie"}
    assert page.locator("#experiment option").all_inner_texts() == [
        "alie, Bᵣ = 0.1 (1 of 4)",
        "alie, Bᵣ = 0.3 (1 of 4)",
    ]
    page.locator("#by-br").select_option("0.3 (1 of 4)")
    assert headings(page, "theta") == ["alie, Br = 0.3 (1 of 4)"]
    assert len(rows(page)) == 3
    assert page.locator("#shown").inner_text() == "3 of 12 configurations shown"
    page.locator("#by-br").select_option("all")
    page.locator("#by-attack").select_option("all")
    assert len(rows(page)) == 12


def test_the_legend_toggles_by_keyboard(page) -> None:
    entry = page.locator("#legend .entries button", has_text="mean")
    entry.focus()
    page.keyboard.press("Space")
    assert entry.get_attribute("aria-pressed") == "false"
    until(page, "document.querySelector('#learning .chart').data.every(t => t.name !== 'mean')")
    assert names(page, "#learning .chart") == ["loss_threshold", "median"]
    assert {row[2] for row in rows(page)} == {"loss_threshold", "median"}
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#learning .chart').data.some(t => t.name === 'mean')")
    page.locator("#none").click()
    assert rows(page) == []
    assert "Nothing to show" in page.locator("#learning .panels").inner_text()
    page.locator("#all").click()
    assert len(rows(page)) == 12
    page.locator("#legend .entries button", has_text="median").dblclick()
    assert {row[2] for row in rows(page)} == {"median"}
    entry.focus()
    page.keyboard.press("Shift+Enter")
    assert {row[2] for row in rows(page)} == {"mean"}


def test_the_table_sorts(page) -> None:
    by_mean = page.locator("#table th", has_text="mean")
    by_mean.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert by_mean.get_attribute("aria-sort") == "descending"
    assert [row[3] for row in rows(page)][::4] == [
        "0.850 [0.800, 0.900]",
        "0.600 [0.600, 0.600]",
        "0.200 [0.100, 0.300]",
    ]
    page.keyboard.press("Enter")
    assert by_mean.get_attribute("aria-sort") == "ascending"
    assert rows(page)[0][2:] == ["mean", "0.200 [0.100, 0.300]", "0.100 [0.050, 0.150]", "never", "2"]


def test_a_value_is_shown_under_the_pointer(page) -> None:
    chart = page.locator("#learning .chart").first
    x, y = chart.evaluate(
        "c => { const r = c.getBoundingClientRect(), f = c._fullLayout;"
        "return [r.left + f.xaxis._offset + f.xaxis.d2p(20), r.top + f.yaxis._offset + f.yaxis.d2p(0.85)]; }"
    )
    page.mouse.move(x - 30, y)
    page.mouse.move(x, y, steps=4)
    shown = page.wait_for_selector("#learning .hoverlayer text").text_content()
    assert shown == "loss_thresholdround 20: 0.850 [0.800, 0.900]2 seeds"

    show(page, "final")
    page.locator("#final .chart .nsewdrag").first.hover(position={"x": 20, "y": 12})
    assert page.wait_for_selector("#final .hoverlayer text").text_content() == (
        "loss_threshold, max0.850 [0.800, 0.900]2 seeds"
    )
    # Black on light, white on dark.
    written = page.locator("#final .chart").first.evaluate("c => [c.data[1].text, c.data[1].textfont.color]")
    assert written == [["0.85"] * 2 + ["0.60"] * 2 + ["0.20"] * 2, ["#000000"] * 4 + ["#ffffff"] * 2]


def test_values_are_reached_by_keyboard(page) -> None:
    chart = page.locator("#learning .chart").first
    chart.focus()

    def press(key: str) -> list[str | None]:
        page.keyboard.press(key)
        return [chart.get_attribute(name) for name in ("aria-valuenow", "aria-valuetext")]

    assert press("ArrowRight") == ["20", " loss_threshold  round 20: 0.850 [0.800, 0.900] 2 seeds"]
    shown = "[...document.querySelectorAll('#learning .hoverlayer text')].map(t => t.textContent).join('')"
    until(page, f"{shown} === 'loss_thresholdround 20: 0.850 [0.800, 0.900]2 seeds'")
    assert press("ArrowLeft")[0] == press("ArrowLeft")[0] == "0"  # and no further
    assert press("ArrowDown") == ["0", " median  round 0: 0.100 [0.100, 0.100] 2 seeds"]
    until(page, f"{shown}.startsWith('median')")

    show(page, "accepted")
    chart = page.locator("#accepted .chart").first
    chart.focus()
    assert press("ArrowRight")[1] == " loss_threshold  accepted Byzantine messages round 20: 0.000 2 seeds"
    for _ in range(2):
        press("ArrowDown")
    assert press("ArrowLeft")[1] == " loss_threshold  accepted benign messages round 20: 0.700 2 seeds"


def test_nodes_and_edges_are_reached_by_keyboard(page) -> None:
    show(page, "network")
    chart = page.locator("#network .chart").first
    chart.focus()

    def press(*keys: str) -> str | None:
        for key in keys:
            page.keyboard.press(key)
        return chart.get_attribute("aria-valuetext")

    first = press("ArrowRight")
    assert first == "node 0, benign accuracy 0.800 theta 0"
    shown = "[...document.querySelectorAll('#network .hoverlayer text')].map(t => t.textContent).join('')"
    until(page, f"{shown}.startsWith('node 0, benign')")
    assert press("ArrowDown") == "0 accepted 1: 100%, weight 0.25 1 accepted 0: 0%, weight 0.00"
    until(page, f"{shown}.startsWith('0 accepted 1: 100%')")
    assert press("ArrowDown", "ArrowDown") == "0 accepted 3: 0%, weight 0.00"
    assert press("ArrowDown") == "0 accepted 3: 0%, weight 0.00"  # and no further
    assert press("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp") == first
    assert press("ArrowRight", "ArrowDown").startswith("0 accepted 1")
    assert press("ArrowRight", "ArrowRight", "ArrowRight") == "node 3, Byzantine"
    assert chart.get_attribute("aria-valuenow") == chart.get_attribute("aria-valuemax") == "3"


def test_the_keyboard_skips_lines_of_which_a_logarithm_shows_nothing(large_page) -> None:
    page = large_page
    page.evaluate("for (const { curves } of data.groups) curves.loss_mean.mean.fill(0)")
    page.locator("#quantity").select_option("loss_mean")
    chart = page.locator("#learning .chart").first
    chart.focus()
    page.keyboard.press("ArrowDown")
    assert chart.get_attribute("aria-valuetext") == "arrow keys go through its values"


def test_each_seed_is_shown_where_it_is_asked_for(page) -> None:
    threads = "document.querySelector('#learning .chart').data.filter(t => t.opacity === 0.5).length"
    assert page.evaluate(threads) == 3  # a trace a defense
    assert "With fewer than 5 seeds the bands are too narrow." in page.locator("#learning-note").inner_text()
    page.get_by_label("each seed").uncheck()
    until(page, f"{threads} === 0")


def test_a_zoom_outlives_the_legend(page) -> None:
    box = page.locator("#learning .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 120, steps=4)
    page.mouse.up()
    zoomed = "(({ xaxis, yaxis }) => [xaxis.range, yaxis.range].flat())(document.querySelector('#learning .chart')._fullLayout)"
    until(page, f"{zoomed}[0] > 0")
    before = page.evaluate(zoomed)
    page.locator("#legend .entries button", has_text="mean").click()
    assert names(page, "#learning .chart") == ["loss_threshold", "median"]
    assert page.evaluate(zoomed) == before
    page.locator("#quantity").select_option("accuracy_worst")
    until(page, f"{zoomed}[0] === 0")


def test_without_a_network_nothing_is_said_of_its_rounds(page) -> None:
    show(page, "network")
    page.locator("#none").click()
    assert "Nothing to show" in page.locator("#network .panels").inner_text()
    assert not page.locator("#round").is_visible()
    page.locator("#all").click()
    assert page.locator("#rounds").inner_text() == "rounds 11 to 20"


def test_a_large_sweep_opens_on_its_fullest_view(large_page) -> None:
    """Of the rates the highest, of graphs and splits what most runs have, and all attacks."""
    page = large_page
    chosen = {key: page.locator(f"#by-{key} option:checked").inner_text() for key in ("attack", "br", "graph", "split")}
    assert chosen == {"attack": "all", "br": "0.3 (2 of 4)", "graph": "ring", "split": "iid"}
    everything = [f"{attack}, Br = 0.3 (2 of 4)" for attack in ATTACKS]
    assert headings(page, "learning") == everything[:9]
    page.locator("#learning .more").click()
    assert headings(page, "learning") == everything
    assert not page.locator("#learning .more").is_visible()
    show(page, "final")
    assert page.locator("#final .chart").first.evaluate("c => c.data[0].x") == list(ATTACKS)
    page.locator("#by-br").select_option("0.1")
    page.locator("#by-graph").select_option("complete")
    assert headings(page, "learning") == ["max, Br = 0.1"]
    page.locator("#by-graph").select_option("ring")
    page.locator("#by-split").select_option("shards")
    assert page.locator("#shown").inner_text() == "1 of 61 configurations shown"


def test_a_panel_says_what_it_lacks(large_page) -> None:
    notes = large_page.locator("#learning .panel p").all_inner_texts()
    assert notes[:2] == ["fewer than 5 seeds: local (1)", "fewer than 5 seeds: ubar (1); no runs: local"]


def test_quantities_over_many_magnitudes(large_page) -> None:
    page = large_page
    page.locator("#quantity").select_option("loss_mean")
    axis = "document.querySelector('#learning .chart')._fullLayout.yaxis"
    until(page, f"{axis}.type === 'log'")
    page.locator("#learning .chart").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    described = page.locator("#learning .chart").nth(1).get_attribute("aria-valuetext")
    assert described == " ubar  round 0: 4.0e+12 1 seed"
    assert page.locator("#learning .chart").first.locator(".ytick").count() < 10
    assert "bands" not in page.locator("#learning-note").inner_text()
    assert not page.get_by_label("each seed").is_visible()
    page.locator("#quantity").select_option("consensus_distance")
    until(page, "document.querySelector('#learning .chart').data[0].y[1] === 2")
    assert page.locator("#learning .chart").first.evaluate("c => c.data[0].y") == [None, 2]  # a logarithm has no 0


def test_rows_that_are_many_and_values_that_are_not_known(large_page) -> None:
    page = large_page
    page.locator("#by-br").select_option("all")
    assert len(rows(page)) == 25
    page.get_by_role("button", name="Show all 59 rows").click()
    assert len(rows(page)) == 59
    heads = page.locator("#table th").all_inner_texts()
    gain = next(i for i, head in enumerate(heads) if head.startswith("over local"))
    assert [row[gain] for row in rows(page) if "seeds" in row[gain]] == ["0.000 1 of 5 seeds"]
    for _ in range(2):
        page.locator("#table th button", has_text="over local").click()
        unknown = [row[gain] == "\N{EN DASH}" for row in rows(page)]
        assert set(unknown) == {False, True}
        assert unknown == sorted(unknown)


def test_a_long_reason_unfolds(large_page) -> None:
    page = large_page
    page.locator("#absent > summary").click()
    why = page.locator("#absent td details")
    folded = why.bounding_box()["height"]
    assert folded < 60
    why.locator("summary").click()
    assert why.bounding_box()["height"] > 1.5 * folded
    assert why.inner_text().count("boom") == 100


def test_edges_between_attackers_are_not_drawn_as_cut_off(large_page) -> None:
    page = large_page
    show(page, "network")
    lines = page.locator("#network .chart").first.evaluate(
        "c => c.data.filter(t => t.mode === 'lines').map(t => [t.x.length / 3, t.line.dash ?? 'solid', t.line.color])"
    )
    drawn = {dash: (count, color) for count, dash, color in lines if color == "#8a9097"}
    assert {dash: count for dash, (count, _) in drawn.items()} == {"solid": 1, "1.5px,3px": 1}
    assert charts._contrast(to_rgb("#8a9097"), (1, 1, 1)) > 3
    assert charts._contrast(to_rgb("#757b82"), to_rgb(charts.DARK["paper"])) > 3


def test_the_network_is_seen_to_cut_its_attacker_off(page) -> None:
    show(page, "network")
    widths = """() => {
        const lines = document.querySelector("#network .chart").data.filter(t => t.mode === "lines");
        const solid = lines.filter(t => !t.line.dash).map(t => Math.round(100 * t.line.width) / 100).sort();
        return {"solid": solid, "cut": lines.filter(t => t.line.dash === "1.5px,3px" && t.x.length === 6).length};
    }"""
    assert page.locator("#rounds").inner_text() == "rounds 11 to 20"
    # By then 0 and 2 have cut 3 off; 0 - 1 has a mean weight of 0.125, 0 - 2 of 0.25, the most there ever was is 0.5.
    assert page.evaluate(widths) == {"cut": 1, "solid": [2.8, 4]}
    page.locator("#thickness").select_option("trust")
    assert page.evaluate(widths) == {"cut": 1, "solid": [4, 5.8]}  # accepted half of the time, three quarters
    assert "accepted: Byzantine 0%, benign 63% · accuracy 0.867" in page.locator("#network .panel p").first.inner_text()
    page.locator("#round").focus()
    page.keyboard.press("ArrowLeft")
    until(page, "document.querySelector('#rounds').innerText === 'rounds 1 to 10'")
    until(page, "document.querySelector('#network .panel p').innerText.includes('Byzantine 70%')")
    assert page.evaluate(widths)["cut"] == 0
    page.locator("#play").click()
    until(page, "document.querySelector('#rounds').innerText === 'rounds 11 to 20'")
    until(page, "document.querySelector('#play').innerText === 'play'")
    page.locator("#seed").select_option("1")
    assert headings(page, "network") == list(ENDS)
    note = page.locator("#network-note")
    assert "Drawn plain, because they do not report acceptances: median." in note.inner_text()
    assert "drawn alike" not in note.inner_text()
    page.locator("#experiment").select_option("alie, Bᵣ = 0.1 (1 of 4)")
    assert "drawn alike" in note.inner_text()


def test_a_network_may_have_more_weights_than_a_call_takes_arguments(page) -> None:
    page.evaluate("for (const { weight } of data.networks.runs) weight.push([200, ...Array(150000).fill(50)])")
    page.evaluate("drawNetworks()")
    assert page.evaluate("net.most") == 200


def test_dark_and_narrow(page) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    font = "document.querySelector('#learning .chart')._fullLayout.font.color"
    line = "document.querySelector('#learning .chart').data.find(t => t.name === 'mean').line.color"
    light = [page.evaluate(what) for what in (background, font, line)]
    page.emulate_media(color_scheme="dark")
    until(page, f"{font} !== '{light[1]}'")
    assert [page.evaluate(what) for what in (background, font, line)] != light
    assert page.evaluate(background) == "rgb(18, 20, 22)"
    for width in (1400, 800, 380):
        page.set_viewport_size({"width": width, "height": 800})
        until(page, f"document.querySelector('#learning .chart .main-svg').clientWidth < {width}")
        until(page, f"document.documentElement.scrollWidth === {width}")  # charts follow one by one
        assert page.locator("#filters").is_visible() == (width > 900)
    # The choices stay in view, and so does the slider of the network.
    show(page, "network")
    page.locator("#network .panel").last.scroll_into_view_if_needed()
    choices, slider = (page.locator(name).bounding_box() for name in ("#choices", "#round"))
    assert 0 <= choices["y"] < choices["y"] + choices["height"] <= slider["y"] < 160
    page.locator("#choices > summary").click()
    page.locator("#by-attack").select_option("alie")
    assert headings(page, "network") == list(ENDS)


@pytest.fixture(scope="module")
def lost(tmp_path_factory) -> Path:
    """Regressions: two seeds of two defenses; node 0 is lost in one run."""
    folder = tmp_path_factory.mktemp("report") / "lost"
    write = writer(folder)
    for (defense, ends), seed in product({"mean": (-1e30, 0.5), "local": (0.25, -0.25)}.items(), (0, 1)):
        four = {"topology": {"n": 4}, "task": "regression", "attack": {"br": 0.3}}
        run = write(defense={"name": defense}, seed=seed, accuracy=(-0.5, ends[seed]), **four)
        of_nodes = "".join(f"0,{i},-0.5,1,90,,,,2,1\n" for i in range(3))
        of_nodes += f"10,0,{ends[seed]},1,70,,10,20,3,1\n10,1,0.5,1,60,,0,10,1,0\n10,2,-0.5,1,80,,0,10,2,1\n"
        add_network(run, [3], EDGES, of_nodes)
        (run / "nodes.csv").write_text(",".join(tables("r2")["nodes.csv"]) + "\n" + of_nodes)
    main([str(folder)])
    return folder / "report.html"


def test_a_page_of_regressions_stands_a_lost_node(tab, lost) -> None:
    for page in opened(tab, lost):
        box = page.locator("#learning .chart").first
        assert box.evaluate("chart => chart.layout.yaxis.range") == [-1.02, 1.02]
        drawn, text = box.evaluate("chart => chart.data.filter(t => t.name === 'mean').map(t => [t.y, t.text[1]])[0]")
        assert drawn == [-0.5, -100]
        assert "-5.0e+29" in text
        show(page, "final")
        assert page.locator("#final-title").inner_text() == "Final R²"
        texts = page.locator("#final .chart").first.evaluate("c => c.data[1].text")
        assert texts == ["< \N{MINUS SIGN}1", "0.00"]
        (mean, local) = rows(page)
        assert "-5.0e+29 [-1.0e+30, 0.500]" in " ".join(mean[3].split()).replace("\N{MINUS SIGN}", "-")
        assert "90.00 [77.50, 102.5]" in " ".join(local[5].split())
        show(page, "network")
        page.locator("#seed").select_option("1")
        said = page.locator("#network .panel p").all_inner_texts()
        assert [line.partition("· ")[2] for line in said] == ["R² 0.167", "R² -0.083"]
