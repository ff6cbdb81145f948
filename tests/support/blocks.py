"""Finds the fenced blocks of a Markdown file, and runs them one after another as a reader would.

    python   runs in the one namespace of its file; a first line `# name.py` saves it under that name as well
    toml     is written to `jackfield.toml`, or to the file that its first line names, and loaded
    dotenv   is written to `.env.local`
    console  each command of our own runs, and pytest; those of pip and tox are checked to make sense, and not run;
             what `pip install -e` would write of a package that a page has made, is written by hand
    text     is what the block before it printed

An HTML comment directly before a block, `<!-- not run: reason -->`, keeps it from being run.
An address in the documents where a reader would have a server stands for one that the caller brings.
"""

from __future__ import annotations

import configparser
import io
import itertools
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from attrs import frozen
from dotenv import dotenv_values
from llama import clean_environment

from jackfield.config import load

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "http://127.0.0.1:8080"
FENCE = re.compile(r"^(\s*)(```+|~~~+)\s*([\w+-]*)\s*$")
NOT_RUN = re.compile(r"^<!-- not run: (.+) -->$")
FIRST_LINE = re.compile(r"^# ([\w.-]+\.(?:py|toml))$", re.MULTILINE)
NEIGHBOURS = {"git", "jq"}  # of our command in a pipe; they are not run
LANGUAGES = {"python", "toml", "dotenv", "console", "text"}


@frozen
class Block:
    """A block, the line of its opening fence, and why it is not run, if it is not."""

    file: Path
    line: int
    language: str
    text: str
    not_run: str | None = None

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line} ({self.language})"

    @property
    def named(self) -> str | None:
        """The file that the first line names."""
        found = FIRST_LINE.match(self.text)
        return found and found[1]


def blocks(file: Path) -> Iterator[Block]:
    """The blocks of a file, in order."""
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    before = ""
    for number, line in lines:
        fence = FENCE.match(line)
        if fence is None:
            before = line.strip() or before
            continue
        inside = list(itertools.takewhile(lambda one, end=fence[2]: one[1].strip() != end, lines))
        text = "".join(one.removeprefix(fence[1]) + "\n" for _, one in inside)
        reason = NOT_RUN.match(before)
        yield Block(file, number, fence[3], text, reason and reason[1])
        before = ""


