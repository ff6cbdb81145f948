"""What `jackfield doctor` looks at. Each check gives findings, and none of them raises or shows a key."""

from __future__ import annotations

import os
import platform
import stat
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs
from attrs import frozen

from jackfield import Client
from jackfield.errors import ConfigurationError, JackfieldError, NothingConfiguredError, UnsupportedError
from jackfield.registry import Registry

from .plugins import GROUPS, installed

if TYPE_CHECKING:
    from jackfield.config import Config

__all__ = ["Finding", "everything"]

PROXIES: Final = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY")
OFFLINE: Final = "JACKFIELD_OFFLINE"
SECONDS: Final = 10.0


@frozen
class Finding:
    """One thing that was looked at.

    Attributes:
        area: what it belongs to.
        state: "problem" is what keeps calls from working, "warning" what should be mended all the same.
        text: what was found.
        advice: what to do about it; empty where there is nothing to do.
    """

    area: str
    state: Literal["ok", "note", "warning", "problem"]
    text: str
    advice: str = ""


def everything(config: str | None, folder: Path, *, online: bool) -> Iterator[Finding]:
    """Every finding, in the order in which the things depend on each other.

    Args:
        config: the configuration to look at; None finds one, as every command does.
        folder: where the `.env` files are.
        online: whether each configured provider is asked for its models.
    """
    yield from _versions()
    yield from _plugins()
    yield from _env_files(folder)
    loaded = _load(config)
    if isinstance(loaded, Finding):
        yield loaded
        return
    yield from _configuration(loaded)
    yield from _keys(loaded)
    yield from _network(loaded)
    if online:
        yield from _online(loaded)


# --- what is installed ------------------------------------------------------------------------------------------------


def _versions() -> Iterator[Finding]:
    python = f"Python {platform.python_version()} on {platform.system()}"
    yield Finding(
        "versions", "ok", f"{python}, jackfield {version('jackfield')}, jackfield-cli {version('jackfield-cli')}"
    )
    with Client({}) as client:
        name = client.engine
    try:
        number = version(name)
    except PackageNotFoundError:
        number = "of an unknown version"
    if name == "httpx" and number.startswith("0.28"):
        yield Finding(
            "versions",
            "note",
            f"HTTP library: {name} {number}, whose pool can lose a connection when a call is cancelled twice",
            "where calls are cancelled often, install httpx2, which has mended that and is used as soon as it is there",
        )
    else:
        yield Finding("versions", "ok", f"HTTP library: {name} {number}")


def _plugins() -> Iterator[Finding]:
    points = installed()
    for point in points:
        kind, name, package = point["kind"], point["name"], point["package"] or "an unknown package"
        what = f"{kind} {name}, from {package} {point['version'] or ''}".rstrip()
        brought = [other["package"] or "an unknown package" for other in points if _same(point, other)]
        if len(brought) > 1:
            yield Finding("plugins", "problem", what, f"{' and '.join(brought)} bring it: uninstall all but one")
            continue
        error = _load_error(kind, name)
        if error is None:
            yield Finding("plugins", "ok", what)
        else:
            yield Finding("plugins", "problem", f"{what}: {error}", f"reinstall or uninstall {package}")
    if not any(point["kind"] == "provider" for point in points):
        yield Finding("plugins", "problem", "no provider is installed", "install one, such as jackfield-openai")


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["kind"], one["name"]) == (other["kind"], other["name"])


def _load_error(kind: str, name: str) -> str | None:
    """Why a plugin cannot be loaded. Loading runs its code, and there is no other way to know."""
    try:
        if kind == "command":
            from importlib.metadata import entry_points

            (point,) = entry_points(group=GROUPS[kind], name=name)
            point.load()
        else:
            Registry().settings_class(kind, name)  # type: ignore[arg-type]
    except JackfieldError as error:
        return str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin does when it is imported
        return f"{type(error).__name__}: {error}"
    return None


# --- what is configured -----------------------------------------------------------------------------------------------


def _load(config: str | None) -> Config | Finding:
    from .common import load_config

    try:
        return load_config(config)
    except JackfieldError as error:
        return Finding("configuration", "problem", str(error), "mend it; nothing else of it was looked at")


def _configuration(config: Config) -> Iterator[Finding]:
    try:
        with Client(config):
            pass
    except NothingConfiguredError:
        yield Finding(
            "configuration",
            "problem",
            "nothing is configured, so that only the mock can answer",
            "set OPENAI_API_KEY in the environment or in .env.local, or write a jackfield.toml",
        )
    except JackfieldError as error:
        yield Finding("configuration", "problem", f"{config.source}: {error}")
    else:
        yield Finding("configuration", "ok", f"{config.source}, default model {config.default or 'of the provider'}")


def _env_files(folder: Path) -> Iterator[Finding]:
    for name in (".env.local", ".env"):
        try:
            mode = (folder / name).stat().st_mode
        except OSError:
            continue
        if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
            yield Finding("keys", "warning", f"{name} can be read by other users", f"chmod 600 {name}")
        else:
            yield Finding("keys", "ok", f"{name} is there, and only its owner can read it")


