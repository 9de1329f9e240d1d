"""The README's tables name all that there is to compare, and link to what is there."""

import re
from pathlib import Path

import pytest
import yaml
from helpers import choices

from byzdl.config.keys import GROUPS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
TABLES = TEXT[TEXT.index("## What there is to compare") : TEXT.index("## A defense of your own")]


@pytest.mark.parametrize("group", GROUPS)
def test_every_choice_is_in_a_table(group):
    named = set(re.findall(r"\[([\w.]+)\]\(|`([\w.]+)`", TABLES))
    missing = set(choices(group)) - {name for pair in named for name in pair}
    assert not missing, f"{group}: {', '.join(sorted(missing))}"


def test_every_choice_in_a_table_links_to_the_line_where_its_class_begins():
    classes: dict[str, set[str]] = {}
    for file in (ROOT / "conf").glob("*/*.yaml"):
        target = yaml.safe_load(file.read_text(encoding="utf-8")).get("_target_", "")
        classes.setdefault(file.stem, set()).add(target.rpartition(".")[2])
    linked = [link for link in re.findall(r"\[([\w.]+)\]\((byzdl/[\w/]+\.py)(#L\d+)?\)", TABLES) if link[0] in classes]
    assert len(linked) > 70
    right = []
    for name, file, _ in linked:
        begins = [f"class {one}(" for one in classes[name]]
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        right += [(name, file, f"#L{i}") for i, line in enumerate(lines, 1) if any(map(line.startswith, begins))]
    assert linked == right


def test_every_link_into_the_repository_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)", TEXT) if "://" not in link]
    assert len(links) > 50
    assert not [link for link in links if not (ROOT / link).exists()]
