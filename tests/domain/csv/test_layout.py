"""What is read from the head of a file, and what is refused there."""

import pytest

from heliograph.domain.csv.columns import variable_name
from heliograph.domain.csv.layout import HEAD_BYTES, Declared, Layout, read_layout
from heliograph.errors import InvalidInput

ROW = "\n+4915123456789"


def _layout(text: str | bytes, **declared: str) -> Layout:
    data = text.encode() if isinstance(text, str) else text
    return read_layout(data[:HEAD_BYTES], Declared(**declared), at_end=len(data) <= HEAD_BYTES)


def _refusal(text: str | bytes, **declared: str) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        _layout(text, **declared)
    (broken,) = caught.value.errors
    return broken.field, broken.code


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_in_the_header(separator: str) -> None:
    header = separator.join(["Name", '"Last, first; or | so"', "Mobile"])
    assert _layout(f"{header}{ROW}").separator == separator


def test_a_single_column_needs_no_separator() -> None:
    layout = _layout(f"phone{ROW}")
    assert (layout.separator, layout.names, layout.variables) == (",", ["phone"], [])


def test_the_line_of_excel_before_the_header_names_the_separator() -> None:
    layout = _layout(f"sep=;\r\nphone;note, more{ROW};x")
    assert (layout.separator, layout.header, layout.line) == (";", ["phone", "note, more"], 3)


@pytest.mark.parametrize(
    ("encoding", "found", "mark"),
    [("utf-8", "utf-8", 0), ("utf-8-sig", "utf-8", 3), ("utf-16-le", "utf-16-le", 0), ("utf-16-be", "utf-16-be", 0)],
)
def test_the_encoding_is_found(encoding: str, found: str, mark: int) -> None:
    text = "phone;Straße;emoji\n+4915123456789;Ä;😀\n"
    layout = _layout(text.encode(encoding))
    assert (layout.encoding, layout.header) == (found, ["phone", "Straße", "emoji"])
    assert layout.offset == mark + len("phone;Straße;emoji\n".encode(found))


def test_utf_16_with_a_mark_is_found() -> None:
    assert _layout(f"phone{ROW}".encode("utf-16")).encoding == "utf-16-le"
    assert _layout(b"\xfe\xff" + f"phone{ROW}".encode("utf-16-be")).encoding == "utf-16-be"


def test_another_encoding_is_declared() -> None:
    layout = _layout(f"phone;prénom{ROW}".encode("latin-1"), encoding="Latin-1")
    assert layout.names == ["phone", "prénom"]


def test_a_header_may_hold_quoted_line_ends() -> None:
    layout = _layout(f'"phone\nnumber",name{ROW}')
    assert (layout.header[0], layout.names[0], layout.line) == ("phone\nnumber", "phone_number", 3)


def test_the_surer_name_is_the_number() -> None:
    assert _layout(f"phone,mobile,to{ROW}").phone == 1
    assert _layout(f"phone,mobile,to{ROW}", phone_column="phone").phone == 0
    assert _layout(f"id;Kontakt{ROW}", phone_column="kontakt").phone == 1


def test_a_country_column_is_found() -> None:
    assert _layout(f"phone,Country{ROW}").country == 1
    assert _layout(f"phone,land{ROW}").country is None


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("First name", "first_name"),
        ("  Город ", "город"),
        ("2nd", "column_2nd"),
        ("for", "for_"),
        ("a--b", "a_b"),
        ("%", ""),
        ("ﬁrst", "first"),
    ],
)
def test_columns_get_names_that_templates_can_use(column: str, name: str) -> None:
    assert variable_name(column) == name


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", ("file", "empty")),
        (b"\xef\xbb\xbf\r\n  \r\n", ("file", "empty")),
        (b"PK\x03\x04" + b"x" * 100, ("file", "binary")),
        (b"\x00\x01\x02\x03" * 100, ("file", "binary")),
        (b"\xff\xfe\x00\x00p\x00\x00\x00", ("encoding", "encoding")),
        (b"phone,name\n", ("file", "no_rows")),
        (b"phone,Phone\n+4915123456789,x\n", ("header", "doubled")),
        (b"First name,phone,first-name\na,b,c\n", ("header", "doubled")),
        (b"+4915123456789,Anna\n+4915123456788,Ben\n", ("header", "missing")),
        (b"id,name\n1,Anna\n", ("phone_column", "phone_column")),
        (b'phone,"name\n+4915123456789,x\n', ("header", "unclosed_quote")),
        (b"phone,pr\xe9nom\n+4915123456789,x\n", ("header", "not_decodable")),
        (b"phone," + b"c," * 1500 + b"\n+49\n", ("header", "columns")),
        (b"phone" + b",column" * 10_000_000 + b"\n", ("header", "too_long")),
        (b"phone," + b"x" * 200 + b"\n+4915123456789,x\n", ("header", "name")),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value[1],
)
def test_a_file_that_cannot_be_read_is_refused_by_field_and_rule(data: bytes, refusal: tuple[str, str]) -> None:
    assert _refusal(data) == refusal


def test_what_is_declared_must_be_true() -> None:
    assert _refusal(f"phone{ROW}", phone_column="mobile") == ("phone_column", "phone_column")
    assert _refusal(f"phone{ROW}", separator="x") == ("separator", "separator")
    assert _refusal(f"phone{ROW}", encoding="utf-7") == ("encoding", "encoding")
    assert _refusal(f"phone{ROW}", encoding="rot13") == ("encoding", "encoding")
    assert _refusal(f"phone{ROW}", encoding="klingon") == ("encoding", "encoding")
    assert _refusal(b"\xef\xbb\xbf" + f"phone{ROW}".encode(), encoding="cp1252") == ("encoding", "encoding")
