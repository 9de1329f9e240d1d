"""Reads one run's folder."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from byzdl.analysis.files import AnalysisError, run_config, run_record, table


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
            config = run_config(folder)
            table(folder / "rounds.csv", config["rounds"])
            return replace(run, config=config)
    except AnalysisError as error:
        return Run(name, "unreadable", str(error), folder)
    with suppress(AnalysisError):
        run = replace(run, config=run_config(folder))
    if run.status == "failed":
        return replace(run, why=" ".join(facts.get("error", "").split()))
    return replace(run, status="interrupted", why="stopped, or still being computed")