# --- keys -------------------------------------------------------------------------------------------------------------


def _keys(config: Config) -> Iterator[Finding]:
    registry = Registry()
    ambient = {name for name in registry.names("provider") if config.environment.get(_variable(name, "api_key"))}
    for name in [*config.providers, *sorted(ambient - set(config.providers))]:
        plugin = str(config.providers.get(name, {}).get("plugin", name))
        try:
            cls = registry.settings_class("provider", plugin)
        except JackfieldError:
            continue  # it was told above
        fields = {} if cls is None else {field.alias: field for field in attrs.fields(cls)}
        if "api_key" not in fields:
            continue
        try:
            key, source = _setting(config, name, plugin, "api_key")
            url, _ = _setting(config, name, plugin, "base_url")
        except ConfigurationError as error:
            yield Finding("keys", "problem", str(error))
            continue
        if key is None:
            # only the instance that bears the plugin's name has the plugin's variables
            where = f"set {_variable(name, 'api_key')}" if name == plugin else f"write api_key into [providers.{name}]"
            yield Finding("keys", "note", f"{name}: no key", f"{where} if it needs one")
            continue
        if url is None:
            known = fields.get("base_url")
            url = known.default if known is not None and isinstance(known.default, str) else ""
        wrong = _shape(key, url)
        if wrong:
            yield Finding("keys", "problem", f"{name}: the key from {source} {wrong[0]}", wrong[1])
        else:
            yield Finding("keys", "ok", f"{name}: a key from {source}")


def _setting(config: Config, name: str, plugin: str, key: str) -> tuple[str | None, str]:
    """A setting of an instance as it is written, and where; None where it is not."""
    written = config.providers.get(name, {}).get(key)
    found = config.variable(written, f"{config.prefix}providers.{name}.{key}")
    if found is None and written is None and name == plugin:
        found = config.environment.get(_variable(name, key))
    if found is not None:
        return found.value, f"{found.name} in {found.source}"
    return (written, config.source) if isinstance(written, str) else (None, "")


def _variable(name: str, key: str) -> str:
    return f"{name}_{key}".upper().replace("-", "_")


def _shape(key: str, url: str) -> tuple[str, str] | None:
    """What looks wrong about a key, and what to do. Says nothing of the key that could give it away."""
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    if key != key.strip() or key.strip("\"'") != key:
        return "has a space, a line end or a quotation mark at an end", "write the bare key"
    if any(not "!" <= char <= "~" for char in key):
        return "has a character that no HTTP header can carry", "copy it once more"
    if key.startswith("sk-or-") and host == "api.openai.com":
        return "is one of OpenRouter, and would go to api.openai.com", "set base_url to https://openrouter.ai/api/v1"
    if key.startswith("sk-") and not key.startswith("sk-or-") and host == "openrouter.ai":
        return "is none of OpenRouter, whose keys begin with sk-or-", "make one at openrouter.ai"
    if key.startswith("sk-ant-") and host == "api.openai.com":
        return "is one of Anthropic, and would go to api.openai.com", "make one at platform.openai.com"
    return None


# --- the network ------------------------------------------------------------------------------------------------------


def _network(config: Config) -> Iterator[Finding]:
    if os.environ.get(OFFLINE, "").lower() not in {"", "0", "false", "no"}:
        what = f"{OFFLINE} is set: requests beyond this machine are refused"
        yield Finding("network", "warning", what, f"unset {OFFLINE}")
    found = sorted(name for name in os.environ if name.upper() in PROXIES and os.environ[name])
    if not found:
        return
    named = f"{', '.join(found)} is set"
    if config.network.proxy is not None:
        yield Finding("network", "note", f"{named}, and ignored: the configuration names a proxy itself")
    elif config.network.trust_env:
        yield Finding("network", "ok", f"{named}, and used, as the configuration says")
    else:
        yield Finding("network", "note", f"{named}, and ignored", "to use it, write trust_env = true under [network]")


def _online(config: Config) -> Iterator[Finding]:
    try:
        client = Client(config)
    except JackfieldError:
        return  # it was told above
    with client:
        for name in _instances(config):
            try:
                found = client.models(provider=name, timeout=SECONDS)
            except UnsupportedError:
                yield Finding("network", "note", f"{name}: it has no list of models, so it was not asked")
            except JackfieldError as error:
                yield Finding("network", "problem", f"{name}: {error}", "look at its base_url, its key and the network")
            else:
                yield Finding("network", "ok", f"{name}: it answers, with {len(found.models)} models")


def _instances(config: Config) -> list[str]:
    names = Registry().names("provider")
    ambient = [name for name in sorted(names) if config.environment.get(_variable(name, "api_key"))]
    return [*config.providers, *(name for name in ambient if name not in config.providers)]
