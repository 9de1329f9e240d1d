"""The cores that this process may use: those that the system lets it run on, or the CPU time that its container gets."""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

CGROUPS = Path("/sys/fs/cgroup")  # the control groups of all processes, where Linux shows them
OWN = Path("/proc/self/cgroup")  # the control groups of this process


def cores() -> int:
    """Counts the cores that this process may use, at least 1.

    A container's share of the CPU counts: 1.5 cores are 2, since two processes use more of them than one.

    >>> cores() >= 1
    True
    """
    allowed = _allowed()
    share = quota()
    return allowed if share is None else max(1, min(allowed, math.ceil(share)))


def quota(own: Path = OWN, root: Path = CGROUPS) -> float | None:
    """Reads the CPU time that this process and its container may take, in cores; None without a limit.

    The least limit counts, of the process's control group and of all groups around it, in version 1 or 2 of cgroups.

    - `own`, `root`: the places of /proc/self/cgroup and /sys/fs/cgroup

    >>> quota(Path("no such file"), Path("no such folder")) is None
    True
    """
    return min(filter(None, map(_limit, _groups(own, root))), default=None)


def _allowed() -> int:
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on; heeds PYTHON_CPU_COUNT
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _groups(own: Path, root: Path) -> Iterator[Path]:
    """The folders of the process's control groups, and of those around them."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # not Linux
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 1 mounts each controller in a folder of its own; version 2, which names none, all in one.
        for mounted in {root / controllers, root / "cpu"} if controllers else {root}:
            # Within a container, the path may lead outside of what is mounted. Then only the mount itself is there.
            inside = PurePosixPath(*(part for part in PurePosixPath(path).parts if part not in ("/", "..")))
            yield from (mounted / group for group in (inside, *inside.parents))


def _limit(group: Path) -> float | None:
    """The limit of one control group in cores; None without one."""
    with suppress(OSError, ValueError):
        allowed, period = (group / "cpu.max").read_text(encoding="utf-8").split()
        return None if allowed == "max" else _cores(allowed, period)
    with suppress(OSError, ValueError):
        allowed, period = ((group / f"cpu.cfs_{name}_us").read_text(encoding="utf-8") for name in ("quota", "period"))
        return _cores(allowed, period)
    return None


def _cores(allowed: str, period: str) -> float | None:
    """A share of CPU time, both in microseconds; None for -1, no limit."""
    return int(allowed) / int(period) if int(allowed) > 0 and int(period) > 0 else None
