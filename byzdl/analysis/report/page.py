"""Builds the page: records, charts, style and script in one self-contained file."""

import json
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from importlib.resources import files
from string import Template
from typing import Any

from byzdl.analysis import style
from byzdl.analysis.load import Run
from byzdl.analysis.report import charts
from byzdl.analysis.report.data import records
from byzdl.analysis.report.networks import networks
from byzdl.analysis.rounds import FEW_SEEDS

SCRIPTS = ("page.js", "curves.js", "final.js", "network.js")


def page(title: str, runs: Sequence[Run]) -> str:
    """Returns the HTML of a page about these runs.

    - `title`: shown behind "byzdl"
    - `runs`: from `byzdl.analysis.find`; at least one must be done, and those that are have one score

    **Raises:** `AnalysisError` if a file cannot be read.
    """
    done = [run for run in runs if run.status == "done"]
    record, groups = records(done)
    dark = style.lines((defense["name"] for defense in record["defenses"]), dark=True)
    for defense in record["defenses"]:
        defense["line"] = charts.line(defense["line"], dark[defense["name"]].color)
    data = {
        **record,
        "runs": len(done),
        "absent": [
            {"status": run.status, "name": run.name, "why": run.why}
            for run in sorted(runs, key=lambda run: (run.status, run.name))
            if run.status not in ("done", "superseded")
        ],
        "superseded": sum(run.status == "superseded" for run in runs),
        "networks": networks(done, groups),
        "layouts": charts.layouts(),
        "templates": charts.templates(),
        "black": charts.black_from(),
        "few": FEW_SEEDS,
    }
    return Template(_asset("page.html")).substitute(
        title=escape(f"byzdl · {title}"),
        score=record["score"]["label"],
        version=version("byzdl"),
        style=_asset("page.css"),
        plotly=charts.script(),
        data=_embedded(data),
        script="\n".join(map(_asset, SCRIPTS)),
    )


def _embedded(data: Any) -> str:
    """Encodes data as JSON that cannot end its own script element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")
