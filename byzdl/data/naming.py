"""Names in messages of one line."""

from collections.abc import Iterable

LISTED = 5  # names in a message


def listed(names: Iterable[str]) -> str:
    """The first names of a list, and the number of the others.

    >>> listed("abcdefg")
    'a, b, c, d, e and 2 more'
    """
    every = list(names)
    more = f" and {len(every) - LISTED} more" if len(every) > LISTED else ""
    return ", ".join(every[:LISTED]) + more
