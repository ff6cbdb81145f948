"""Classes of pydantic and msgspec, which their own libraries describe, read and write. Nobody here imports those."""

from __future__ import annotations

import re
import sys
from typing import Any, get_origin

from attrs import frozen

from ..http import write_json
from ._misfit import Misfit, shown

__all__ = ["Foreign", "foreign_of"]


@frozen
class Foreign:
    """A class, and the library that knows it."""

    kind: Any
    library: Any

    def schema(self, prefix: str) -> dict[str, Any]:
        """The library's own schema; `prefix` stands before the names of its definitions.

        Raises:
            TypeError: a type in it has no schema.
        """
        body: dict[str, Any]
        if self.library.__name__ == "pydantic":
            try:
                body = self.kind.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
            except self.library.errors.PydanticUserError as error:
                raise TypeError(error.message) from error
        else:
            body = self.library.json.schema(self.kind, ref_template=f"#/$defs/{prefix}{{name}}")
        inner = {f"{prefix}{name}": one for name, one in body.pop("$defs", {}).items()}
        return {**body, "$defs": inner}

    def read(self, value: Any) -> Any:
        """The value as the library reads it, as strictly as the class says.

        Raises:
            Misfit: it does not fit.
        """
        if self.library.__name__ == "msgspec":
            try:
                return self.library.convert(value, self.kind)
            except self.library.ValidationError as error:
                text, _, path = str(error).partition(" - at `$")
                steps = [int(step) if step.isdecimal() else step for step in re.findall(r"[^].`[]+|\.\.\.", path)]
                raise Misfit(f"{text[:1].lower()}{text[1:]}", *reversed(steps)) from error
        try:
            return self.kind.model_validate_json(write_json(value))
        except self.library.ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            raise Misfit(f"{first['msg']}, got {shown(first['input'])}", *reversed(first["loc"])) from error

    def dump(self, value: Any) -> Any:
        """What the library makes of it for JSON.

        Raises:
            TypeError, ValueError: it cannot.
        """
        if self.library.__name__ == "pydantic":
            return value.model_dump(mode="json", by_alias=True)
        return self.library.to_builtins(value, str_keys=True)


def foreign_of(kind: Any) -> Foreign | None:
    """Whose class this is, where it is one of those libraries'."""
    cls = get_origin(kind) or kind
    for name, base in (("pydantic", "BaseModel"), ("msgspec", "Struct")):
        # whoever has such a class has imported its library
        library = sys.modules.get(name)
        if library is not None and isinstance(cls, type) and issubclass(cls, getattr(library, base)):
            return Foreign(kind, library)
    return None
