"""A conversation at a terminal: questions and replies in turn, and commands that begin with a slash.

What counts as said is in `turns`; a question that got no answer is `pending`, until `/retry` asks it again or the next
question takes its place. A reply that was stopped with Ctrl-C counts as far as it came.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import evolve

from jackfield import Message
from jackfield.config import state_folder
from jackfield.errors import BadRequestError, ConfigurationError, JackfieldError
from jackfield.settings import nearest
from jackfield.types import ToolCall

from .asking import streamed, verdict, whole
from .failures import explained, refused
from .history import HistoryFile
from .saved import load_turns, save_turns
from .terminal import say

if TYPE_CHECKING:
    from jackfield import ChatRequest, ChatResponse, Client

    from .terminal import Output

__all__ = ["COMMANDS", "Conversation", "converse"]

HISTORY: Final = "chat-history.jsonl"
COMMANDS: Final = {
    "help": ("", "show these lines"),
    "model": ("[NAME]", "show who answers, or have another one answer from now on"),
    "system": ("[TEXT]", "show or set what the model should know or be; `/system -` removes it"),
    "retry": ("", "ask the last question again; the reply that it had is forgotten"),
    "undo": ("", "forget the last question and its reply"),
    "clear": ("", "forget every question and reply"),
    "save": ("FILE", "write the conversation to a file, as JSON"),
    "load": ("FILE", "go on with a conversation from a file"),
    "exit": ("", "leave; so does Ctrl-D"),
}
KEYS: Final = """\
Enter sends. A backslash before Enter, or Alt-Enter, begins a new line. Tab completes commands.
Ctrl-C stops a reply, or clears what is typed. A question that begins with a slash needs a blank before it.
"""


def converse(
    client: Client,
    request: ChatRequest,
    output: Output,
    *,
    timeout: float | None = None,
    stream: bool = True,
    keep: bool = True,
    names: Sequence[str] = (),
) -> int:
    """Hold a conversation until the person leaves.

    Args:
        client: whom to ask through.
        request: what holds for every question: the model, the settings, and a system message if there is one.
        output: the terminal.
        timeout: how long each reply may take, in seconds.
        stream: whether replies are shown as they come.
        keep: whether what is typed is kept for the next conversation.
        names: the names of models that Tab knows.

    Returns:
        The exit status, which is 0.
    """
    from .editor import Editor

    talk = Conversation(client, request, output, timeout=timeout, stream=stream, names=names)
    editor = Editor(_history() if keep else None, talk.completions)
    say("a conversation: /help tells what there is beside questions, Ctrl-D leaves")
    going = True
    while going:
        try:
            going = talk.take(editor.read())
        except KeyboardInterrupt:
            continue
        except EOFError:
            break
    return 0


def _history() -> HistoryFile | None:
    try:
        return HistoryFile(state_folder() / HISTORY)
    except ConfigurationError as error:
        say(f"what is typed is not kept: {error}")
        return None


class Conversation:
    """What was said so far, and what is done with the next line.

    Attributes:
        model: who answers; None is the default of the configuration.
        system: what the model should know or be.
        turns: what was said.
        pending: a question without an answer.
    """

    def __init__(
        self,
        client: Client,
        request: ChatRequest,
        output: Output,
        *,
        timeout: float | None = None,
        stream: bool = True,
        names: Sequence[str] = (),
    ) -> None:
        """Begin. See `converse`."""
        self._client = client
        self._request = request
        self._output = output
        self._timeout = timeout
        self._show = streamed if stream else whole
        self._names = names
        self._file: Path | None = None
        self._last: ChatResponse | None = None
        self.model: str | None = request.model
        self.system: Message | None = next((one for one in request.messages if one.role == "system"), None)
        self.turns: list[Message] = []
        self.pending: Message | None = None

    def take(self, line: str) -> bool:
        """Do what a line says: a command where it begins with a slash, else a question. False means to leave."""
        name, _, argument = line[1:].strip().partition(" ")
        if not line.startswith("/"):
            if line.strip():
                self.pending = Message("user", line.removeprefix(" ") if line.startswith(" /") else line)
                self._ask()
        elif name in ("exit", "quit"):
            return False
        elif name in COMMANDS:
            try:
                getattr(self, f"_{name}")(argument.strip())
            except OSError as error:
                say(refused(error))
            except JackfieldError as error:
                say(explained(error)[0])
        else:
            advice = nearest(f"/{name}", map("/{}".format, COMMANDS))
            say(f"no such command '/{name}'; {advice} (with a blank before it, it is a question)")
        return True

    def completions(self, text: str) -> Iterator[tuple[str, int]]:
        """What the word at the end of a text can become, each with how many of its characters it replaces."""
        name, blank, argument = text.removeprefix("/").partition(" ")
        if not text.startswith("/"):
            return
        if not blank:
            yield from ((f"/{one} " if COMMANDS[one][0] else f"/{one}", len(text)) for one in _starting(COMMANDS, name))
        elif name == "model":
            yield from ((found, len(argument)) for found in _starting(self._names, argument))
        elif name in ("save", "load"):
            yield from ((found, len(argument)) for found in _paths(argument))

    # --- questions ----------------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask the pending question."""
        if self.pending is None:
            say("there is no question to ask again")
            return
        heard: list[str] = []
        try:
            request = evolve(self._request, messages=self._messages(), model=self.model)
            response = self._reply(request, heard)
        except KeyboardInterrupt:
            self._output.write("\n")  # below the `^C` that the terminal shows
            self._stopped("".join(heard))
        except Exception as error:  # noqa: BLE001 - whatever broke, what was said so far is not lost with it
            self._output.end_line()
            say(f"{explained(error)[0]} (/retry asks again)")
        else:
            self._answered(response)

    def _reply(self, request: ChatRequest, heard: list[str]) -> ChatResponse:
        if self._show is whole:
            return whole(self._client, request, self._timeout, self._output)
        return streamed(self._client, request, self._timeout, self._output, heard)

    def _messages(self) -> list[Message]:
        system = [] if self.system is None else [self.system]
        return [*system, *self.turns, *([] if self.pending is None else [self.pending])]

    def _answered(self, response: ChatResponse) -> None:
        for note in verdict(response)[0]:
            say(note)
        self._last = response
        # a call of a tool that nobody runs would have to be answered before the next question
        said = [part for part in response.message.parts if not isinstance(part, ToolCall)]
        if said:
            self._say(evolve(response.message, parts=said))

    def _stopped(self, heard: str) -> None:
        if heard.strip():
            self._say(Message("assistant", heard))
            say("stopped; the reply counts as far as it came (/retry asks again, /undo forgets it)")
        else:
            say("stopped (/retry asks again)")

    def _say(self, reply: Message) -> None:
        if self.pending is not None:
            self.turns += [self.pending, reply]
            self.pending = None

    # --- commands -----------------------------------------------------------------------------------------------------

    def _help(self, _: str) -> None:
        rows = [(f"/{name} {argument}".rstrip(), what) for name, (argument, what) in COMMANDS.items()]
        width = max(len(left) for left, _ in rows)
        self._output.write("".join(f"{left:<{width}}  {what}\n" for left, what in rows) + KEYS)

    def _model(self, name: str) -> None:
        if name:
            # nothing is asked yet: this only finds out whether there is such a model
            self._client.stream("", model=name).close()
            self.model = name
        answered = f"; the last reply was by {self._last.provider}:{self._last.model}" if self._last else ""
        say(f"{self.model or 'the default model'} answers{answered}")

    def _system(self, text: str) -> None:
        if text == "-":
            self.system = None
        elif text:
            self.system = Message("system", text)
        say(f"system: {self.system.text}" if self.system else "there is no system message")

    def _retry(self, _: str) -> None:
        if self.pending is None:
            self._take_back()
        self._ask()

    def _undo(self, _: str) -> None:
        if self.pending is None:
            self._take_back()
        say("there is no question to forget" if self.pending is None else f"forgotten: {self.pending.text[:60]}")
        self.pending = None

    def _take_back(self) -> None:
        """Make the last question pending again, and forget what followed it."""
        asked = max((index for index, turn in enumerate(self.turns) if turn.role == "user"), default=None)
        if asked is not None:
            self.pending = self.turns[asked]
            del self.turns[asked:]

    def _clear(self, _: str) -> None:
        self.turns, self.pending = [], None
        say("everything that was said is forgotten" + ("; the system message stays" if self.system else ""))

    def _save(self, name: str) -> None:
        file = _file(name)
        messages = self._messages()
        # what this conversation did not write itself is somebody's
        try:
            save_turns(file, messages, replace=file == self._file)
        except FileExistsError:
            raise BadRequestError(
                f"{file} is there already, and no file of this conversation: choose another"
            ) from None
        self._file = file
        say(f"{_count(messages)} written to {file}")

    def _load(self, name: str) -> None:
        file = _file(name)
        messages = load_turns(file)
        self.system = messages.pop(0) if messages and messages[0].role in ("system", "developer") else None
        self.pending = messages.pop() if messages and messages[-1].role == "user" else None
        self.turns, self._file, self._last = messages, file, None
        say(f"{_count(self._messages())} read from {file}" + ("; /retry asks the last one" if self.pending else ""))


def _file(name: str) -> Path:
    if not name:
        raise BadRequestError("which file? Write its name behind the command")
    return Path(name).expanduser()


def _count(messages: list[Message]) -> str:
    return "1 message" if len(messages) == 1 else f"{len(messages)} messages"


def _starting(names: Iterable[str], text: str) -> list[str]:
    return [name for name in names if name.startswith(text)]


def _paths(text: str) -> list[str]:
    folder, name = os.path.split(text)
    try:
        with os.scandir(Path(folder or ".").expanduser()) as entries:
            found = {entry.name: entry.is_dir() for entry in entries}
    except OSError:
        return []
    typed = text.removesuffix(name)
    return [f"{typed}{one}{'/' if found[one] else ''}" for one in _starting(sorted(found), name)]
