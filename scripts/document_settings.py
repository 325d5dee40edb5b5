"""Writes the table of settings into docs/operating.md, between its two marks."""

from pathlib import Path

from heliograph.settings import Settings
from heliograph.stack.environment import variable

PAGE = Path(__file__).parent.parent / "docs" / "operating.md"
BEGIN, END = "<!-- settings: written by `make docs` -->\n", "<!-- end of settings -->"


def table() -> str:
    """One row a setting: variable, default, meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, ()) else f"`{field.default}`"
        rows.append(f"| `{variable(name)}` | {default} | {field.description or name.replace('_', ' ')} |")
    return "\n".join(rows) + "\n"


def rendered(page: str) -> str:
    """The page with the present table."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


def main() -> None:
    """Renews the page."""
    PAGE.write_text(rendered(PAGE.read_text()))


if __name__ == "__main__":
    main()
