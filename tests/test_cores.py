"""The cores that a sweep uses: no more than the system, or a container's share of the CPU, gives."""

import os
from pathlib import Path

import pytest

from byzdl import cores as module
from byzdl.cores import cores, quota


def system(place: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    """A /proc/self/cgroup and a /sys/fs/cgroup of these contents."""
    (place / "own").write_text(own)
    for name, content in files.items():
        file = place / "groups" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return place / "own", place / "groups"


V1 = "12:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n1:name=systemd:/docker/a\n"


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {"cgroup.procs": "1\n"}, None),  # the root of a machine has no limit
        # A group within a group within a limited one, as under SLURM or systemd: the least limit counts.
        (
            "0::/slurm/job_7/step_0\n",
            {"slurm/cpu.max": "800000 100000", "slurm/job_7/cpu.max": "400000 100000"},
            4.0,
        ),
        (
            "0::/slurm/job_7\n",
            {"slurm/cpu.max": "100000 100000", "slurm/job_7/cpu.max": "400000 100000"},
            1.0,
        ),
        ("0::/../../outside\n", {"cpu.max": "50000 100000"}, 0.5),
        (
            V1,
            {"cpu,cpuacct/docker/a/cpu.cfs_quota_us": "250000", "cpu,cpuacct/docker/a/cpu.cfs_period_us": "100000"},
            2.5,
        ),
        # A container sees its own group at the mount, by another path than /proc names.
        (V1, {"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3.0),
        (V1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        (V1, {"memory/docker/a/cpu.cfs_quota_us": "100", "memory/docker/a/cpu.cfs_period_us": "100"}, None),
        ("0::/\n", {"cpu.max": "nonsense"}, None),
        ("0::/\n", {"cpu.max": "100000 0"}, None),
        ("", {}, None),
    ],
)
def test_a_containers_share_of_the_cpu_is_read(own, files, expected, tmp_path):
    assert quota(*system(tmp_path, own, files)) == expected


@pytest.mark.parametrize(("share", "expected"), [(None, 8), (0.2, 1), (1.0, 1), (1.5, 2), (64.0, 8)])
def test_a_share_of_the_cpu_limits_the_cores(share, expected, monkeypatch):
    monkeypatch.setattr(module, "quota", lambda: share)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    assert cores() == expected


def test_the_count_of_newer_pythons_is_asked_where_there_is_one(monkeypatch):
    monkeypatch.setattr(module, "quota", lambda: None)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 3, raising=False)
    assert cores() == 3
