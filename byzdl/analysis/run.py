"""Reads one run's folder."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from byzdl.analysis.files import AnalysisError, run_config, run_record, score_in, table
from byzdl.config.columns import SCORES


@dataclass(frozen=True)
class Run:
    """Holds one run that is in a folder, or that a sweep planned there.

    - `name`: the name of its folder. A refused run has its overrides instead, an unreadable manifest its file name
    - `status`: `done`, `failed`, `interrupted`, `missing`, `refused`, `unreadable` or `superseded`
    - `why`: the reason why there is no result, on one line. A missing run has its overrides instead
    - `folder`: its folder; empty if it has none
    - `started`: the time of its start, in ISO format; empty if unknown
    - `identity`: the hash of its configuration and of the version of byzdl's results
    - `config`: flat: `{"attack.name": "max", "attack.br": 0.3, "seed": 0, ...}`; empty if unknown
    - `sources`: the checksums of the code and data from outside of byzdl that it used, by path
    - `byzantine`: the number of Byzantine nodes; None if unknown
    - `score`: what its tables hold, `accuracy` or `r2`

    >>> Run("max-ubar-0", "missing", "attack=max defense=ubar seed=0").why
    'attack=max defense=ubar seed=0'
    """

    name: str
    status: str
    why: str = ""
    folder: Path = Path()
    started: str = ""
    identity: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    byzantine: int | None = None
    score: str = SCORES[0]


def read_run(folder: Path, name: str) -> Run:
    """Reads the run of a folder. One that is done has a whole rounds.csv and configuration, or it is unreadable.

    >>> read_run(Path("nowhere"), "a").status
    'unreadable'
    """
    try:
        facts = run_record(folder)
        about = {key: facts.get(key, "") for key in ("started", "identity")}
        run = Run(name, str(facts["status"]), "", folder, **about, sources=facts.get("sources", {}))
        run = replace(run, byzantine=len(facts["byzantine"]) if "byzantine" in facts else None)
        if run.status == "done":
            config = _config(folder, facts)
            if config["topology.n"] is None:
                raise AnalysisError(
                    f"{folder / 'run.json'}: lacks nodes, the number of nodes where it is that of users"
                )
            columns, _ = table(folder / "rounds.csv", config["rounds"])
            return replace(run, config=config, score=score_in(columns))
    except AnalysisError as error:
        return Run(name, "unreadable", str(error), folder)
    with suppress(AnalysisError):
        run = replace(run, config=_config(folder, facts))
    if run.status == "failed":
        return replace(run, why=" ".join(facts.get("error", "").split()))
    return replace(run, status="interrupted", why="stopped, or still being computed")


def _config(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration, with the number of nodes that the data told, where there is one for each user."""
    config = run_config(folder)
    return config if config["topology.n"] is not None else {**config, "topology.n": facts.get("nodes")}
