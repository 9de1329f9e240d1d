"""Words of the commands' messages."""


def counted(number: int, what: str) -> str:
    """Counts things in words.

    >>> counted(1, "run"), counted(2, "missing run")
    ('1 run', '2 missing runs')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"
