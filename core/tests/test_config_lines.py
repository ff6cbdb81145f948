"""The lines of the keys of a TOML file: what the reader finds, has the line where its statement begins."""

import json
import tomllib

import pytest
from hypothesis import given, strategies as st

from jackfield.config import Document

TEXT = """\
# a = 0
default = "x" # ] and = and [
a.b."c.d" . 'e' = [1, # x ]
  2, { x = 3, 'y z' = \"\"\"one
[not]
a header\"\"\", q.w = [[4], []] },
]
"k#" = '''two
'b'''''

[t.u]
v = "# \\" = ]"
w = 2026-01-01 10:00:00
[[m]]
z = {}
[[m]]
[m.n]
o = '}'
[[m.p]]
[[m.p]]
q = -1.5e3
[t]
 [ "x y" . \t z ]
"" = 0
"""
EXPECTED = {
    ("default",): 2,
    ("a",): 3,
    ("a", "b", "c.d", "e"): 3,
    ("a", "b", "c.d", "e", 0): 3,
    ("a", "b", "c.d", "e", 1): 3,
    ("a", "b", "c.d", "e", 2): 3,
    ("a", "b", "c.d", "e", 2, "y z"): 3,
    ("a", "b", "c.d", "e", 2, "q"): 3,
    ("a", "b", "c.d", "e", 2, "q", "w", 0, 0): 3,
    ("k#",): 8,
    ("t",): 22,
    ("t", "u"): 11,
    ("t", "u", "v"): 12,
    ("t", "u", "w"): 13,
    ("m",): 14,
    ("m", 0): 14,
    ("m", 0, "z"): 15,
    ("m", 1): 16,
    ("m", 1, "n"): 17,
    ("m", 1, "n", "o"): 18,
    ("m", 1, "p", 0): 19,
    ("m", 1, "p", 1): 20,
    ("m", 1, "p", 1, "q"): 21,
    ("x y", "z"): 23,
    ("x y", "z", ""): 24,
}


def lines_of(text):
    return Document("x.toml", content=text.encode())


def paths(value, path=()):
    if path:
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


@pytest.mark.parametrize(("path", "line"), EXPECTED.items(), ids=map(str, EXPECTED))
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_file_with_everything_in_it(path, line, end):
    assert lines_of(TEXT.replace("\n", end)).line(path) == line


def test_what_is_not_there_has_the_line_of_the_table_that_it_would_stand_in():
    document = lines_of(TEXT)
    assert document.line(("t", "u", "nothing", 3)) == 11
    assert document.line(("nothing",)) is None
    assert document.line(()) is None


KEYS = st.one_of(
    st.sampled_from(["a", "b", "c-1", "1", "true"]),
    st.sampled_from(["x y", "q.r", "#", "=", "[t]", "ä", "'", '"', "\\", "", "\t"]).map(json.dumps),
    st.sampled_from(["x y", "q.r", "#", '"', "\\"]).map(lambda key: f"'{key}'"),
)
DOTTED = st.lists(KEYS, min_size=1, max_size=3).flatmap(
    lambda keys: st.sampled_from([".", " . ", "\t."]).map(lambda by: by.join(keys))
)
GAPS = st.sampled_from(["", " ", "\n", ' # ] } = "\n', "\r\n\t"])


@st.composite
def values(draw, number, depth=2):
    """A value whose every scalar has a number of its own, on the line where it begins."""
    kind = draw(st.sampled_from(["int", "text", "long", "literal", "list", "table"][: 6 if depth else 4]))
    if kind == "list":
        items = draw(st.lists(st.none(), max_size=3))
        inner = "".join(f"{draw(GAPS)}{draw(values(number, depth - 1))}{draw(GAPS)}," for _ in items)
        return f"[{inner}{draw(GAPS)}]"
    if kind == "table":
        keys = draw(st.lists(DOTTED, max_size=3, unique=True))
        return "{" + ", ".join(f"{key} = {draw(values(number, depth - 1))}" for key in keys) + "}"
    number[0] += 1
    mark = f"@{number[0]}@"
    return {
        "int": f"{number[0]}",
        "text": json.dumps(f"{mark} # = [ ] \"\\ ' , ."),
        "long": f'"""{mark} [t]\n a = 1 # "" \\" ]\n\\\\ """' + draw(st.sampled_from(["", '"', '""'])),
        "literal": f"'''{mark} [t]\n}} \" , '' '''" + draw(st.sampled_from(["", "'", "''"])),
    }[kind]


@st.composite
def documents(draw):
    number = [1000]
    lines = []
    for kind in draw(st.lists(st.sampled_from(["pair", "pair", "pair", "table", "tables", "comment"]), max_size=8)):
        if kind == "comment":
            lines.append(draw(st.sampled_from(["", "# a = '''", "  \t"])))
        elif kind == "pair":
            lines.append(f"{draw(DOTTED)} = {draw(values(number))}{draw(st.sampled_from(['', ' # x = 1']))}")
        else:
            opening, closing = ("[[", "]]") if kind == "tables" else ("[", "]")
            lines.append(f"{opening} {draw(DOTTED)} {closing}")
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


@given(documents())
def test_every_path_that_the_reader_finds_has_the_line_that_holds_it(text):
    # what is valid by itself may clash with what stands before it; then the rest is left out
    written = text.split("\n")
    while True:
        try:
            data = tomllib.loads("\n".join(written))
            break
        except tomllib.TOMLDecodeError:
            written.pop()
    text = "\n".join(written)
    document, rows = lines_of(text), text.split("\n")
    found = {path: document.line(path) for path, _ in paths(data)}
    assert None not in found.values()
    for path, value in paths(data):
        line = found[path]
        after = min((one for one in found.values() if one > line), default=len(rows) + 1)
        statement = "\n".join(rows[line - 1 : after - 1])
        key = str(path[-1])
        assert isinstance(path[-1], int) or any(
            form in statement for form in (key, json.dumps(key), json.dumps(key, ensure_ascii=False))
        )
        mark = str(value) if isinstance(value, int) else value.split(" ")[0] if isinstance(value, str) else ""
        assert mark in statement, (path, line)
