import csv
import io
import re

import pandas as pd
import pytest

from byzdl.analysis import final_accuracy, load, to_latex, to_markdown


@pytest.fixture
def table(write, folder):
    for seed, last in enumerate((0.8, 0.9)):
        write(seed=seed, accuracy=(0.1, last))
        write(seed=seed, accuracy=(0.1, last - 0.1), attack={"br": 0.5})
    write(seed=0, accuracy=(0.1, 0.7), defense={"name": "d_krum", "f": 1})
    write(seed=0, accuracy=(0.1, 0.6), attack={"name": "label_flip"})
    return final_accuracy(load(folder))


def test_final_accuracy_is_that_of_the_last_round(table):
    assert table[["attack", "br", "defense", "seeds"]].to_numpy().tolist() == [
        ["max", 0.3, "ubar", 2],
        ["max", 0.3, "d_krum", 1],
        ["max", 0.5, "ubar", 2],
        ["label_flip", 0.3, "ubar", 1],
    ]
    numbers = table[["mean", "low", "high", "worst", "worst_low", "worst_high"]]
    assert numbers.iloc[0].tolist() == pytest.approx([0.85, 0.8, 0.9, 0.425, 0.4, 0.45])
    assert numbers.iloc[1].isna().tolist() == [False, True, True, False, True, True]


def test_csv_reads_back_exactly(table):
    back = list(csv.DictReader(io.StringIO(table.to_csv(index=False))))
    assert [float(row["mean"]) for row in back] == table["mean"].tolist()
    assert list(back[0]) == list(table.columns)


def test_markdown(table):
    lines = to_markdown(table).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    assert rows == [
        ["attack", "defense", "B_r = 0.3", "worst", "B_r = 0.5", "worst", "seeds"],
        ["max", "ubar", "0.850 [0.800, 0.900]", "0.425", "0.750 [0.700, 0.800]", "0.375", "2"],
        ["", "d_krum", "0.700", "0.350", "", "", "1, 0"],
        ["label_flip", "ubar", "0.600", "0.300", "", "", "1, 0"],
    ]


def test_latex(table):
    lines = to_latex(table).splitlines()
    assert lines[0] == r"\begin{tabular}{lllrlrr}"
    assert r"max & ubar & 0.850 [0.800, 0.900] & 0.425 & 0.750 [0.700, 0.800] & 0.375 & 2 \\" in lines
    assert r" & d\_krum & 0.700 & 0.350 &  &  & 1, 0 \\" in lines
    assert r"label\_flip & ubar & 0.600 & 0.300 &  &  & 1, 0 \\" in lines
    rows = [line for line in lines if line.endswith(r"\\") and "multicolumn" not in line]
    assert {line.count("&") for line in rows} == {6}
    assert lines.count(r"\toprule") == lines.count(r"\bottomrule") == 1
    assert lines.count(r"\midrule") == 2


def test_a_section_a_setting(write, folder):
    write(rounds=10, accuracy=(0.1, 0.3))
    write(rounds=20)
    table = final_accuracy(load(folder))
    assert table["setting"].tolist() == ["rounds=10", "rounds=20"]
    assert [line for line in to_markdown(table).splitlines() if line.startswith("##")] == [
        "## rounds=10",
        "## rounds=20",
    ]
    assert [line for line in to_latex(table).splitlines() if line.startswith("%")] == ["% rounds=10", "% rounds=20"]


def test_the_csv_also_has_what_has_no_room_on_paper(write, folder):
    for seed, last in enumerate((0.1, 0.5, 0.6, 0.7, 0.9)):
        write(seed=seed, accuracy=(0.1, last))
        if seed < 3:
            write(seed=seed, accuracy=(0.1, last - 0.05 * seed), defense={"name": "local", "alpha": 1})
    ubar, local = final_accuracy(load(folder), 0.6).to_dict("records")
    assert [ubar["iqm"], ubar["mean"]] == pytest.approx([(0.75 * 0.5 + 0.6 + 0.75 * 0.7) / 2.5, 0.56])
    assert ubar["iqm_low"] < ubar["iqm"] < ubar["iqm_high"]
    assert [ubar["over_local"], ubar["over_local_low"], ubar["over_local_high"]] == pytest.approx([0.05, 0, 0.1])
    assert (ubar["over_local_pairs"], local["over_local_pairs"]) == (3, 0)
    assert (ubar["seeds"], ubar["reached_0.6"], ubar["rounds_to_0.6"]) == (5, 3, 10)
    assert (local["seeds"], local["reached_0.6"]) == (3, 0)
    missing = [local[name] for name in ("iqm", "iqm_low", "iqm_high", "over_local", "rounds_to_0.6")]
    assert pd.isna(missing).all()


def test_of_five_seeds_the_interquartile_mean_stands_beside_the_mean(write, folder):
    for seed, last in enumerate((0.1, 0.5, 0.6, 0.7, 0.9)):
        write(seed=seed, accuracy=(0.1, last))
    write(seed=0, accuracy=(0.1, 0.4), defense={"name": "d_krum", "f": 1})
    table = final_accuracy(load(folder))
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in to_markdown(table).splitlines()
        if line[:2] == "| "
    ]
    assert rows[0] == ["attack", "defense", "B_r = 0.3", "IQM", "worst", "seeds"]
    assert [cell.partition(" ")[0] for cell in rows[1][2:]] == ["0.560", "0.600", "0.280", "5"]
    assert all(re.fullmatch(r"\d\.\d+ \[\d\.\d+, \d\.\d+\]", cell) for cell in rows[1][2:4])
    assert rows[2] == ["", "d_krum", "0.400", "", "0.200", "1"]
    lines = to_latex(table).splitlines()
    assert lines[0] == r"\begin{tabular}{llllrr}"
    assert {line.count("&") for line in lines if line.endswith(r"\\") and "multicolumn" not in line} == {5}
    assert r"\multicolumn{3}{c}{$B_r = 0.3$}" in lines[2]
