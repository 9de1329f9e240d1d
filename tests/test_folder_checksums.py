"""Checksums of folders: of names and contents alone, remembered, and never out of date."""

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byzdl import files
from byzdl.files import checksum, looking_once


@pytest.fixture(autouse=True)
def memos(tmp_path, monkeypatch):
    """A cache folder of this test's own, and no memory of other tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(files, "_checksums", {})
    return tmp_path / "xdg" / "byzdl" / "checksums"


@pytest.fixture
def reads(monkeypatch):
    """The files whose content is read."""
    found: list[str] = []
    read = files._content
    monkeypatch.setattr(files, "_content", lambda file: found.append(file.name) or read(file))
    return found


@pytest.fixture
def old(monkeypatch):
    """All files count as old enough that a later change shows in their times."""
    monkeypatch.setattr(files, "YOUNG", -(10**18))


def write(root: Path, contents: dict[str, bytes]) -> Path:
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


TREE = {"train/cat/0.png": b"one", "train/dog/0.png": b"two", "notes.txt": b"three"}


def test_a_copy_has_the_same_checksum_and_hidden_names_do_not_count(tmp_path):
    first = checksum(write(tmp_path / "A", TREE))
    shutil.copytree(tmp_path / "A", tmp_path / "B")
    write(tmp_path / "B", {".git/config": b"1", "train/._0.png": b"1", "train/cat/Thumbs.db": b"1", "__MACOSX/0": b"1"})
    assert checksum(tmp_path / "B") == first
    assert checksum(write(tmp_path / "C", {"e\u0301.png": b"1"})) == checksum(write(tmp_path / "D", {"é.png": b"1"}))


CONTENTS = st.dictionaries(
    st.sampled_from(["a", "b", "ab", "a.b", "c/a", "c/b", "c/d/a", "é"]), st.binary(max_size=3), max_size=5
)


@settings(max_examples=40)
@given(one=CONTENTS, other=CONTENTS)
def test_folders_share_a_checksum_if_and_only_if_they_share_names_and_contents(one, other):
    with TemporaryDirectory() as place:
        for name, contents in (("one", one), ("other", other)):
            (Path(place) / name).mkdir()
            write(Path(place) / name, contents)
        same = checksum(Path(place) / "one") == checksum(Path(place) / "other")
    assert same == (one == other)


def test_files_are_read_once_and_again_after_any_change(tmp_path, reads, old, memos):
    root = write(tmp_path / "A", TREE)
    first = checksum(root)
    assert len(reads) == 3
    assert checksum(root) == first
    assert len(reads) == 3
    # Another process has the memo alone.
    files._checksums.clear()
    assert checksum(root) == first
    assert len(reads) == 3
    # Rewritten in place, with the same size and times.
    file = root / "train/cat/0.png"
    times = file.stat()
    file.write_bytes(b"eno")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert checksum(root) != first
    assert len(reads) == 6


def test_what_has_just_been_written_is_not_remembered(tmp_path, reads, memos):
    """A second write within one tick of the file system's clock would not show."""
    root = write(tmp_path / "A", TREE)
    assert checksum(root) == checksum(root)
    assert len(reads) == 6
    assert not memos.exists()


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"torn", "swap"])
def test_a_damaged_memo_is_computed_anew(tmp_path, reads, old, memos, damage):
    root = write(tmp_path / "A", TREE)
    first = checksum(root)
    (memo,) = memos.iterdir()
    content = memo.read_bytes()
    memo.write_bytes(content.replace(first.encode(), b"0" * 12) if damage == "swap" else damage)
    files._checksums.clear()
    assert checksum(root) == first
    assert len(reads) == 6
    assert memo.read_bytes() == content


def test_no_place_for_memos_costs_time_alone(tmp_path, monkeypatch, old, reads):
    root = write(tmp_path / "A", TREE)
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "taken"))
    assert checksum(root) == checksum(root)
    assert len(reads) == 3  # this process remembers by itself


def test_links_in_a_circle_end_and_links_to_nothing_count_by_name(tmp_path):
    root = write(tmp_path / "A", TREE)
    (root / "train" / "again").symlink_to(root)
    (root / "train" / "more").symlink_to(root / "train")
    before = checksum(root)
    (root / "lost.png").symlink_to("nowhere")
    assert checksum(root) != before


def test_a_plan_looks_at_each_folder_once(tmp_path, reads):
    root = write(tmp_path / "A", TREE)
    with looking_once():
        first = checksum(root)
        write(root, {"more.png": b"1"})
        assert checksum(root) == first
    assert checksum(root) != first
