"""The JSON Schema of the configuration, by which an editor completes and checks `jackfield.toml`."""

from __future__ import annotations

from typing import Any, Final

import attrs

from jackfield import ChatRequest, Secret
from jackfield.config import Config
from jackfield.doors import schemas
from jackfield.errors import BadRequestError, PluginError
from jackfield.registry import Kind, Registry

__all__ = ["document_schema"]

Json = dict[str, Any]

TEXT: Final[Json] = {"type": "string"}
REFERENCE: Final[Json] = {"$ref": "#/$defs/variable"}
VARIABLE: Final[Json] = {
    "type": "object",
    "description": "the value of a variable: of the environment, .env.local or .env.",
    "properties": {"env": {"type": "string", "pattern": r"^[A-Za-z_]\w*$"}},
    "required": ["env"],
    "additionalProperties": False,
}
# a variable of the vendor may fill these, so that the file need not
OPEN: Final = ("api_key", "base_url")
ALLOW: Final = "the distributions whose plugins may be loaded; without it, those of all that are installed."
DEFAULT: Final = "the model of requests that name none: provider:model, an alias, or a provider for its own default."


def document_schema(registry: Registry) -> Json:
    """The JSON Schema (draft 2020-12) of a whole file. Loads every plugin that is installed.

    Raises:
        PluginError: `jackfield-schema` is not installed.
    """
    attrs.resolve_types(Config)
    top: dict[str, Any] = {field.name: field.type for field in attrs.fields(Config)}
    defs: Json = {"variable": VARIABLE}
    providers = _by_plugin(registry, "provider", "plugin", defs)
    middleware = _by_plugin(registry, "middleware", "use", defs)
    target = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
    settings = _of(ChatRequest, "request", defs)["properties"]
    settings = {key: value for key, value in settings.items() if key not in {"model", "messages"}}
    alias = {"type": "object", "properties": {"target": target, **settings}, "required": ["target"]}
    named = {
        name: {"if": {"required": ["plugin"]}, "then": {"$ref": "#/$defs/instance"}, "else": {"$ref": f"#/$defs/{key}"}}
        for name, key in providers.items()
    }
    # an instance with a name of its own says of which plugin it is
    defs["instance"] = _chosen("plugin", providers)
    network = _referring(_of(top["network"], "network", defs))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jackfield.toml",
        "type": "object",
        "properties": {
            "default": {**TEXT, "description": DEFAULT},
            "models": {
                "type": "object",
                "description": "other names for models.",
                "propertyNames": {"pattern": "^[^:]*$"},
                "additionalProperties": {"anyOf": [*target["anyOf"], alias]},
            },
            "providers": {"type": "object", "properties": named, "additionalProperties": {"$ref": "#/$defs/instance"}},
            "middleware": {"type": "array", "items": _chosen("use", middleware)},
            "engine": {**_schema(top["engine"]), "default": "auto"},
            "timeouts": _positive(_of(top["timeouts"], "timeouts", defs)),
            "network": network,
            "allow_plugins": {"type": "array", "items": TEXT, "description": ALLOW},
            "slots": {**_schema(top["slots"]), "description": "those that change places, from the outside in."},
            "unsupported": {**_schema(top["unsupported"]), "default": "error"},
        },
        "additionalProperties": False,
        "$defs": defs,
    }


def _by_plugin(registry: Registry, kind: Kind, key: str, defs: Json) -> dict[str, str]:
    """Put the schema of each plugin's table among the definitions. Gives their names there, by plugin."""
    found = {}
    for name in sorted(registry.names(kind)):
        found[name] = f"{kind}.{name}"
        try:
            cls = registry.settings_class(kind, name)
        except PluginError:
            cls = None  # what cannot be loaded is not known, and so not checked
        schema: Json = {"type": "object"} if cls is None else _referring(_of(cls, found[name], defs))
        required = [one for one in schema.get("required", ()) if one not in OPEN]
        properties = {key: {"const": name}, **schema.get("properties", {})}
        required = [*required, key] if kind == "middleware" else required
        defs[found[name]] = {**schema, "properties": properties, "required": required}
    return found


def _chosen(key: str, plugins: dict[str, str]) -> Json:
    """A table that says by one of its keys which plugin it is for."""
    cases = [
        {"if": {"properties": {key: {"const": name}}, "required": [key]}, "then": {"$ref": f"#/$defs/{schema}"}}
        for name, schema in plugins.items()
    ]
    return {"type": "object", "properties": {key: {"enum": list(plugins)}}, "required": [key], "allOf": cases}


def _schema(kind: Any) -> Json:
    return schemas().json_schema(kind, known={Secret: TEXT})


def _of(cls: type[Any], name: str, defs: Json) -> Json:
    """The schema of a class; what it refers to goes among the definitions of the whole."""
    try:
        schema = _schema(cls)
    except BadRequestError:
        return {"type": "object", "properties": {}}  # a field of a type that JSON does not know
    inner = schema.pop("$defs", {})
    name = _home(inner, defs) or name
    defs.update({f"{name}.{key}": _moved(value, name) for key, value in inner.items()})
    return dict(_moved(schema, name))


def _home(inner: Json, defs: Json) -> str | None:
    """The name under which another class has put the same definitions: many plugins share a kind of settings."""
    homes = {one.removesuffix(f".{key}") for key in inner for one in defs if one.endswith(f".{key}")}
    same = (one for one in homes if all(defs.get(f"{one}.{key}") == _moved(inner[key], one) for key in inner))
    return min(same, default=None)


def _moved(node: Any, name: str) -> Any:
    """A schema whose references lead to where its definitions went."""
    if isinstance(node, dict):
        return {
            key: value.replace("#/$defs/", f"#/$defs/{name}.") if key == "$ref" else _moved(value, name)
            for key, value in node.items()
        }
    return [_moved(item, name) for item in node] if isinstance(node, list) else node


def _referring(schema: Json) -> Json:
    """A table whose values may be those of variables."""
    properties = {}
    for key, value in schema["properties"].items():
        said = {one: value[one] for one in ("description", "default") if one in value}
        plain = {one: inner for one, inner in value.items() if one not in said}
        properties[key] = {**said, "anyOf": [*(plain.get("anyOf") or [plain]), REFERENCE]}
    return {**schema, "properties": properties}


def _positive(schema: Json) -> Json:
    """A table of bounds."""
    return {**schema, "properties": {key: {**one, "exclusiveMinimum": 0} for key, one in schema["properties"].items()}}
