"""The tokens that the retries of all calls to one provider share."""

from __future__ import annotations

from jackfield.runtime import Lock

__all__ = ["Tokens"]


class Tokens:
    """A number of tokens, for any number of threads and tasks.

    Attributes:
        left: how many there are.
        most: how many there can be.
    """

    def __init__(self, most: int) -> None:
        """Begin with all of them."""
        self.most: int = most
        self.left: int = most
        self._lock = Lock()  # held for a line of arithmetic, never across an await

    def take(self, count: int) -> bool:
        """Take so many; False, and none are taken, where there are fewer."""
        with self._lock:
            enough = count <= self.left
            if enough:
                self.left -= count
        return enough

    def give(self, count: int) -> None:
        """Put so many back, up to the most."""
        if self.left < self.most:  # the usual call finds all of them there
            with self._lock:
                self.left = min(self.left + count, self.most)
