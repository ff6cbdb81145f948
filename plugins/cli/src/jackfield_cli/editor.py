"""Reads what a person types at a terminal: line editing, several lines, history, completion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from .history import HistoryFile
from .terminal import say

__all__ = ["Editor"]

PROMPT: Final = "> "
MORE: Final = ". "


class Editor:
    r"""A prompt. Enter sends; a backslash before Enter, or Alt-Enter, begins a new line; pasted lines stay together.

    Args:
        history: where to keep what is typed; None keeps it no longer than this object.
        complete: what the word under the cursor can become, given the text before the cursor; each with how many of
            the characters before the cursor it replaces.
    """

    def __init__(self, history: HistoryFile | None, complete: Callable[[str], Iterable[tuple[str, int]]]) -> None:
        self._history = history
        self._session: PromptSession[str] = PromptSession(
            message=PROMPT,
            multiline=True,
            prompt_continuation=MORE,
            history=InMemoryHistory() if history is None else _Kept(history),
            completer=_Completer(complete),
            complete_while_typing=False,
            key_bindings=_keys(),
        )

    def read(self) -> str:
        """What is typed next.

        Raises:
            EOFError: Ctrl-D was pressed on an empty line, or the terminal is gone.
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        try:
            return self._session.prompt()
        finally:
            if self._history is not None and self._history.trouble:
                say(self._history.trouble)
                self._history.trouble = None


class _Kept(History):
    def __init__(self, file: HistoryFile) -> None:
        super().__init__()
        self._file = file

    def load_history_strings(self) -> Iterable[str]:
        return self._file.newest_first()

    def store_string(self, string: str) -> None:
        self._file.add(string)


class _Completer(Completer):
    def __init__(self, complete: Callable[[str], Iterable[tuple[str, int]]]) -> None:
        self._complete = complete

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Sequence[Completion]:
        return [Completion(text, -length) for text, length in self._complete(document.text_before_cursor)]


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.newline(copy_margin=False)
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    return keys
