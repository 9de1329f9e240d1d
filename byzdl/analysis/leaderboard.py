"""`byzdl leaderboard FOLDER ...`: ranks every defense against every attack, and finds where each one breaks down."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from byzdl.analysis import escape
from byzdl.analysis.arguments import parse
from byzdl.analysis.exposure import SHARES, exposure
from byzdl.analysis.heatmaps import TITLES, heatmaps
from byzdl.analysis.load import AnalysisError, find, finished, rows
from byzdl.analysis.output import absences, save_all, save_text
from byzdl.analysis.ranking import breakdown, gains, worst_attacks
from byzdl.analysis.rates import against_rate
from byzdl.analysis.scores import Score, by_score, written
from byzdl.analysis.shares import rates, with_shares
from byzdl.analysis.statistics import KEYS, final, over_seeds
from byzdl.analysis.tables import final_accuracy
from byzdl.pipe import reader


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes heatmaps, rankings and gains over learning alone, and lists missing results.

    **Raises:** `SystemExit` with one line if there is nothing to compare.
    """
    description = "Writes heatmaps, rankings and gains over learning alone."
    folders, out = parse(arguments, "byzdl leaderboard", description, "figures")
    try:
        runs = find(*folders)
        print(absences(runs), file=sys.stderr, end="")
        done = finished(runs, *folders)
        for score, own in by_score(done):
            frame = rows(own)
            alone = "local" in set(frame["defense"])
            gained = gains(frame) if alone else None
            exposed = exposure(rows(own, "nodes.csv")) if alone else None
            out.mkdir(parents=True, exist_ok=True)
            for file in write(score, final_accuracy(frame), gained, exposed, succeeded(frame), out):
                print(file)
    except BrokenPipeError:  # Nobody reads on, which is no error of a file.
        raise
    except (AnalysisError, OSError) as error:
        sys.exit(f"byzdl: {error}")


