import pandas as pd
import pytest

from byzdl.analysis.leaderboard import breakdown_markdown, main, worst_attacks_markdown


@pytest.fixture
def compared(write):
    """Two attacks, two defenses and `local`, at two rates and two seeds; ubar loses to `max` at the higher rate."""
    for attack in ("max", "ipm"):
        for br in (0.1, 0.3):
            for seed in (0, 1):
                final = {"ubar": 0.9 if (attack, br) != ("max", 0.3) else 0.2, "median": 0.8, "local": 0.5}
                for defense, accuracy in final.items():
                    write(
                        attack={"name": attack, "br": br},
                        defense={"name": defense},
                        seed=seed,
                        accuracy=(0.1, accuracy + 0.01 * seed),
                    )


def test_the_command_writes_heatmaps_rankings_and_breakdowns(compared, folder, capsys):
    main([str(folder)])
    out = folder / "figures"
    written = capsys.readouterr().out.split()
    names = {"leaderboard.csv", "worst_attacks.md", "gains.csv", "breakdown.md", "exposure.csv", "exposure.md"}
    names |= {f"{stem}.{end}" for stem in ("heatmap_mean", "heatmap_worst", "gains") for end in ("png", "svg", "pdf")}
    assert {file.name for file in out.iterdir()} == names
    assert sorted(written) == sorted(str(out / name) for name in names)
    gains = pd.read_csv(out / "gains.csv").set_index(["attack", "br", "defense"])["mean"]
    assert gains["max", 0.3, "ubar"] == pytest.approx(-0.3)
    assert gains["ipm", 0.3, "median"] == pytest.approx(0.3)
    rows = [line for line in (out / "breakdown.md").read_text().splitlines() if line.startswith("| ")]
    assert [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1:]] == [
        ["median", "0.3 and up", "ipm 0.3 and up, max 0.3 and up"],
        ["ubar", "0.1", "max 0.1, ipm 0.3 and up"],
    ]
    worst = (out / "worst_attacks.md").read_text()
    high = worst[worst.index("B_r = 0.3") :]
    exposed = pd.read_csv(out / "exposure.csv").set_index("defense")
    assert exposed[["nodes", "lost"]].to_dict("index") == {
        "median": {"nodes": 8, "lost": 0.0},
        "ubar": {"nodes": 8, "lost": 0.25},
    }
    assert high.index("median") < high.index("ubar") < high.index("local")
    assert "| ubar      | max            | 0.205 [0.200, 0.210]" in high


def test_a_defense_that_an_attack_beats_from_the_start_never_holds():
    columns = ["setting", "attack", "br", "defense", "pairs", "mean", "low", "high"]
    rows = [("", "max", 0.1, "mean", 3, -0.4, -0.5, -0.3), ("", "ipm", 0.1, "mean", 3, 0.2, 0.1, 0.3)]
    assert "| mean      | never" in breakdown_markdown(pd.DataFrame(rows, columns=columns))


def test_what_was_not_tried_or_has_no_interval_is_no_breakdown():
    columns = ["setting", "attack", "br", "defense", "pairs", "mean", "low", "high"]
    nan = float("nan")
    rows = [
        *[("", "max", br, "ubar", 3, 0.2, 0.1, 0.3) for br in (0.1, 0.3)],
        ("", "ipm", 0.1, "ubar", 3, 0.2, 0.1, 0.3),
        *[("", "max", br, "median", 3, 0.2, low, 0.3) for br, low in ((0.1, 0.1), (0.3, -0.1))],
        ("", "ipm", 0.1, "median", 3, 0.2, 0.1, 0.3),
        *[("", "max", br, "gts", 3, 0.2, low, 0.3) for br, low in ((0.1, 0.1), (0.3, nan))],
        ("", "max", 0.1, "nna", 1, 0.2, nan, nan),
        ("", "ipm", 0.3, "nna", 3, 0.2, 0.1, 0.3),
    ]
    told = breakdown_markdown(pd.DataFrame(rows, columns=columns)).splitlines()[2:]
    assert [[cell.strip() for cell in row.strip("|").split("|")] for row in told] == [
        ["gts", "0.1 and up", "max 0.1 and up"],
        ["median", "0.1", "max 0.1, ipm 0.1 and up"],
        ["ubar", "0.1 and up", "ipm 0.1 and up, max 0.3 and up"],
        ["nna", "not known", "max not known, ipm 0.3 and up"],
    ]


