"""Reads form bodies: the one thing the simulator does for every request that is worth doing by hand."""

from typing import Final

_BYTES: Final = {
    f"{high}{low}".encode(): bytes([int(high + low, 16)])
    for high in "0123456789abcdefABCDEF"
    for low in "0123456789abcdefABCDEF"
}


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form; of a repeated field the last."""
    form = {}
    for pair in body.split(b"&"):
        name, _, value = pair.partition(b"=")
        form[name.decode("ascii", "replace")] = decode(value)
    return form


def decode(value: bytes) -> str:
    """A form value's text; what is no escape stays as it is."""
    if b"+" in value:
        value = value.replace(b"+", b" ")
    first, *escaped = value.split(b"%")
    if not escaped:
        return value.decode("utf-8", "replace")
    pieces = [first]
    for piece in escaped:
        byte = _BYTES.get(piece[:2])
        if byte is None:
            pieces += (b"%", piece)
        else:
            pieces += (byte, piece[2:])
    return b"".join(pieces).decode("utf-8", "replace")
