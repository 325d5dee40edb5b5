"""Texts of e-mails for platforms that take HTML alone."""

from html import escape


def as_html(text: str) -> str:
    """The text with its line breaks, and nothing in it that HTML would read as its own."""
    return "<br>\n".join(escape(text, quote=False).splitlines())
