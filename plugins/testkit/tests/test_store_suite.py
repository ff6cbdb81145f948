"""The suite for stores, on a store in memory, and on such as do not keep the contract."""

import pytest

from jackfield_testkit.conformance import CacheStoreConformance

CASES = [
    CacheStoreConformance.test_has_the_methods,
    CacheStoreConformance.test_values_come_back_as_they_were,
    CacheStoreConformance.test_items_and_stats,
    CacheStoreConformance.test_works_after_close,
]


class Dictionary:
    quick = True

    def __init__(self):
        self.values = {}
        self.sums = {}

    def get(self, key):
        return self.values.get(key)

    def set(self, key, value, ttl, now):
        self.values[key] = value

    def delete(self, key):
        self.values.pop(key, None)

    def clear(self):
        self.values.clear()
        self.sums.clear()

    def items(self):
        return list(self.values.items())

    def add(self, sums):
        for name, amount in sums.items():
            self.sums[name] = self.sums.get(name, 0) + amount

    def stats(self):
        return {**self.sums, "entries": len(self.values), "bytes": sum(map(len, self.values.values()))}

    def close(self):
        pass


def check(kind):
    for case in CASES:
        case(CacheStoreConformance(), kind())


def test_a_store_that_keeps_the_contract_passes():
    check(Dictionary)


@pytest.mark.parametrize(
    ("method", "broken"),
    [
        ("get", lambda self, key: self.values.get(key, b"")),
        ("get", lambda self, key: bytearray(self.values[key]) if key in self.values else None),
        ("get", lambda self, key: self.values[key][:-1] if key in self.values else None),
        ("set", lambda self, key, value, ttl, now: self.values.setdefault(key, value)),
        ("set", lambda self, key, value, ttl, now: self.values.update(dict.fromkeys([*self.values, key], value))),
        ("delete", lambda self, key: None),
        ("delete", lambda self, key: self.values.clear()),
        ("items", lambda self: list(self.values.items())[:100]),
        ("add", lambda self, sums: self.sums.update(sums)),
        ("clear", lambda self: self.values.clear()),
        ("stats", lambda self: {**self.sums, "entries": 0, "bytes": 0}),
        ("close", lambda self: setattr(self, "set", None)),
        ("quick", None),
    ],
)
def test_a_store_that_does_not_is_found(method, broken):
    wrong = type("Wrong", (Dictionary,), {method: broken})
    with pytest.raises(AssertionError):
        check(wrong)
