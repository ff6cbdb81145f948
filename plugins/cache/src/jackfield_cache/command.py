"""The command `jackfield cache`: what the caches of a configuration hold, and what they have saved.

It is imported by whoever has the command `jackfield`, and so has click.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TextIO

import click

from jackfield.config import load
from jackfield.errors import ConfigurationError
from jackfield.instances import Instances
from jackfield.registry import Registry

from ._cache import Cache
from ._entry import BadEntryError, Entry, unpack
from ._people import events_shown, request_shown
from ._store import Store
from ._words import age, amount, duration, size, visible
from .memory import MemoryStore

__all__ = ["cache"]

SHORT: Final = 12  # digits of a key that are shown

config_option = click.option(
    "--config", "config", metavar="FILE", help="The configuration to use, instead of the one that is found."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(help="What the cache of the configuration holds, and what it has saved.")
def cache() -> None:
    """Look into the cache; see its commands."""


@cache.command(help="How much is kept, how often it was used, and the time and money that this saved.")
@json_option
@config_option
def stats(*, as_json: bool, config: str | None) -> None:
    """Tell the sums of each store."""
    told = [(name, store.stats()) for name, store in _stores(config)]
    if as_json:
        _print_json([{"store": name, **one} for name, one in told])
        return
    for name, one in told:
        hits, misses = int(one.get("hits", 0)), int(one.get("misses", 0))
        share = f" ({100 * hits / (hits + misses):.0f} %)" if hits + misses else ""
        _print(f"{name}: {int(one['entries'])} entries, {size(one['bytes'])}")
        _print(f"  hits    {hits}{share}")
        _print(f"  misses  {misses}")
        _print(f"  saved   {duration(one.get('seconds', 0))} of waiting, {amount(one.get('cost', 0))}")


@cache.command("list", help="The entries, one a line: key, age, size, operation, model, cost, and what was asked.")
@click.option("--model", metavar="TEXT", default="", help="Only those whose model holds this text.")
@json_option
@config_option
def list_(*, model: str, as_json: bool, config: str | None) -> None:
    """List the entries."""
    # one at a time: all of them together may not fit into memory
    found = ((key, len(value), entry) for _, key, value, entry in _entries(config) if _is_of(entry, model))
    if as_json:
        _print_json([{**entry.facts._asdict(), "bytes": length} for _, length, entry in found])
        return
    for key, length, entry in found:
        facts = entry.facts
        cells = (key[:SHORT], age(facts.created), size(length), facts.operation, ",".join(facts.targets))
        _print("  ".join((*cells, amount(facts.cost), _asked(entry)[:60])))


@cache.command(help="One entry: its facts, what was asked, and the events of the reply. KEY may be its beginning.")
@click.argument("key")
@json_option
@config_option
def show(key: str, *, as_json: bool, config: str | None) -> int:
    """Show one entry."""
    count, entry = 0, None
    for _, name, _, one in _entries(config):
        if name.startswith(key):
            count, entry = count + 1, one
    if entry is None or count != 1:
        raise click.UsageError(f"{count or 'no'} entries have a key that begins with {visible(key)!r}")
    try:
        request, events = request_shown(entry.request), list(events_shown(entry.script))
    except BadEntryError as error:
        raise click.ClickException(f"there is something else in it: {error}") from None
    facts = entry.facts._asdict()
    if as_json:
        _print_json({**facts, "request": request, "events": events})
        return 0
    for name, value in {**facts, "request": request}.items():
        _print(f"{name:<10} {_in_a_line(value)}")
    _print(f"{'reply':<10} {_text(events)}")
    for event in events:
        _print(f"  {_in_a_line(event)}")
    return 0


@cache.command(help="Forget entries: those named by KEY, those of a model, or everything with --all.")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--model", metavar="TEXT", default="", help="Those whose model holds this text.")
@click.option("--all", "everything", is_flag=True, help="Everything, with what was counted.")
@config_option
def clear(keys: tuple[str, ...], *, model: str, everything: bool, config: str | None) -> None:
    """Forget entries."""
    if not (keys or model or everything):
        raise click.UsageError("say which: a KEY, --model, or --all")
    if everything:
        for name, store in _stores(config):
            store.clear()
            _print(f"{name}: everything is forgotten")
        return
    chosen = [
        (store, key)
        for store, key, _, entry in _entries(config)
        if _is_of(entry, model) and (not keys or key.startswith(keys))
    ]
    for store, key in chosen:
        store.delete(key)
    _print(f"{len(chosen)} forgotten")


def _stores(config: str | None) -> Iterator[tuple[str, Store]]:
    """The stores of the caches in a configuration.

    Raises:
        ConfigurationError: it has no cache, or one that cannot be made.
    """
    loaded = load(None if config is None else Path(config))
    instances = Instances(loaded, Registry(allow=loaded.allow_plugins))
    numbers = [number for number, table in enumerate(loaded.middleware) if table.get("use") == "cache"]
    if not numbers:
        raise ConfigurationError(f"{loaded.source}: it has no [[middleware]] with use = 'cache'")
    for number in numbers:
        for one in instances.layers(number):
            if not isinstance(one, Cache):
                continue
            if isinstance(one.store, MemoryStore):
                place = loaded.place("middleware", number)
                raise place.error("this cache is in the memory of each process, where nobody else can look")
            used = loaded.middleware[number].get("store")
            try:
                yield str(used.get("use") if isinstance(used, dict) else used), one.store
            finally:
                one.store.close()


def _entries(config: str | None) -> Iterator[tuple[Store, str, bytes, Entry]]:
    for _, store in _stores(config):
        for key, value in store.items():
            try:
                yield store, key, value, unpack(value)
            except BadEntryError:
                continue  # a miss, for a cache


def _is_of(entry: Entry, model: str) -> bool:
    return any(model in target for target in entry.facts.targets)


def _asked(entry: Entry) -> str:
    """The last text of a request."""
    try:
        told = request_shown(entry.request)
        last = told["messages"][-1]["parts"] if "messages" in told else told.get("prompt") or told.get("input")
        texts = [part if isinstance(part, str) else part.get("text", "") for part in last or ()]
    except (BadEntryError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return ""
    return " ".join(" ".join(texts).split())


def _text(events: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """The text of a reply's first choice."""
    return "".join(fields["text"] for name, fields in events if name == "TextDelta" and not fields.get("choice"))


def _in_a_line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _print(line: str) -> None:
    # into a file or a pipe, too: a line is a line, and who looks at it later has a terminal
    _output().write(f"{visible(line)}\n")


def _print_json(value: Any) -> None:
    _output().write(f"{json.dumps(value, indent=1)}\n")


def _output() -> TextIO:
    if sys.stdout is None:
        raise click.UsageError("standard output is closed")
    return sys.stdout
