"""Breaks the endless lines of compiled HTML where nobody can see it: inside tags, just before their closing bracket.

Mail may hold lines of at most 998 octets. A message that keeps to that travels as it is; one that doesn't has to be
quoted for every person, which takes longer than filling it in. Imports no Django.
"""

import re

WIDTH = 500  # the rest of the 998 is room for what a person's data adds
_PIECES = re.compile(
    r"<!--.*?-->|<(style|script|textarea|title)\b.*?</\1\s*>"
    r"|(?P<tag></?[a-zA-Z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(?P<end>/?>)",
    re.DOTALL | re.IGNORECASE,
)


def wrap(html: str) -> str:
    """`html` with line breaks inside tags wherever a line has grown longer than WIDTH; it means the same."""
    out, done, line_start = [], 0, 0
    for piece in _PIECES.finditer(html):
        line_start = max(line_start, html.rfind("\n", line_start, piece.end()) + 1)
        if piece["tag"] and piece.start("end") - line_start > WIDTH:
            line_start = piece.start("end")
            out += [html[done:line_start], "\n"]
            done = line_start
    return "".join(out) + html[done:]
