"""The generated parts of docs/comparison.md: what stands between the marks of a name."""

from __future__ import annotations

import re


def marks(name: str) -> tuple[str, str]:
    return f"<!-- measured: {name} -->", f"<!-- end of {name} -->"


def with_part(text: str, name: str, part: str) -> str:
    """The text with what stands between the marks of a name replaced."""
    begin, end = marks(name)
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"the document needs the lines {begin} and {end} once each, in this order")
    head, rest = text.split(begin)
    return f"{head}{begin}\n{part.strip()}\n{end}{rest.split(end)[1]}"


def with_parts(text: str, parts: dict[str, str]) -> str:
    for name, part in parts.items():
        text = with_part(text, name, part)
    return text


def names(text: str) -> list[str]:
    """The names of all parts that a document has."""
    return re.findall(r"<!-- measured: (.+?) -->", text)


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown; all columns but the first hold figures or words about them."""
    if not rows:
        return ""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1)] + [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def figure(value: float) -> str:
    """A figure with three digits that matter, and a comma for thousands."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
