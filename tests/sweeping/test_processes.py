"""Jobs side by side: what they return, how they fail, and where they run on several GPUs."""

import os
import resource
import signal
import tempfile
from multiprocessing.process import current_process
from pathlib import Path

import pytest
import torch

from byzdl.config.compose import compose
from byzdl.config.types import ConfigError
from byzdl.runs.gpus import PLACE, take_gpu
from byzdl.simulation.settings import parse
from byzdl.sweeping import sockets
from byzdl.sweeping.processes import Ended, side_by_side
from byzdl.sweeping.sockets import in_short_folder


def test_jobs_return_their_values_or_the_reasons_of_their_failures():
    def job(index):
        def fails():
            raise ValueError("x" * 200_000)  # more than a pipe holds

        return [lambda: "y" * 200_000, fails, lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(3)][index]

    large, failed, killed, left = side_by_side(4, job, limit=2)
    assert large == Ended("y" * 200_000, None)
    assert failed == Ended(None, "ValueError: " + "x" * 200_000)
    assert killed == Ended(None, "its process was killed (SIGKILL)")
    assert left == Ended(None, "its process ended with code 3")


def test_jobs_at_the_same_time_have_places_of_their_own_and_leave_no_files_open():
    # With few files allowed, a sweep of many runs must close those of the runs that have ended.
    open_files, most = len(os.listdir("/proc/self/fd")), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files + 24, most[1]))
    try:
        ended = side_by_side(12, lambda index: lambda: os.environ[PLACE], limit=2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
    assert {end.value for end in ended} <= {"0", "1"}
    assert ended[0].value == "0"


@pytest.mark.parametrize(
    ("device", "place", "count", "taken"),
    [
        ("cuda", "5", 4, [1]),
        ("cuda", "2", 4, [2]),
        ("cuda", "1", 1, []),  # nothing to choose
        ("cuda:3", "1", 4, []),  # the user has chosen
        ("cuda", None, 4, []),  # a single run
        ("cpu", "1", 4, []),
    ],
)
def test_runs_side_by_side_take_turns_over_the_gpus(device, place, count, taken, monkeypatch):
    found: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "set_device", found.append)
    monkeypatch.delenv(PLACE, raising=False)
    if place is not None:
        monkeypatch.setenv(PLACE, place)
    take_gpu(device)
    assert found == taken


def test_gpus_that_byzdl_cannot_use_are_refused_with_the_reason():
    with pytest.raises(
        ConfigError, match=r"^device is 'mps', but must be cpu, cuda or cuda:N \(there is no mps, which lacks"
    ):
        parse(compose("device=mps"))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """What multiprocessing remembers of its folder; none yet."""
    monkeypatch.setattr(current_process(), "_config", dict(current_process()._config))
    current_process()._config.pop("tempdir", None)
    monkeypatch.setattr(tempfile, "tempdir", None)
    return current_process()._config


@pytest.mark.parametrize("earlier", [False, True])
def test_a_socket_finds_a_short_folder_if_tmpdir_is_long(earlier, settings, tmp_path, monkeypatch):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    if earlier:  # the caller's own code has used multiprocessing
        settings["tempdir"] = str(long / "pymp-12345678")
    with in_short_folder():
        assert len(tempfile.gettempdir()) + sockets.WITHIN <= sockets.MOST
        assert "tempdir" not in settings
    assert tempfile.gettempdir() == str(long)
    assert settings.get("tempdir") == (str(long / "pymp-12345678") if earlier else None)


def test_a_socket_stays_where_it_always_was_if_tmpdir_is_short(settings, tmp_path, monkeypatch):
    short = tempfile.mkdtemp(dir="/tmp")
    try:
        monkeypatch.setenv("TMPDIR", short)
        with in_short_folder():
            assert tempfile.gettempdir() == short
    finally:
        os.rmdir(short)


def test_without_any_folder_for_a_socket_tmpdir_is_named(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    monkeypatch.setattr(sockets, "_others", lambda: ["/dev/null/none", "relative", "/" + "x" * 90])
    told = r"^TMPDIR is .*none', but must be a folder to write to, of at most 71 bytes$"
    with pytest.raises(ConfigError, match=told), in_short_folder():
        pass


def test_a_sweep_starts_where_tmpdir_is_long(tmp_path, monkeypatch):
    """A server of its own, as the first sweep of a process starts."""
    long = Path(tempfile.mkdtemp(dir=tmp_path, suffix="x" * 90))
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setattr(current_process(), "_config", {**current_process()._config, "tempdir": None})
    from multiprocessing import forkserver

    server = forkserver.ForkServer()
    server.set_forkserver_preload([])
    try:
        with in_short_folder():
            server.ensure_running()
        assert len(server._forkserver_address) <= sockets.MOST
        assert not list(long.iterdir())
    finally:
        server._stop()