@pytest.mark.parametrize("other", [{"defense": {"name": "local"}}, {"attack": {"br": 0.1}}])
def test_where_nothing_can_be_paired_the_rest_is_written(write, folder, other):
    write(defense={"name": "local"}, attack={"br": 0.3})
    write(seed=1, **other)
    main([str(folder)])
    names = {file.stem for file in (folder / "figures").iterdir()}
    assert names == {"leaderboard", "worst_attacks", "heatmap_mean", "heatmap_worst"}


def test_without_learning_alone_there_are_no_gains(write, folder):
    write(defense={"name": "ubar"})
    write(defense={"name": "median"})
    main([str(folder)])
    assert not list((folder / "figures").glob("gains*"))
    assert list((folder / "figures").glob("heatmap_mean*"))


def test_a_single_seed_has_no_interval():
    columns = ["setting", "br", "defense", "attack", "seeds", "mean", "low", "high", "worst"]
    row = ("", 0.1, "ubar", "max", 1, 0.5, float("nan"), float("nan"), 0.4)
    assert "| 0.500 " in worst_attacks_markdown(pd.DataFrame([row], columns=columns))


def test_where_defenses_faced_different_attacks_the_ranking_says_so():
    columns = ["setting", "br", "defense", "attack", "seeds", "mean", "low", "high", "worst"]
    faced = [(0.1, "ubar", "max"), (0.1, "ubar", "ipm"), (0.1, "median", "max"), (0.3, "ubar", "max")]
    table = pd.DataFrame([("", *one, 3, 0.5, 0.4, 0.6, 0.4) for one in faced], columns=columns)
    low, high = worst_attacks_markdown(table).split("## ")[1:]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in low.splitlines() if row[:2] == "| "]
    assert {row[0]: row[5] for row in rows} == {"defense": "attacks", "median": "1", "ubar": "2"}
    assert "Not every defense faced every attack" in low
    assert "Not every" not in high


def test_where_nothing_can_be_written_one_line_says_so(write, folder):
    write()
    (folder / "taken").write_text("")
    with pytest.raises(SystemExit, match=r"^byzdl: .*taken"):
        main([str(folder), "--out", str(folder / "taken")])


def test_where_no_run_is_done_one_line_says_so(write, folder):
    write(status="failed", error="no")
    with pytest.raises(SystemExit, match=r"^byzdl: .*no run in it is done \(1 failed: no\)$"):
        main([str(folder)])


def test_how_often_backdoors_work_is_told_beside_what_they_cost(write, folder):
    for attack, successes in {"backdoor": (0.9, 1.0), "max": ("", "")}.items():
        for seed, success in enumerate(successes):
            for defense, share in (("ubar", 1.0), ("local", 0.01)):
                end = {"round": 20, "accuracy_mean": 0.9, "accuracy_worst": 0.8}
                rows = [{"round": 0}, {**end, "attack_success_rate": success and success * share}]
                write(attack={"name": attack, "br": 0.3}, defense={"name": defense}, seed=seed, rows=rows)
    end = {"round": 20, "accuracy_mean": 0.9, "accuracy_worst": 0.8}
    for seed in 0, 1:  # Of one seed the success is not known.
        rows = [{"round": 0}, {**end, "attack_success_rate": "" if seed else 0.5}]
        write(attack={"name": "backdoor", "br": 0.3}, defense={"name": "median"}, seed=seed, rows=rows)
    main([str(folder)])
    success = pd.read_csv(folder / "figures" / "success.csv")
    assert set(success["attack"]) == {"backdoor"}
    assert success.set_index("defense")["mean"].isna().to_dict() == {"ubar": False, "local": False, "median": True}
    assert success.set_index("defense").loc["ubar", ["seeds", "mean", "low", "high"]].tolist() == [2, 0.95, 0.9, 1.0]
    lines = (folder / "figures" / "success.md").read_text().splitlines()
    assert lines[0] == "## backdoor"
    assert [line.replace(" ", "") for line in lines if line.startswith("| ")] == [
        "|defense|B_r=0.3|",
        "|local|1|",
        "|ubar|95|",
        "|median||",
    ]
