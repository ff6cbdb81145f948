"""What every store must do, as checks for whoever writes one."""

from __future__ import annotations

from collections.abc import Callable

from ._store import Store

__all__ = ["check_store"]

NOW = 1_800_000_000.0
KEY, OTHER = "a" * 64, "b" * 64
VALUE = b"\x00\xff\r\n" + "\N{SNOWMAN}".encode()


def check_store(make: Callable[[], Store]) -> None:
    """Check the stores that a function makes against the contract.

    `make` is called once, and what it makes must be empty.

    Raises:
        AssertionError: the store does something else; says what.
    """
    store = make()
    _expect(isinstance(store, Store), "it has every method of `Store`, and `quick`")
    _expect(isinstance(store.quick, bool), "`quick` is True or False")
    _check_values(store)
    _check_items(store)
    _check_sums(store)
    store.close()
    store.set(KEY, VALUE, 60.0, NOW)
    _expect(store.get(KEY) == VALUE, "it works after `close`, too")
    store.clear()
    store.close()


def _check_values(store: Store) -> None:
    _expect(store.get(KEY) is None, "what was never set is None")
    store.delete(KEY)
    store.set(KEY, VALUE, None, NOW)
    store.set(OTHER, b"other", 3600.0, NOW)
    found = store.get(KEY)
    _expect(type(found) is bytes, "a value is `bytes`")
    _expect(found == VALUE, "a value comes back as it was, every byte of it")
    _expect(store.get(OTHER) == b"other", "each key has a value of its own")
    store.set(KEY, b"second", None, NOW + 1)
    _expect(store.get(KEY) == b"second", "a second value takes the place of the first")
    store.delete(KEY)
    _expect(store.get(KEY) is None, "what was deleted is gone")
    _expect(store.get(OTHER) == b"other", "and nothing else with it")
    large = bytes(range(256)) * 400
    store.set(KEY, large, None, NOW)
    _expect(store.get(KEY) in (large, None), "a large value is kept whole, or not at all")


def _check_items(store: Store) -> None:
    store.clear()
    many = {f"{number:064x}": b"%d" % number for number in range(250)}
    for key, value in many.items():
        store.set(key, value, None, NOW)
    _expect(dict(store.items()) == many, "`items` gives every key with its value")
    stats = store.stats()
    _expect(stats["entries"] == len(many), "`stats` counts the entries")
    _expect(stats["bytes"] >= sum(map(len, many.values())), "`stats` adds up their bytes")


def _check_sums(store: Store) -> None:
    store.add({"hits": 2, "seconds": 0.5})
    store.add({"hits": 1})
    stats = store.stats()
    _expect((stats["hits"], stats["seconds"]) == (3, 0.5), "`add` adds to the sums that `stats` gives")
    store.clear()
    _expect(list(store.items()) == [], "`clear` leaves no entry")
    _expect(store.stats().get("hits", 0) == 0, "`clear` leaves no sum")
    _expect(store.stats()["entries"] == 0, "`stats` of an empty store says 0")


def _expect(what: bool, rule: str) -> None:  # noqa: FBT001 - it is what is expected
    if not what:
        raise AssertionError(f"a store must keep this: {rule}")
