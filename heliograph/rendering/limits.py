"""What a template may cost. Every limit is far above a real message and far below harm."""

from typing import Final

MAX_SOURCE: Final = 10_000
"""Characters of a template's body."""

MAX_OUTPUT: Final = 5_000
"""Characters of a rendered message. Providers' own, lower limits (Twilio: 1,600) are checked where they are known."""

MAX_TEXT: Final = 5_000
"""Characters of any text made on the way."""

MAX_ITEMS: Final = 1_000
"""Items of any list made on the way, and rounds of any one loop."""

MAX_STEPS: Final = 10_000
"""Nodes of the template that one rendering may execute: a loop is charged its rounds times the size of its body,
before it begins. With the limits above, this bounds the time: the worst template found takes a second."""

MAX_NUMBER: Final = 10**18
"""Magnitude of any whole number."""

MAX_DEPTH: Final = 40
"""Nesting of the template's nodes; Python's own compiler gives up not far above."""

MAX_FALLBACK: Final = 1_000
"""Characters of a fallback value."""
