"""`byzdl runs forget FOLDER SWEEP` removes a sweep's manifest."""

from pathlib import Path

from byzdl.analysis.folders import contents, is_run
from byzdl.analysis.sweeps import asked
from byzdl.commands.words import counted
from byzdl.config.types import ConfigError


def forget(folder: Path, name: str, dry: bool = False) -> None:
    """Removes the manifest of a sweep, and prints what that changes. All runs stay.

    - `name`: the sweep's name, as `byzdl status` shows it
    - `dry`: whether only to print

    **Raises:** `AnalysisError` if the folder cannot be read; `ConfigError` if it has no such sweep.
    """
    _, sweeps = contents(folder)
    known = {sweep.name: sweep for sweep in sweeps}
    chosen = known.get(name.removesuffix(".json").rpartition("/")[2])
    if chosen is None:
        nothing = f"a sweep of {folder}, which has none"
        raise ConfigError.unknown("SWEEP", name, known) if known else ConfigError.of("SWEEP", name, nothing)
    others = {run for sweep in sweeps if sweep is not chosen for run in sweep.runs}
    missing = {run: overrides for run, overrides in chosen.runs.items() if not is_run(folder / run)}
    lines = [f"{'would forget' if dry else 'forgot'} {chosen.name}, planned {chosen.time}"]
    if chosen.why:
        lines = [f"{'would forget' if dry else 'forgot'} {chosen.name}, which cannot be read"]
    if gone := missing.keys() - others:
        lines.append(
            f"  no longer missing: {counted(len(gone), 'run')}: {asked([missing[run] for run in missing if run in gone])}"
        )
    if shared := missing.keys() & others:
        lines.append(f"  still missing, as other sweeps planned them too: {counted(len(shared), 'run')}")
    if chosen.refused:
        lines.append(f"  no longer refused: {counted(len(chosen.refused), 'combination')}")
    if stay := chosen.runs.keys() - missing.keys():
        lines.append(f"  staying in {folder}: {counted(len(stay), 'run')}")
    if not dry:
        chosen.file.unlink()
    print("\n".join(lines))