def succeeded(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Averages the final `attack_success_rate` of backdoors over seeds, as `over_seeds` does. None without such a run.

    - `frame`: from `load`

    >>> case = {"run": "a", "setting": "", "attack": "max", "br": 0.3, "defense": "ubar", "seed": 0, "round": 20}
    >>> succeeded(pd.DataFrame({**case, "attack_success_rate": [0.25]}))[["attack", "mean"]]
      attack  mean
    0    max  0.25
    """
    last = final(frame)
    # If one seed of a backdoor has no value, its mean is missing, too.
    known = last["attack_success_rate"].notna().groupby([last[key] for key in KEYS]).transform("any")
    last = last[known]
    return None if last.empty else with_shares(over_seeds(last, "attack_success_rate"), last, KEYS)


def write(
    score: Score,
    table: pd.DataFrame,
    gained: pd.DataFrame | None,
    exposed: pd.DataFrame | None,
    success: pd.DataFrame | None,
    out: Path,
) -> Iterator[Path]:
    """Writes all files of a leaderboard, and yields them.

    - `score`: of the runs. Names of files begin with its prefix
    - `table`: from `final_accuracy`
    - `gained`: from `gains`, or None without runs of `local`. It has no row if nothing can be paired
    - `exposed`: from `exposure`, or None without runs of `local`. It may have no row, either
    - `success`: from `succeeded`
    """
    begin = score.prefix
    yield save_text(out / f"{begin}leaderboard.csv", table.to_csv(index=False))
    yield save_text(out / f"{begin}worst_attacks.md", worst_attacks_markdown(table))
    for column in TITLES:
        yield from save_all(heatmaps(table, column), out / f"{begin}heatmap_{column}")
    if gained is not None and len(gained):
        yield save_text(out / f"{begin}gains.csv", gained.to_csv(index=False))
        yield save_text(out / f"{begin}breakdown.md", breakdown_markdown(gained))
        yield from save_all(against_rate(gained, score), out / f"{begin}gains")
    if exposed is not None and len(exposed):
        yield save_text(out / f"{begin}exposure.csv", exposed.to_csv(index=False))
        yield save_text(out / f"{begin}exposure.md", exposure_markdown(exposed))
    if success is not None:
        yield save_text(out / f"{begin}success.csv", success.to_csv(index=False))
        yield save_text(out / f"{begin}success.md", success_markdown(success))


def worst_attacks_markdown(table: pd.DataFrame) -> str:
    """Renders the worst attack of each defense, sorted by `ranking`.

    - `table`: from `final_accuracy`

    >>> means = {"mean": 0.5, "low": 0.25, "high": 0.75, "worst": 0.25}
    >>> row = {"setting": "", "attack": "max", "br": 0.3, "defense": "ubar", "seeds": 3, **means}
    >>> print(worst_attacks_markdown(pd.DataFrame([row])))
    ## B_r = 0.3
    <BLANKLINE>
    | defense   | worst attack   | mean [95% interval]   | worst node   | average over attacks   | attacks   | seeds   |
    |:----------|:---------------|:----------------------|:-------------|:-----------------------|:----------|:--------|
    | ubar      | max            | 0.500 [0.250, 0.750]  | 0.250        | 0.500                  | 1         | 3       |
    <BLANKLINE>
    """
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
    for (setting, _), part in worst_attacks(table).groupby(["setting", "br"], sort=False):
        lines = [
            (
                escape.markdown(row["defense"]),
                escape.markdown(row["attack"]),
                written(row["mean"])
                + ("" if pd.isna(row["low"]) else f" [{written(row['low'])}, {written(row['high'])}]"),
                written(row["worst"]),
                written(row["average"]),
                row["attacks"],
                row["seeds"],
            )
            for row in part.to_dict("records")
        ]
        title = ", ".join(filter(None, [str(setting), f"B_r = {next(iter(rates(part).values()))}"]))
        sections.append(
            f"## {escape.markdown(title)}\n\n{tabulate(lines, headers, tablefmt='pipe', disable_numparse=True)}\n"
        )
        if part["attacks"].nunique() > 1:
            sections.append(
                "Not every defense faced every attack: worst and average are over the attacks that it faced.\n"
            )
    return "\n".join(sections)


def breakdown_markdown(gained: pd.DataFrame) -> str:
    """Renders the largest rate at which each defense surely beats learning alone, against each attack and all together.

    - `gained`: from `gains`

    >>> columns = {"attack": ["max", "max", "ipm"], "br": [0.1, 0.3, 0.1], "low": [0.2, -0.1, 0.1]}
    >>> print(breakdown_markdown(pd.DataFrame({"setting": "", "defense": "ubar", **columns})))
    | defense   | against all attacks   | against each attack     |
    |:----------|:----------------------|:------------------------|
    | ubar      | 0.1                   | max 0.1, ipm 0.1 and up |
    <BLANKLINE>
    """
    sections = []
    for setting, part in breakdown(gained).groupby("setting", sort=False):
        lines, named = [], rates(gained[gained["setting"] == setting])
        for defense, own in part.groupby("defense"):
            # The attack that breaks the defense first comes first: it decides for all attacks together.
            own = own.sort_values(["br", "broke", "attack"], ascending=[True, False, True], na_position="first")
            until = [_rate(br, broke, named) for br, broke in zip(own["br"], own["broke"], strict=True)]
            each = ", ".join(f"{attack} {rate}" for attack, rate in zip(own["attack"], until, strict=True))
            lines.append((own["br"].iloc[0], escape.markdown(str(defense)), until[0], escape.markdown(each)))
        lines.sort(key=lambda line: (-line[0] if line[0] == line[0] else 1.0, line[1]))
        body = [line[1:] for line in lines]
        headers = ["defense", "against all attacks", "against each attack"]
        text = tabulate(body, headers, tablefmt="pipe", disable_numparse=True)
        sections.append(f"## {escape.markdown(str(setting))}\n\n{text}\n" if setting else f"{text}\n")
    return "\n".join(sections)


def exposure_markdown(exposed: pd.DataFrame) -> str:
    """Renders the percentage of lost nodes of each defense, by the nodes' share of Byzantine neighbours.

    - `exposed`: from `exposure`

    >>> columns = {"byzantine": ["none", "above"], "nodes": [4, 2], "lost": [0.0, 0.5]}
    >>> print(exposure_markdown(pd.DataFrame({"setting": "", "defense": "ubar", **columns})))
    | defense   | none   | to 1/3   | to 1/2   | above   |
    |:----------|:-------|:---------|:---------|:--------|
    | ubar      | 0      |          |          | 50      |
    <BLANKLINE>
    """
    sections = []
    for setting, part in exposed.groupby("setting", sort=False):
        total = (part["lost"] * part["nodes"]).groupby(part["defense"]).sum() / part.groupby("defense")["nodes"].sum()
        cells = {(row["defense"], row["byzantine"]): row["lost"] for row in part.to_dict("records")}
        lines = [
            [
                escape.markdown(str(defense)),
                *(f"{100 * cells[key]:.0f}" if (key := (defense, share)) in cells else "" for share in SHARES),
            ]
            for defense in total.sort_values(kind="stable").index
        ]
        text = tabulate(lines, ["defense", *SHARES], tablefmt="pipe", disable_numparse=True)
        sections.append(f"## {escape.markdown(str(setting))}\n\n{text}\n" if setting else f"{text}\n")
    return "\n".join(sections)


def success_markdown(success: pd.DataFrame) -> str:
    """Renders the success rate of each backdoor under each defense, in %, in ascending order.

    - `success`: from `succeeded`

    >>> case = {"setting": "", "attack": "backdoor", "br": 0.3}
    >>> print(success_markdown(pd.DataFrame({**case, "defense": ["ubar", "local"], "mean": [0.9, 0.0]})))
    ## backdoor
    <BLANKLINE>
    | defense   | B_r = 0.3   |
    |:----------|:------------|
    | local     | 0           |
    | ubar      | 90          |
    <BLANKLINE>
    """
    sections = []
    for (setting, attack), part in success.groupby(["setting", "attack"], sort=False):
        named = rates(success[success["setting"] == setting])
        grid = part.pivot(index="defense", columns="br", values="mean").reindex(columns=list(named))
        grid = grid.loc[grid.mean(axis=1).sort_values(kind="stable").index]
        lines = [
            [escape.markdown(name), *("" if pd.isna(v) else f"{100 * v:.0f}" for v in values)]
            for name, *values in grid.itertuples()
        ]
        title = ", ".join(filter(None, [str(setting), str(attack)]))
        headers = ["defense", *(f"B_r = {rate}" for rate in named.values())]
        sections.append(
            f"## {escape.markdown(title)}\n\n{tabulate(lines, headers, tablefmt='pipe', disable_numparse=True)}\n"
        )
    return "\n".join(sections)


def _rate(br: float, broke: bool, named: Mapping[float, str]) -> str:
    if pd.isna(br):
        return "never" if broke else "not known"
    return named[br] if broke else f"{named[br]} and up"


if __name__ == "__main__":
    with reader():
        main()
