"""Escapes labels for figures and tables, so that every character of a name shows as itself."""

LATEX = {
    **{c: rf"\{c}" for c in "&%$#_{}"},
    "\\": "textbackslash",
    "~": "textasciitilde",
    "^": "textasciicircum",
    "|": "textbar",
    "<": "textless",
    ">": "textgreater",
}

MARKDOWN = {**{c: rf"\{c}" for c in "\\|*`"}, "<": "&lt;", "&": "&amp;"}


def latex(text: str) -> str:
    r"""Escapes a text for LaTeX.

    >>> print(latex("d_krum 50% ~a"))
    d\_krum 50\% \textasciitilde{}a
    """
    return "".join(f"\\{to}{{}}" if (to := LATEX.get(c, c)).startswith("text") else to for c in text)


def markdown(text: str) -> str:
    r"""Escapes a text for a cell of a Markdown table.

    Underscores stay: within a word they mean nothing.

    >>> print(markdown("loss_threshold a|b"))
    loss_threshold a\|b
    """
    return "".join(MARKDOWN.get(c, c) for c in text)


def figure(text: str) -> str:
    r"""Escapes a text for matplotlib, which reads what stands between two dollars as mathematics.

    >>> print(figure("$x$"))
    \$x\$
    """
    return text.replace("$", r"\$")
