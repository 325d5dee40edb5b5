"""E-mail addresses in their normal form, by the field's standard library."""

from email_validator import EmailNotValidError, validate_email

from heliograph.errors import InvalidInput


def normalise_email_address(text: str, *, field: str = "to") -> str:
    """The address with its domain in lower case, international ones included (RFC 6531); no question is asked of DNS.

    `InvalidInput` names `field` and the rule.
    """
    try:
        return validate_email(text.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InvalidInput.of(field, f"is not an e-mail address: {error}", "email_address") from error
