"""What can go wrong with a template: when it is saved, and when it is rendered for one recipient.

    InvalidInput
    ├── TemplateInvalid       refused when saved: names the line and the rule
    └── TemplateRefused         this recipient gets nothing; `code` is the reason in the ledger
        ├── VariableMissing   missing_variable: the text needs a variable that the recipient lacks
        ├── TemplateFailed    template_error: a limit or an error met while rendering
        ├── MessageTooLong    message_too_long
        └── MessageEmpty      empty_message: nothing but space came out

`RuleBroken` is raised below, by operators and filters, and never leaves this package.
"""

from heliograph.errors import FieldError, InvalidInput
from heliograph.rendering.limits import MAX_OUTPUT

BODY = "body"


class TemplateInvalid(InvalidInput):
    """The body cannot be a template."""

    default_code = "invalid_template"
    title = "Invalid template"

    def __init__(self, rule: str, *, line: int | None = None) -> None:
        self.line = line
        rule = rule if line is None else f"line {line}: {rule}"
        super().__init__(f"{BODY}: {rule}", errors=[FieldError(BODY, rule, self.default_code)])


class TemplateRefused(InvalidInput):
    """No message for this recipient."""

    title = "Message refused"


class VariableMissing(TemplateRefused):
    """The text needs `variable`; the recipient has none, or a blank one."""

    default_code = "missing_variable"

    def __init__(self, variable: str) -> None:
        self.variable = variable
        rule = "is missing or blank, and the template refuses such recipients"
        super().__init__(
            f"variables.{variable}: {rule}", errors=[FieldError(f"variables.{variable}", rule, self.default_code)]
        )


class TemplateFailed(TemplateRefused):
    """The template met a limit or an error. The text names the rule, never a value."""

    default_code = "template_error"

    def __init__(self, rule: str, *, line: int | None = None) -> None:
        self.line = line
        rule = rule if line is None else f"line {line}: {rule}"
        super().__init__(f"{BODY}: {rule}", errors=[FieldError(BODY, rule, self.default_code)])


class LimitReached(TemplateFailed):
    """The template met a limit of `limits.py`: it would meet it for many recipients."""


class MessageTooLong(TemplateRefused):
    """More characters than a message may have."""

    default_code = "message_too_long"

    def __init__(self) -> None:
        rule = f"the message would be longer than {MAX_OUTPUT:,} characters"
        super().__init__(f"{BODY}: {rule}", errors=[FieldError(BODY, rule, self.default_code)])


class MessageEmpty(TemplateRefused):
    """Nothing but space came out."""

    default_code = "empty_message"

    def __init__(self) -> None:
        rule = "the message would be empty"
        super().__init__(f"{BODY}: {rule}", errors=[FieldError(BODY, rule, self.default_code)])


class RuleBroken(Exception):
    """An operator, a filter or a value breaks `rule`."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class LimitExceeded(RuleBroken):
    """The rule is a limit."""
