"""A process that fills a store until it is killed: `python -P _dying.py PLUGIN SETTINGS`."""

from __future__ import annotations

import json
import sys
from itertools import count

from jackfield.registry import Registry

__all__ = ["value_of"]


def value_of(key: str, number: int) -> bytes:
    """A value that shows whether it is whole, and whose it is."""
    return b"%d " % number + (key * (1 + number % 200)).encode() + b" end"


def main(plugin: str, settings: str) -> None:
    """Set values for ever."""
    store = Registry().make("store", plugin, plugin, json.loads(settings), "settings")
    store.get("a" * 64)
    print("ready", flush=True)  # noqa: T201 - whoever kills waits for it
    for number in count():
        key = f"{number % 16:064x}"
        store.set(key, value_of(key, number), None, 1_800_000_000.0)


if __name__ == "__main__":
    main(*sys.argv[1:])
