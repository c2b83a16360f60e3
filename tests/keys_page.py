"""The tables of docs/keys.md: `python -m tests.keys_page` writes them into the page."""

from pathlib import Path

from cma_tui.keymap import DEFAULT
from cma_tui.keys import SECTIONS

PAGE = Path(__file__).parents[1] / "docs" / "keys.md"
BEGIN = "<!-- the tables below are made from cma_tui/keys.py -->\n"


def code(text):
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def tables():
    lines = []
    for section in SECTIONS:
        lines += [f"## {section.title}", "", "| keys | what | ids |", "|---|---|---|"]
        for row in section.rows:
            ids = " ".join(f"`{action.id}`" for action in row.actions)
            lines.append(f"| {code(DEFAULT.row(row))} | {row.does} | {ids} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    before = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    PAGE.write_text(f"{before}{BEGIN}\n{tables()}", encoding="utf-8")
