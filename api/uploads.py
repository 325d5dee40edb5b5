"""A multipart upload, streamed: the file's bytes pass through to whoever stores them, the fields are kept."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from heliograph.errors import BadRequest, InvalidInput

if TYPE_CHECKING:  # the name is not there at run time
    from python_multipart.multipart import MultipartCallbacks

_FIELD_LIMIT: Final = 1000  # bytes
_FIELDS_LIMIT: Final = 20


class StreamedUpload:
    """Reads a `multipart/form-data` body with one part named `file`.

    `pieces` must be read to its end; then `fields` holds the other parts, wherever they stand in the body.
    """

    def __init__(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise InvalidInput.of("Content-Type", "is multipart/form-data with a boundary, or application/json")
        self._request = request
        self._parts = _Parts()
        self._parser = MultipartParser(boundary, self._parts.callbacks())

    @property
    def fields(self) -> dict[str, str]:
        """The parts beside the file; empty ones are left out."""
        return {
            name: text
            for name, value in self._parts.fields.items()
            if (text := value.decode("utf-8", "replace").strip())
        }

    @property
    def file_name(self) -> str:
        """As the caller named the file."""
        return self._parts.file_name

    async def pieces(self) -> AsyncIterator[bytes]:
        """The file's bytes as they arrive."""
        try:
            async for chunk in self._request.stream():
                self._parser.write(chunk)
                for piece in self._parts.take():
                    yield piece
            self._parser.finalize()
        except FormParserError as error:
            raise BadRequest("the body is not well-formed multipart/form-data", code="malformed_multipart") from error
        if self._parts.files != 1:
            raise InvalidInput.of("file", "is the one part that holds the CSV file", "file")
        if not self._parts.ended:
            raise BadRequest("the body ends before its closing boundary: the upload was cut off", code="cut_off")


class _Parts:
    """What the parser calls back; it reports bytes, so names and values are put together here."""

    def __init__(self) -> None:
        self.fields: dict[str, bytes] = {}
        self.file_name = ""
        self.files = 0
        self.ended = False
        self._pieces: list[bytes] = []
        self._header_name = self._header_value = b""
        self._field = ""
        self._in_file = False

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_part_data": self._data,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_end": self._end,
        }

    def take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def _begin_part(self) -> None:
        self._field, self._in_file = "", False

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._describe_part()
        self._header_name = self._header_value = b""

    def _describe_part(self) -> None:
        _, options = parse_options_header(self._header_value)
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        self._in_file = self._field == "file"
        if self._in_file:
            self.files += 1
            self.file_name = options.get(b"filename", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            if self.files == 1:
                self._pieces.append(data[start:end])
            return
        value = self.fields.get(self._field, b"") + data[start:end]
        if len(value) > _FIELD_LIMIT or len(self.fields) > _FIELDS_LIMIT:
            raise InvalidInput.of(self._field[:50] or "body", f"has at most {_FIELD_LIMIT} bytes", "field")
        self.fields[self._field] = value

    def _end(self) -> None:
        self.ended = True
