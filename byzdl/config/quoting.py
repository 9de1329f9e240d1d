"""Values that Hydra's grammar takes only in quotes, such as `~/images`, `/a (1)`, `bob's` or `/data/ü`."""

import difflib
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress

from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from byzdl.config.types import ConfigError

CLOSES = {"(": ")", "[": "]", "{": "}", "'": "'", '"': '"'}


def quoted(override: str) -> str:
    """Puts values in quotes that could not be read otherwise. Commas separate values, as always.

    Returns any other override as it is. In Hydra's own keys, `~` becomes the home folder, which Hydra leaves to the shell.

    **Raises:** `ConfigError` if a value may be meant as something other than plain text: a list, a function, quotes.

    >>> quoted("dataset.root=~/images,/data/a=b"), quoted("dataset.root=/data/my images"), quoted("seed=range(0,3)")
    ("dataset.root='~/images','/data/a=b'", 'dataset.root=/data/my images', 'seed=range(0,3)')
    """
    key, equals, value = override.partition("=")
    if not equals or not _reads(f"{key}=1") or _reads(override):
        return override
    if key.lstrip("+").startswith("hydra."):
        value = ",".join(os.path.expanduser(part) for part in _parts(value))
    readable = f"{key}={','.join(part if _reads(f'x={part}') else _quotes(part) for part in _parts(value))}"
    if _reads(readable) and not any(_is_more(part) and not _reads(f"x={part}") for part in _parts(value)):
        return readable
    raise ConfigError(f"{override}: {_reason(value)}; for plain text type {typed(key, value)}")


def typed(key: str, value: str) -> str:
    """What to type in a shell for a value that is one plain text.

    >>> print(typed("dataset.root", "/data/a,b"))
    "dataset.root='/data/a,b'"
    """
    safe = f"{key}={_quotes(value)}"
    return shlex.quote(safe) if re.search(r'[$`"\\!]', safe) else f'"{safe}"'


def _reads(override: str) -> bool:
    with suppress(HydraException):
        OverridesParser.create().parse_overrides([override])
        return True
    return False


def _quotes(value: str) -> str:
    return QuotedString(text=value.strip(), quote=Quote.single).with_quotes()


def _parts(value: str) -> list[str]:
    """The values between commas, but not between commas within brackets and quotes. All is one, if these do not close."""
    cuts, opened = [-1], ""
    for at, sign in enumerate(value):
        if opened and sign == CLOSES[opened[-1]]:
            opened = opened[:-1]
        elif sign in CLOSES and opened[-1:] not in ("'", '"'):
            # An apostrophe within a word opens nothing.
            opened += sign if sign not in "'\"" or at == cuts[-1] + 1 else ""
        elif sign == "," and not opened:
            cuts.append(at)
    return [value] if opened else [value[a + 1 : b] for a, b in zip(cuts, [*cuts[1:], len(value)], strict=True)]


def _is_more(part: str) -> bool:
    """Whether a part may be meant as something other than plain text."""
    return part.strip()[:1] in ("[", "{", "'", '"') or _function(part) is not None


def _function(part: str) -> str | None:
    """The name of the function that a part calls; None if it looks like no call."""
    found = re.match(r"\s*([A-Za-z_]\w*)\s*\(", part)
    known = found is not None and found[1] in _functions()
    return found[1] if found and (known or part.rstrip().endswith(")")) else None


def _functions() -> Iterator[str]:
    yield from create_functions().definitions


def _reason(value: str) -> str:
    part = next((part for part in _parts(value) if _is_more(part)), value)
    name = _function(part)
    if name is not None and name not in _functions():
        near = difflib.get_close_matches(name, _functions(), n=1)
        return f"no function {name}" + (f" (did you mean {near[0]}?)" if near else "")
    if name is not None:
        return f"wrong arguments of {name}, or a bracket that does not close"
    return "a bracket or quote that does not close, or a value within that needs quotes"
