"""`python -m byzdl.analysis.leaderboard FOLDER`: every defense against every attack, and where each one breaks down."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from byzdl.analysis.exposure import SHARES, exposure
from byzdl.analysis.heatmap import TITLES, heatmap
from byzdl.analysis.load import AnalysisError, find, rows
from byzdl.analysis.output import absences, save_all, save_text
from byzdl.analysis.ranking import breakdown, gains, worst_attacks
from byzdl.analysis.rates import against_rate
from byzdl.analysis.statistics import final, over_seeds
from byzdl.analysis.tables import final_accuracy


def main(arguments: Sequence[str] | None = None) -> None:
    """Write heatmaps, rankings and what defenses gain over learning alone; say what is missing.

    **Raises:** `SystemExit` with one line where there is nothing to compare.
    """
    parser = argparse.ArgumentParser(prog="python -m byzdl.analysis.leaderboard", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a folder of runs, such as outputs/leaderboard")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write; FOLDER/figures by default")
    options = parser.parse_args(arguments)
    try:
        runs = find(options.folder)
        done = [run for run in runs if run.status == "done"]
        if not done:
            raise AnalysisError(f"{options.folder}: no run in it is done")
        frame = rows(done)
        alone = "local" in set(frame["defense"])
        gained = gains(frame) if alone else None
        exposed = exposure(rows(done, "nodes.csv")) if alone else None
        out = options.out or options.folder / "figures"
        out.mkdir(parents=True, exist_ok=True)
        for file in write(final_accuracy(frame), gained, exposed, succeeded(frame), out):
            print(file)
    except (AnalysisError, OSError) as error:
        sys.exit(f"byzdl.analysis.leaderboard: {error}")
    print(absences(runs), file=sys.stderr, end="")


def succeeded(frame: pd.DataFrame) -> pd.DataFrame | None:
    """How often backdoors work in the end (`attack_success_rate`), over seeds as `over_seeds`; None where no run has any.

    - `frame`: as `load` gives it
    """
    last = final(frame)
    last = last[last["attack_success_rate"].notna()]
    return None if last.empty else over_seeds(last, "attack_success_rate")


def write(
    table: pd.DataFrame,
    gained: pd.DataFrame | None,
    exposed: pd.DataFrame | None,
    success: pd.DataFrame | None,
    out: Path,
) -> Iterator[Path]:
    """All files of a leaderboard.

    - `table`: as `final_accuracy` gives it
    - `gained`: as `gains` gives it, or None without runs of `local`; where nothing is paired, of no row
    - `exposed`: as `exposure` gives it, or None without them; the same
    - `success`: as `succeeded` gives it
    """
    yield save_text(out / "leaderboard.csv", table.to_csv(index=False))
    yield save_text(out / "worst_attacks.md", worst_attacks_markdown(table))
    for column in TITLES:
        yield from save_all(heatmap(table, column), out / f"heatmap_{column}")
    if gained is not None and len(gained):
        yield save_text(out / "gains.csv", gained.to_csv(index=False))
        yield save_text(out / "breakdown.md", breakdown_markdown(gained))
        yield from save_all(against_rate(gained), out / "gains")
    if exposed is not None and len(exposed):
        yield save_text(out / "exposure.csv", exposed.to_csv(index=False))
        yield save_text(out / "exposure.md", exposure_markdown(exposed))
    if success is not None:
        yield save_text(out / "success.csv", success.to_csv(index=False))
        yield save_text(out / "success.md", success_markdown(success))


def worst_attacks_markdown(table: pd.DataFrame) -> str:
    """Of each defense, as it ranks, its worst attack."""
    headers = [
        "defense",
        "worst attack",
        "mean [95% interval]",
        "worst node",
        "average over attacks",
        "attacks",
        "seeds",
    ]
    sections = []
    for (setting, br), part in worst_attacks(table).groupby(["setting", "br"], sort=False):
        lines = [
            (
                row["defense"],
                row["attack"],
                f"{row['mean']:.3f}" + ("" if pd.isna(row["low"]) else f" [{row['low']:.3f}, {row['high']:.3f}]"),
                f"{row['worst']:.3f}",
                f"{row['average']:.3f}",
                row["attacks"],
                row["seeds"],
            )
            for row in part.to_dict("records")
        ]
        title = ", ".join(filter(None, [str(setting), f"B_r = {br:g}"]))
        sections.append(f"## {title}\n\n{tabulate(lines, headers, tablefmt='pipe', disable_numparse=True)}\n")
        if part["attacks"].nunique() > 1:
            sections.append("Not every defense faced every attack: worst and average are over those that it did.\n")
    return "\n".join(sections)


def breakdown_markdown(gained: pd.DataFrame) -> str:
    """Of each defense the largest Byzantine rate at which it surely beats learning alone, against each attack and all of them."""
    sections = []
    for setting, part in breakdown(gained).groupby("setting", sort=False):
        lines = []
        for defense, own in part.groupby("defense"):
            # What breaks it first comes first: it is what all of them together do.
            own = own.sort_values(["br", "broke", "attack"], ascending=[True, False, True], na_position="first")
            rates = [_rate(br, broke) for br, broke in zip(own["br"], own["broke"], strict=True)]
            each = ", ".join(f"{attack} {rate}" for attack, rate in zip(own["attack"], rates, strict=True))
            lines.append((own["br"].iloc[0], str(defense), rates[0], each))
        lines.sort(key=lambda line: (-line[0] if line[0] == line[0] else 1.0, line[1]))
        body = [line[1:] for line in lines]
        told = tabulate(
            body, ["defense", "against all of them", "against each"], tablefmt="pipe", disable_numparse=True
        )
        sections.append(f"## {setting!s}\n\n{told}\n" if setting else f"{told}\n")
    return "\n".join(sections)


def exposure_markdown(exposed: pd.DataFrame) -> str:
    """Of each defense the share of nodes that are lost, by the share of their neighbours that are Byzantine."""
    sections = []
    for setting, part in exposed.groupby("setting", sort=False):
        total = (part["lost"] * part["nodes"]).groupby(part["defense"]).sum() / part.groupby("defense")["nodes"].sum()
        cells = {(row["defense"], row["byzantine"]): row["lost"] for row in part.to_dict("records")}
        lines = [
            [defense, *(f"{100 * cells[key]:.0f}" if (key := (defense, share)) in cells else "" for share in SHARES)]
            for defense in total.sort_values(kind="stable").index
        ]
        told = tabulate(lines, ["defense", *SHARES], tablefmt="pipe", disable_numparse=True)
        sections.append(f"## {setting!s}\n\n{told}\n" if setting else f"{told}\n")
    return "\n".join(sections)


def success_markdown(success: pd.DataFrame) -> str:
    """Of each defense the success rate of each backdoor, in %, from the least to the greatest."""
    rates = sorted(success["br"].unique())
    sections = []
    for (setting, attack), part in success.groupby(["setting", "attack"], sort=False):
        grid = part.pivot(index="defense", columns="br", values="mean").reindex(columns=rates)
        grid = grid.loc[grid.mean(axis=1).sort_values(kind="stable").index]
        lines = [
            [name, *("" if pd.isna(v) else f"{100 * v:.0f}" for v in values)] for name, *values in grid.itertuples()
        ]
        title = ", ".join(filter(None, [str(setting), str(attack)]))
        headers = ["defense", *(f"B_r = {br:g}" for br in rates)]
        sections.append(f"## {title}\n\n{tabulate(lines, headers, tablefmt='pipe', disable_numparse=True)}\n")
    return "\n".join(sections)


def _rate(br: float, broke: bool) -> str:
    if pd.isna(br):
        return "never" if broke else "not known"
    return f"{br:g}" if broke else f"{br:g} and up"


if __name__ == "__main__":
    main()
