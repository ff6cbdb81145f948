"""Takes out of a text what must not be written down: keys always, other things by pattern and by the name of a field.

Every pattern works in time linear in the text: a model, or whoever it quotes, writes what they are tried on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from attrs import define, field, frozen

__all__ = ["HIDDEN", "PATTERNS", "Redactor", "Rule", "compiled"]

HIDDEN: Final = "[hidden]"
LONGEST_NAME: Final = 200
MARGIN: Final = 4096  # characters beyond a bound that are looked at, so that no secret is cut in two and then missed


def _any_case(pattern: str) -> str:
    """The pattern for either case of its letters: `re` searches for sets of characters faster than it ignores case."""
    return re.sub(r"[a-z]", lambda found: f"[{found[0]}{found[0].upper()}]", pattern)


@frozen
class Rule:
    """What to look for.

    Attributes:
        pattern: finds it.
        hints: one of these must stand in the text, in lower case, for the pattern to be worth its time; none is needed
            where there are none.
        near: a quicker pattern that must be found in the text, in lower case, as well.
    """

    pattern: re.Pattern[str]
    hints: tuple[str, ...] = ()
    near: re.Pattern[str] | None = None

    def __call__(self, text: str, lower: str, instead: str) -> str:
        """The text, with what is found replaced."""
        if self.hints and not _has(lower, self.hints):
            return text
        if self.near is not None and self.near.search(lower) is None:
            return text
        return self.pattern.sub(_card if self.pattern is CARD else lambda _: instead, text)


def _has(lower: str, hints: Iterable[str]) -> bool:
    for hint in hints:  # noqa: SIM110 - a generator takes three times as long
        if hint in lower:
            return True
    return False


def _named(names: str, value: str) -> str:
    return rf"(?:{_any_case(names)})\\?[\"']?\s{{0,9}}(?:=>|[:=])\s{{0,9}}(?:{value})"


def _rule(hints: str, pattern: str, before: str = "A-Za-z0-9", near: str | None = None) -> Rule:
    made = re.compile(f"(?<![{before}])(?:{pattern})" if before else pattern, re.DOTALL)
    return Rule(made, tuple(hints.split()), re.compile(near) if near else None)


TOKENS: Final = (
    "ghp_ gho_ ghu_ ghs_ ghr_ hf_ npm_ gsk_ xai- r8_ glpat- dop_v1_ github_pat_ pplx- nvapi- csk- tgp_v1_ fw_"
)
NAMES: Final = (
    "(?:x[-_])?(?:goog[-_])?api[-_ ]?key|passw(?:or)?d|passphrase|secret|credentials?"
    "|(?:access|refresh|auth|session|id|api|bearer|security)[-_]?token|(?:client|app)[-_]?secret"
    "|(?:private|access|secret|subscription)[-_]?key"
)
HEADERS: Final = "(?:proxy-)?authorization|(?:set-)?cookie"
# a string as JSON or Python write it, or as JSON inside a string of JSON has it; it may break off
QUOTED: Final = r"\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|\\\"(?:[^\\\"]|\\\\\\\"|\\[^\"])*(?:\\\")?"
SCHEME: Final = _any_case("(?:(?:bearer|basic|token|digest|apikey)")
INSIDE: Final = r"[\[{][^\]}]*[\]}]?"  # a list or an object, as far as to its first bracket
VALUE: Final = rf"b?(?:{QUOTED})|{INSIDE}|{SCHEME}\s{{1,9}})?[^\s\"',;}}\]]+"
# any scheme, and parameters behind commas
AUTHORIZATION: Final = (
    rf"b?(?:{QUOTED})|{INSIDE}|(?:[A-Za-z][\w-]{{0,30}}[ \t]{{1,9}})?[^\s\"',;}}\]]+"
    rf"(?:,\s{{0,9}}[\w-]{{1,40}}=(?:{QUOTED}|[^\s\"',]+))*"
)
COOKIES: Final = rf"b?(?:{QUOTED})|{INSIDE}|[^\s\"',;}}\]]+(?:;\s{{0,9}}[^\s\"';}}\]]+)*"
VALUE_OF_TOKEN: Final = rf"(?:{QUOTED}|[^\s\"',;&}}\]]{{4,}})"
OPAQUE: Final = "[A-Za-z0-9._~+/=-]"
# keys by what stands before them, then by their shape
KEYS: Final = (
    _rule(
        "key token secret passw passphrase credential",
        _named(NAMES, VALUE),
        "",  # it may be the end of a name in camel case
        near=r"(?:key|token|secret|passwo?r?d|passphrase|credentials?)\\?[\"']?\s{0,9}[:=]",
    ),
    _rule("authorization", _named("authorization", AUTHORIZATION), ""),
    _rule("cookie", _named("cookie", COOKIES), ""),
    _rule("token=", rf"{_any_case('token')}={VALUE_OF_TOKEN}", ""),
    _rule(
        "bearer basic",
        rf"(?:{_any_case('bearer|basic')})\s{{1,9}}(?:(?=[A-Za-z]{{0,99}}[0-9=_~+]){OPAQUE}{{6,}}|{OPAQUE}{{16,}})",
    ),
    _rule("private", r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", ""),
    _rule("sk- sk_ pk- pk_ rk- rk_", r"[spr]k[-_][A-Za-z0-9_-]{6,}"),
    _rule(TOKENS, rf"(?:{'|'.join(TOKENS.split())})[A-Za-z0-9_-]{{16,}}"),
    _rule("xox xapp-", r"(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}"),
    _rule("akia asia aiza ya29.", r"A(?:KI|SI)A[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}"),
    _rule("eyj", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    _rule(
        "key= sig= signature=",
        rf"(?<=[?&])(?:[Xx]-[A-Za-z]{{1,20}}-)?(?:{_any_case('key|sig|signature')})=[^&\s\"']{{4,}}",
        "",
    ),
    _rule("://", r"(?<=://)[^/\s\"'?#]{1,400}(?=@)", ""),
)
HIDDEN_NAME: Final = re.compile(rf"(?:{_any_case(f'{NAMES}|{HEADERS}')})[sS]?\Z")
HINTS: Final = tuple(dict.fromkeys(hint for rule in KEYS for hint in rule.hints))
CARD: Final = re.compile(r"\d(?<![\d.].)(?:[ -]?\d){12,18}(?!\d|\.\d)")
# what can be taken out of content and of errors, by the name that the settings have for it
PATTERNS: Final[Mapping[str, Rule]] = {
    "email": _rule("@", r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", r"\w.%+-"),
    "card": Rule(CARD),
    "iban": _rule("", r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "ip": _rule(
        ". :",
        r"(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)|(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6}(?![\w:])",
        r"\w.:",
    ),
    "phone": _rule(
        "+ - . )", r"\+\d{1,3}(?:[ ./-]?\(?\d{1,4}\)?){2,6}(?!\w)|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b", r"\w+."
    ),
}


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_plain, names))


@define
class Redactor:
    """What is taken out, and how long a text may stay.

    Attributes:
        rules: by name; what one finds becomes its name in brackets. Keys are always found.
        hide: names of fields whose values are never shown, in lower case and without dashes and underscores; those that
            end like the name of a key are hidden as well.
    """

    rules: Mapping[str, Rule]
    hide: frozenset[str] = field(converter=_names)
    _inside: re.Pattern[str] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.hide:
            self._inside = _members(self.hide)

    def hidden(self, name: object) -> bool:
        """Whether a field of this name is hidden."""
        return _plain(str(name)) in self.hide or HIDDEN_NAME.search(str(name)) is not None

    def text(self, text: str, longest: int) -> str:
        """The text without what must not be seen, of so many characters at most, plus a word on what was cut.

        It can always be written as UTF-8.
        """
        whole = len(text)
        cut = whole > longest + MARGIN
        if cut:
            text = text[: longest + MARGIN]
        text = without_keys(text)
        lower = text.lower()
        if self._inside is not None and ":" in text:
            text = self._inside.sub(rf'\1"{HIDDEN}"', text)
        for name, rule in self.rules.items():
            text = rule(text, lower, f"[{name}]")
        if cut:  # its end may be the first half of a secret
            text = text[: max(0, len(text) - MARGIN)]
        if cut or len(text) > longest:
            text = f"{text[:longest]}[cut, {whole} characters]"
        return text.encode("utf-8", "replace").decode()

    def name(self, text: str) -> str:
        """A plain name or an id, as somebody else wrote it, without keys and bounded."""
        return _name(text) if len(text) <= LONGEST_NAME else _name(text[: LONGEST_NAME + MARGIN])

    def exactly(self, text: str, secrets: Iterable[str]) -> str:
        """The text without these very words."""
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= 4:  # the shorter ones stand everywhere, and open nothing
                text = text.replace(secret, HIDDEN)
        return text


def _members(names: Iterable[str]) -> re.Pattern[str]:
    """Finds members of JSON, or of what is no JSON any more, that bear one of these names; also quoted ones."""
    spelled = "|".join("[-_]?".join(map(re.escape, name)) for name in sorted(names, key=len, reverse=True))
    return re.compile(
        rf"(\\?[\"'](?i:{spelled})\\?[\"']\s{{0,9}}:\s{{0,9}})(?:{QUOTED}|{INSIDE}|[^\s,}}\]\"]+)", re.DOTALL
    )


def _card(found: re.Match[str]) -> str:
    digits = [int(char) for char in found[0] if char.isdigit()]
    doubled = [digit if index % 2 == 0 else sum(divmod(2 * digit, 10)) for index, digit in enumerate(reversed(digits))]
    return found[0] if sum(doubled) % 10 else "[card]"


@lru_cache(maxsize=256)
def _name(text: str) -> str:
    """Most names come again with every call."""
    return without_keys(text)[:LONGEST_NAME].encode("utf-8", "replace").decode()


def without_keys(text: str) -> str:
    """The text with every key replaced."""
    lower = text.lower()
    if _has(lower, HINTS):
        for rule in KEYS:
            text = rule(text, lower, "[key]")
    return text


def compiled(patterns: Mapping[str, str]) -> dict[str, Rule]:
    """Regular expressions by name.

    Raises:
        ValueError: names the one that is wrong, and where.
    """
    found = {}
    for name, pattern in patterns.items():
        try:
            found[name] = Rule(re.compile(pattern))
        except re.error as error:
            raise ValueError(f"{name}: not a regular expression: {error}") from None
    return found
