"""Adds to the documentation site what mkdocs lacks: pages from outside of docs/, a notebook, links to source files.

The documents link to one another and to source files, so that a code host resolves every link. On the site, links
between documents stay, and a link to a choice's file leads to its place in the API reference. Other links to source
files lead to `repo_url`, or are plain text where none is configured.
"""

import base64
import json
import posixpath
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import catalogue
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = catalogue.ROOT

# Documents of the root that are pages of the site.
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
ORIGINS = {page: origin for origin, page in PAGES.items()}

# The API page that lists the classes of a group's choices, behind the room's own names.
API = {"attack": "api/attacks.md", "defense": "api/defenses.md", "pre": "api/preaggregation.md"}

FENCE = re.compile(r"^\s*(```|~~~)")
CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<link>[^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for origin, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / origin).read_text(encoding="utf-8")))
    for notebook in sorted(Path(config.docs_dir).glob("*.ipynb")):
        for name, content in _pages_of(notebook):
            files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    uri = page.file.src_uri
    if uri in API.values():
        markdown += "".join(_classes(next(group for group in API if API[group] == uri)))
    return "\n".join(_lines(markdown, uri, config, files))


def _classes(group: str) -> Iterator[str]:
    """Yields the sections of an API page with the choices' classes. A new choice appears without being listed."""
    yield "\n\n## Choices\n\n"
    options = {"heading_level": 3, "show_root_heading": True, "show_root_toc_entry": True}
    for target in sorted({choice.target for choice in catalogue.choices(group) if choice.target}):
        yield f"::: {target}\n    options: {json.dumps(options)}\n\n"


def _lines(markdown: str, uri: str, config: MkDocsConfig, files: Files) -> Iterator[str]:
    """Yields the lines of a page with the site's links. Code stays as it is."""
    # A link's text may continue in the next line, but not in the next paragraph.
    fence: str | None = None
    paragraph: list[str] = []
    for line in [*markdown.split("\n"), ""]:
        mark = FENCE.match(line)
        if fence is None and mark is None and line.strip():
            paragraph.append(line)
            continue
        if paragraph:
            yield _linked("\n".join(paragraph), uri, config, files)
            paragraph = []
        if mark is not None:
            fence = mark[1] if fence is None else None if mark[1] == fence else fence
        yield line


def _linked(paragraph: str, uri: str, config: MkDocsConfig, files: Files) -> str:
    code = [match.span() for match in CODE.finditer(paragraph)]

    def new(match: re.Match[str]) -> str:
        inside = any(start < match.start() < end for start, end in code)
        return match[0] if inside else _link(match, uri, config, files)

    return LINK.sub(new, paragraph)


def _link(match: re.Match[str], uri: str, config: MkDocsConfig, files: Files) -> str:
    path, _, anchor = match["link"].partition("#")
    if "://" in path or not path or path.startswith(("mailto:", "/")):
        return match[0]
    here = ORIGINS.get(uri, f"docs/{uri}")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
    page = PAGES.get(target, re.sub(r"\.ipynb$", ".md", target.removeprefix("docs/")))
    if (target in PAGES or target.startswith("docs/")) and files.get_file_from_path(page):
        relative = posixpath.relpath(page, posixpath.dirname(uri) or ".")
        return f"{match['image']}[{match['text']}]({relative}{'#' + anchor if anchor else ''})"
    if not (ROOT / target).exists():
        return match[0]  # `mkdocs build --strict` complains of it
    if identifier := _identifier(match["text"].strip("`"), target):
        return f"[{match['text']}][{identifier}]"
    if config.repo_url:
        kind = "tree" if (ROOT / target).is_dir() else "blob"
        return f"[{match['text']}]({config.repo_url.rstrip('/')}/{kind}/HEAD/{target}{'#' + anchor if anchor else ''})"
    return match["text"]


def _identifier(text: str, path: str) -> str | None:
    """Finds the class behind a link to a source file: the choice with the link's text, or the only one there."""
    found = [one for one in _choices() if one.file.as_posix() == path]
    named = {one.target for one in found if one.name == text}
    targets = named or {one.target for one in found}
    return targets.pop() if len(targets) == 1 else None


@cache
def _choices() -> list[catalogue.Choice]:
    return [one for group in catalogue.TITLES for one in catalogue.choices(group)]


def _pages_of(notebook: Path) -> Iterator[tuple[str, str | bytes]]:
    """Yields a notebook as Markdown, and its pictures, each with its path on the site."""
    parts: list[str] = []
    pictures = 0
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        if cell["cell_type"] != "code":
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            data: dict[str, Any] = output.get("data", {})
            if "image/png" in data:
                name = f"{notebook.stem}/{pictures}.png"
                pictures += 1
                yield name, base64.b64decode("".join(data["image/png"]))
                parts.append(f"![Output of the code above]({name})")
            elif text := "".join(data.get("text/plain", output.get("text", []))).rstrip():
                parts.append(f"```text\n{text}\n```")
    yield f"{notebook.stem}.md", "\n\n".join(parts) + "\n"