class Reader:
    """Does what the blocks of one file say, in a folder of its own, which must be the working folder.

    `server` is asked for the base URL of an OpenAI-like server when a block needs one.
    """

    def __init__(self, folder: Path, server: Callable[[], str]) -> None:
        self.folder = folder
        self.server = server
        self.printed = ""
        self.installed: list[str] = []
        self.recorded: dict[str, str] = {}
        self.namespace: dict[str, Any] = {"__name__": "__main__"}

    def follow(self, block: Block) -> None:
        """Run one block; an AssertionError names it where it fails."""
        text = block.text.replace(ADDRESS, self.server().removesuffix("/v1")) if ADDRESS in block.text else block.text
        try:
            if block.language == "text":
                printed, expected = _lines(self.printed), _lines(text)
                assert printed == expected, f"printed {printed}, expected {expected}"
            else:
                self.printed = getattr(self, f"_{block.language}")(block, text) or ""
        except Exception as error:
            raise AssertionError(f"{block}: {type(error).__name__}: {error}") from error

    def _python(self, block: Block, text: str) -> str:
        if block.named:
            (self.folder / block.named).write_text(text, encoding="utf-8")
        # blank lines before it give tracebacks the lines of the document
        code = compile("\n" * block.line + text, str(block.file), "exec", dont_inherit=True)
        with redirect_stdout(io.StringIO()) as printed:
            exec(code, self.namespace)
        return printed.getvalue()

    def _toml(self, block: Block, text: str) -> None:
        project = tomllib.loads(text).keys() <= {"build-system", "project", "tool"}
        file = self.folder / (block.named or ("pyproject.toml" if project else "jackfield.toml"))
        file.write_text(text, encoding="utf-8")
        load(file)

    def _dotenv(self, _: Block, text: str) -> None:
        file = self.folder / ".env.local"
        file.write_text(text, encoding="utf-8")
        assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) and value for name, value in dotenv_values(file).items())

    def _console(self, _: Block, text: str) -> str:
        return "".join(self._command(command) for line in text.splitlines() for command in _split(_words(line), "&&"))

    def _command(self, words: list[str]) -> str:
        for number, (program, *arguments) in enumerate(_split(words, "|")):
            if program == "jackfield":
                return self._ours(arguments, "one line\n" if number else "")
            if program == "cd":
                self.folder /= arguments[0]
                os.chdir(self.folder)
                sys.path.insert(0, str(self.folder))
            elif program == "pip" and arguments == ["install", "-e", ".[test]"]:
                self._install()
            elif program == "pip":
                _check_pip(arguments)
            elif program == "tox":
                _check_tox(arguments)
            elif program == "pytest":
                self._tested(arguments)
            else:
                assert program in NEIGHBOURS, f"{program!r} is a command that no test knows"
        return ""

    def _tested(self, arguments: list[str]) -> None:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "once", *arguments]
        path = os.pathsep.join([str(self.folder), *self.installed, str(Path(__file__).parent)])
        if any(word.startswith("--jackfield-record") for word in arguments):
            self.recorded = self._opened()
        environment = clean_environment(PYTHONPATH=path, **self.recorded)
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def _install(self) -> None:
        """Write what pip would for the package in this folder, beside its sources, and have them found."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        sources = self.folder / "src"
        metadata = sources / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        metadata.mkdir()
        named = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (metadata / "METADATA").write_text(named, encoding="utf-8")
        groups = project["entry-points"].items()
        lines = [f"[{group}]\n{name} = {place}\n" for group, names in groups for name, place in names.items()]
        (metadata / "entry_points.txt").write_text("".join(lines), encoding="utf-8")
        self.installed.append(str(sources))
        sys.path.append(str(sources))

    def _ours(self, arguments: list[str], piped: str) -> str:
        # what the command remembers about its user, it remembers here
        variables = {"XDG_STATE_HOME": str(self.folder / "state"), "PYTHONPATH": os.pathsep.join(self.installed)}
        if any(word.partition(":")[0] == "openai" for word in arguments) and not (self.folder / ".env.local").exists():
            variables |= self._opened()
        done = subprocess.run(
            [Path(sys.executable).with_name("jackfield"), *arguments],
            cwd=self.folder,
            env=clean_environment(**variables),
            input=piped,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
        return done.stdout

    def _opened(self) -> dict[str, str]:
        """A reader has a key; what it opens here is the server of the tests."""
        return {"OPENAI_API_KEY": "your-key", "OPENAI_BASE_URL": self.server()}


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def _split(words: list[str], mark: str) -> list[list[str]]:
    return [list(part) for is_mark, part in itertools.groupby(words, lambda word: word == mark) if not is_mark]


def _check_pip(arguments: list[str]) -> None:
    assert arguments[0] == "install"
    for before, argument in itertools.pairwise(arguments):
        if before == "-r" or argument.startswith("."):
            assert (ROOT / argument).exists(), argument
        else:
            assert argument in {"-r", "-e", "tox"}, f"is {argument!r} a package of ours?"


def _check_tox(arguments: list[str]) -> None:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "tox.ini", encoding="utf-8")
    if arguments:
        assert arguments[0] == "-e"
        assert arguments[1] in settings["tox"]["env_list"].split()


def documents() -> list[Path]:
    """Every document whose blocks are run."""
    patterns = ("README.md", "docs/**/*.md", "core/README.md", "providers/*/README.md", "plugins/*/README.md")
    return sorted(file for pattern in patterns for file in ROOT.glob(pattern))


def without_keys() -> set[str]:
    """The variables that a newcomer does not have."""
    return os.environ.keys() - clean_environment().keys()
