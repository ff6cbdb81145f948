"""What must not be written into a cassette: secrets, by the name that they stand under or by what they look like.

Every pattern works in time linear in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import quote, unquote, unquote_plus

from attrs import evolve, field, frozen

from jackfield.errors import ConfigurationError
from jackfield.http import HttpRequest, whole, write_json

from .bodies import json_of
from .exchange import RecordedExchange

__all__ = ["SCRUBBED", "Scrub"]

SCRUBBED: Final = "SCRUBBED"  # can stand in a header, in a URL and in JSON
SHORTEST: Final = 8  # so much of a secret is one; "none" or "test" opens nothing and stands everywhere

FIELD: Final = (
    "(?:x[-_])?(?:goog[-_])?api[-_]?key|authorization|passw(?:or)?d|passphrase|secret|credentials?|cookie"
    "|(?:access|refresh|auth|session|id|api|bearer|security)[-_]?token|(?:client|app)[-_]?secret"
    "|(?:private|access|secret|subscription)[-_]?key|(?:organization|org|account|project)[-_]?id"
)
HEADER: Final = re.compile(
    rf"(?:.*[-_])?(?:{FIELD}|set-cookie2?|token|signature|organization|account|project|session(?:-id)?)", re.IGNORECASE
)
FIELD_NAME: Final = re.compile(FIELD, re.IGNORECASE)
PARAMETER: Final = re.compile(rf"{FIELD}|key|token|sig|signature|code|x-amz-\w+", re.IGNORECASE)
BEGINNINGS: Final = (
    "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|hf_|npm_|gsk_|xai-|r8_|glpat-|dop_v1_|pplx-|nvapi-|csk-|tgp_v1_|fw_"
)
LOOSE: Final = r"[^\s\"',;&}\]]"  # what a value without quotes is made of
PATTERNS: Final = (
    r"(?<![A-Za-z0-9])[spr]k[-_][A-Za-z0-9_-]{8,}",
    rf"(?<![A-Za-z0-9])(?:{BEGINNINGS})[A-Za-z0-9_-]{{16,}}",
    r"(?<![A-Za-z0-9])(?:org|proj|user|acct)[-_][A-Za-z0-9]{16,}",
    r"(?<![A-Za-z0-9])(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}",
    r"(?<![A-Za-z0-9])A(?:KI|SI)A[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}",
    r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"(?s)-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)",
    r"(?<=://)[^/\s\"'?#@]{1,400}(?=@)",
    r"(?i:(?:bearer|basic)\s{1,9})(?P<secret>(?=[A-Za-z./-]{0,99}[0-9=_~+])[A-Za-z0-9._~+/=-]{8,})",
    rf"(?i:(?:{FIELD})(?: provided)?\s{{0,9}}[:=]\s{{0,9}})(?P<secret>(?={LOOSE}{{0,99}}\d){LOOSE}{{8,}})",
    r"(?<=[?&])(?i:key|token|sig|signature)=(?P<secret>[^&#\s\"']{4,})",
    # a member of JSON that stands in a text, and one of JSON inside a string of JSON
    rf"\"(?i:{FIELD})\"\s{{0,9}}:\s{{0,9}}\"(?P<secret>(?:[^\"\\]|\\.)+)\"",
    rf"(?P<quote>\\{{1,15}}\")(?i:{FIELD})(?P=quote)\s{{0,9}}:\s{{0,9}}(?P=quote)(?P<secret>(?:(?!(?<!\\)(?P=quote)).)+)",
)

Span: TypeAlias = tuple[int, int]


def _texts(value: Iterable[str]) -> tuple[str, ...]:
    given: Any = value
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise ConfigurationError(f"scrub: expected a list of texts, got {given!r}")
    return tuple(given)


def _compiled(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    made = []
    for pattern in patterns:
        try:
            made.append(re.compile(pattern))
        except re.error as error:
            raise ConfigurationError(f"scrub: {pattern!r} is not a regular expression: {error}") from None
    return tuple(made)


OURS: Final = _compiled(PATTERNS)


@frozen
class Scrub:
    r"""What is replaced by `SCRUBBED` in a cassette, beside what always is.

    Always replaced are: the credential that was used, wherever it is quoted; headers, fields of JSON and parameters of
    a query that bear the name of a key, a password, a cookie, an account or an organization; and texts that look like
    keys. A cassette is compared with what a test sends after the same has been done to that.

    Attributes:
        headers: names of further headers.
        fields: names of further fields of JSON and parameters of queries.
        patterns: regular expressions; of one with a group `(?P<secret>...)` that group is replaced, else all it finds.
        values: texts to replace as they stand; those under 8 characters are not looked for.
        find: a function that is given a text, and gives those texts in it that are to be replaced.

    Raises:
        ConfigurationError: a value is not a list of texts, or a pattern is not one.
    """

    headers: tuple[str, ...] = field(default=(), converter=_texts)
    fields: tuple[str, ...] = field(default=(), converter=_texts)
    patterns: tuple[str, ...] = field(default=(), converter=_texts)
    values: tuple[str, ...] = field(default=(), converter=_texts, repr=False)
    find: Callable[[str], Iterable[str]] | None = None
    _compiled: tuple[re.Pattern[str], ...] = field(init=False, eq=False, repr=False)
    _names: frozenset[str] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_compiled", _compiled(self.patterns))
        object.__setattr__(self, "_names", frozenset(name.lower() for name in self.fields))

    def knowing(self, secrets: Iterable[str]) -> Scrub:
        """The same, which knows these very secrets as well."""
        return evolve(self, values=(*self.values, *secrets))

    def exchange(self, one: RecordedExchange) -> RecordedExchange:
        """An exchange that can be written down."""
        pieces = self.pieces(one.pieces)
        return evolve(one, request=self.request(one.request), headers=self._heads(one.headers), pieces=pieces)

    def request(self, request: HttpRequest) -> HttpRequest:
        """A request that can be written down."""
        return evolve(
            request,
            origin=self.text(request.origin),
            path=self.path(request.path),
            headers=self._heads(request.headers),
            body=b"".join(self.pieces((whole(request.body),))),
        )

    def text(self, text: str) -> str:
        """A text without its secrets."""
        kept, start = [], 0
        for begin, end in self._spans(text):
            kept += [text[start:begin], SCRUBBED]
            start = end
        return "".join(kept) + text[start:]

    def path(self, path: str) -> str:
        """A path with its query."""
        place, mark, query = path.partition("?")
        plain = unquote(place)
        if (clean := self.text(plain)) != plain:
            place = quote(clean, safe="/:@!$&'()*+,;=~-._")
        return place + mark + "&".join(self._parameter(one) for one in query.split("&"))

    def pieces(self, pieces: Iterable[bytes]) -> tuple[bytes, ...]:
        """A body in pieces. What is found across a cut is replaced where it begins, and the cut stays."""
        pieces = tuple(pieces)
        whole = b"".join(pieces)
        value = json_of(whole)
        if value is not None:
            clean = self.data(value)
            return pieces if clean == value else (write_json(clean),)
        text = whole.decode("utf-8", "surrogateescape")
        spans, at, size = [], 0, 0
        for begin, end in self._spans(text):
            size += len(text[at:begin].encode("utf-8", "surrogateescape"))
            length = len(text[begin:end].encode("utf-8", "surrogateescape"))
            spans.append((size, size + length))
            at, size = end, size + length
        return tuple(_cut(pieces, spans)) if spans else pieces

    def data(self, value: Any, name: str = "") -> Any:
        """What JSON says, with the secrets in it replaced; `name` is that of the field."""
        if isinstance(value, dict):
            return {self.text(key): self.data(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.data(item, name) for item in value]
        if isinstance(value, str):
            return SCRUBBED if value and self._is_field(name) else self._string(value)
        # as a number, since whoever reads the reply expects one
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return 0 if is_number and self._is_field(name) else value

    def _string(self, text: str) -> str:
        inner = json_of(text.encode("utf-8", "surrogatepass"))  # as the arguments of a tool
        if inner is None or (clean := self.data(inner)) == inner:
            return self.text(text)
        return write_json(clean).decode()

    def hides(self, header: str) -> bool:
        """Whether the whole value of a header is replaced."""
        return header in {name.lower() for name in self.headers} or HEADER.fullmatch(header) is not None

    def _heads(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: SCRUBBED if self.hides(name) else self.text(value) for name, value in headers.items()}

    def _is_field(self, name: str) -> bool:
        return name.lower() in self._names or FIELD_NAME.fullmatch(name) is not None

    def _parameter(self, text: str) -> str:
        name, equals, value = text.partition("=")
        if equals and value and (name.lower() in self._names or PARAMETER.fullmatch(name)):
            return f"{name}={SCRUBBED}"
        for plain in (unquote(value), unquote_plus(value)):
            if (clean := self.text(plain)) != plain:
                return f"{name}={quote(clean, safe='')}"
        return text

    def _spans(self, text: str) -> list[Span]:
        """Where secrets stand, in order; none lies in another."""
        merged: list[Span] = []
        for begin, end in sorted(span for span in self._found(text) if span[0] < span[1]):
            if merged and begin < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def _found(self, text: str) -> Iterator[Span]:
        for pattern in (*OURS, *self._compiled):
            group = "secret" if "secret" in pattern.groupindex else 0
            for found in pattern.finditer(text):
                yield found.span(group)
        for name in self.fields:
            for found in re.finditer(rf"\"(?i:{re.escape(name)})\"\s{{0,9}}:\s{{0,9}}\"((?:[^\"\\]|\\.)+)\"", text):
                yield found.span(1)
        for value in self.values:
            if len(value) >= SHORTEST:
                for spelled in _spellings(value):
                    yield from _beginnings(text, spelled)
        if self.find is not None:
            for one in dict.fromkeys(self.find(text)):
                if one:
                    yield from (found.span() for found in re.finditer(re.escape(one), text))


def _spellings(value: str) -> set[str]:
    """A text as it stands plainly, in JSON and in a URL."""
    in_json = json.dumps(value)[1:-1]
    return {value, in_json, in_json.replace("/", "\\/"), quote(value, safe="")}


def _beginnings(text: str, value: str) -> Iterator[Span]:
    """Where the text has the value, or its beginning, which is left where a quotation cuts it."""
    start = text.find(value[:SHORTEST])
    while start >= 0:
        end = start + SHORTEST
        while end < start + len(value) and end < len(text) and text[end] == value[end - start]:
            end += 1
        yield start, end
        start = text.find(value[:SHORTEST], end)


def _cut(pieces: Iterable[bytes], spans: Iterable[Span]) -> Iterator[bytes]:
    """The pieces, with each span replaced in the piece where it begins."""
    left, size = list(spans), 0
    for piece in pieces:
        kept, at, end = b"", size, size + len(piece)
        while left and left[0][0] < end:
            begin, over = left[0]
            if begin >= size:
                kept += piece[at - size : begin - size] + SCRUBBED.encode()
            at = min(over, end)
            if over > end:
                break
            left.pop(0)
        yield kept + piece[at - size :]
        size = end
