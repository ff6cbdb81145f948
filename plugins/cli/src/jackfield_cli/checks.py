"""What `jackfield doctor` looks at. Each check gives findings, and none of them raises or shows a key."""

from __future__ import annotations

import os
import platform
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Final, Literal

from attrs import evolve, frozen

from jackfield import Client
from jackfield.config import Config, Document, Environment
from jackfield.doors import Brought, installed as by_group, load as load_point
from jackfield.errors import JackfieldError, UnsupportedError, UntrustedError
from jackfield.instances import Instances
from jackfield.provider import Secret
from jackfield.registry import Registry

from .common import allowed_plugins
from .configuring import check
from .listing import GROUPS, Allow, allowance, installed, together

__all__ = ["Finding", "everything"]

PROXIES: Final = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY")
OFFLINE: Final = "JACKFIELD_OFFLINE"
SECONDS: Final = 10.0
OPENROUTER: Final = "openrouter.ai"
OWN_PLUGIN: Final = "set OPENROUTER_API_KEY, and write default = 'openrouter:author/model'"


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


NOTHING: Final = Finding(
    "configuration",
    "problem",
    "nothing is configured, so that only the mock can answer",
    "set OPENAI_API_KEY in the environment or in .env.local, or write a jackfield.toml (`jackfield config init`)",
)


def everything(config: Path | None, folder: Path, *, online: bool) -> Iterator[Finding]:
    """Every finding, in the order in which the things depend on each other.

    Args:
        config: the configuration to look at; None finds one, as every command does.
        folder: where the `.env` files are.
        online: whether each configured provider is asked for its models.
    """
    yield _versions()
    try:
        plugins = [*_plugins(allowed_plugins(config)), *_unreadable()]
    except JackfieldError:
        plugins = [*_plugins(None, load=False), *_unreadable()]  # what is wrong is told below
    yield from plugins
    yield from _env_files(folder)
    report = check(config)
    told = "\n".join(finding.text for finding in plugins)
    yield from (_problem(problem) for problem in report.problems if str(problem) not in told)
    if report.config is not None:
        yield from _keys(report.config, report.providers)
        yield from _network(report.config)
        if report.default is None and report.config.empty:
            yield NOTHING
        elif not report.problems:
            yield _sound(report.config, report.default)
    # nobody is asked for a default model, but a client wants one where nothing else is configured
    readable = report.config or Config(Document("nothing"), Environment(()))
    with suppress(JackfieldError), Client(evolve(readable, default=report.default or "none")) as client:
        yield _engine(client.engine)
        if online:
            yield from _online(client, report.providers)


# --- what is installed ------------------------------------------------------------------------------------------------


def _versions() -> Finding:
    python = f"Python {platform.python_version()} on {platform.system()}"
    ours = f"jackfield {version('jackfield')}, jackfield-cli {version('jackfield-cli')}"
    return Finding("versions", "ok", f"{python}, {ours}")


def _engine(name: str) -> Finding:
    """What there is to say of the HTTP library in use."""
    try:
        number = version(name)
    except PackageNotFoundError:
        number = "of an unknown version"
    if name == "httpx" and number.startswith("0.28"):
        return Finding(
            "versions",
            "note",
            f"HTTP library: {name} {number}, whose pool can lose a connection when a call is cancelled twice",
            "where calls are cancelled often, install httpx2, which has mended that and is used as soon as it is there",
        )
    return Finding("versions", "ok", f"HTTP library: {name} {number}")


def _plugins(allow: Allow, *, load: bool = True) -> Iterator[Finding]:
    """What is to be said of each plugin. Without `load`, nobody knows which are allowed, so that none is loaded."""
    points, groups = installed(allow), by_group()
    for group in together(points):
        point, names = group[0], [one["name"] for one in group]
        kind, package = point["kind"], point["package"] or "an unknown package"
        what = f"{kind} {', '.join(names)}, from {package} {point['version'] or ''}".rstrip()
        if not point["allowed"]:
            yield Finding("plugins", "note", f"{what}: not allowed", f"if you trust it, add {package} to allow_plugins")
        elif point["problem"]:
            yield Finding("plugins", "problem", what, point["problem"])
        elif not load:
            yield Finding(
                "plugins", "note", f"{what}: not loaded, since the configuration does not tell what is allowed"
            )
        elif error := next(
            filter(None, (_load_error(kind, name, groups[GROUPS[kind]][name], allow) for name in names)), None
        ):
            yield Finding("plugins", "problem", f"{what}: {error}", f"reinstall or uninstall {package}")
        else:
            yield Finding("plugins", "ok", what)
    for absent in sorted({*(allow or ())} - {point["package"] for point in points}):
        yield Finding("plugins", "note", f"allow_plugins names {absent}, which brings no plugin here")
    if not any(point["kind"] == "provider" and point["allowed"] for point in points):
        yield Finding("plugins", "problem", "no provider is installed", "install one, such as jackfield-openai")


def _unreadable() -> Iterator[Finding]:
    """What is left out of all lists, since its metadata cannot be read."""
    for distribution in distributions():
        try:
            _ = distribution.entry_points
        except Exception as error:  # noqa: BLE001 - there are many ways to be broken
            where = f"a distribution in {distribution.locate_file('')}".rstrip("/")
            text = f"{where} cannot be read ({type(error).__name__}), so that its plugins are left out"
            yield Finding("plugins", "warning", text, "`pip check` may tell which it is: reinstall it")


def _load_error(kind: str, name: str, brought: Brought, allow: Allow) -> str | None:
    """Why a plugin cannot be loaded. Loading runs its code, and there is no other way to know."""
    hooked = kind not in {"command", "schema", "shape"}
    try:
        loaded = load_point(f"{kind}{' plugin' * hooked} {name!r}", brought, allowance(kind, allow))
        if hooked:
            # given, so that a registry need not look for all that is installed
            Registry({kind: {name: loaded}}).settings_class(kind, name)  # type: ignore[dict-item,arg-type]
    except JackfieldError as error:
        return str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin does when it is asked
        return f"{type(error).__name__}: {error}"
    return None


# --- what is configured -----------------------------------------------------------------------------------------------


def _problem(error: JackfieldError) -> Finding:
    trust = isinstance(error, UntrustedError)
    advice = "look at it with `jackfield config trust`, which asks before it trusts" if trust else "mend it"
    return Finding("configuration", "problem", str(error), advice)


def _sound(config: Config, default: str | None) -> Finding:
    """That nothing is wrong with a configuration, and whom it has answer."""
    if default is None:
        choice = "no default model, so that each request has to name one"
        return Finding("configuration", "note", f"{config.source}, {choice}", 'write default = "provider:model"')
    return Finding("configuration", "ok", f"{config.source}, default model {default}")


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


def _keys(config: Config, providers: Iterable[str]) -> Iterator[Finding]:
    instances = Instances(config, Registry(allow=config.allow_plugins))
    for name in providers:
        found = instances.settings("provider", name)
        if "api_key" not in found.fields:
            continue
        key, url = found.values.get("api_key"), found.values.get("base_url")
        if not isinstance(key, Secret):
            # only the instance that bears the plugin's name has the plugin's variables
            own = f"{name}_api_key".upper().replace("-", "_")
            where = f"set {own}" if name == found.plugin else f"write api_key into [providers.{name}]"
            yield Finding("keys", "note", f"{name}: no key", f"{where} if it needs one")
            continue
        if url is None:
            url = getattr(found.fields.get("base_url"), "default", None)
        source = found.variables.get("api_key") or (found.where / "api_key").origin
        url = url if isinstance(url, str) else ""
        wrong = _shape(key.reveal(), url)
        if wrong:
            yield Finding("keys", "problem", f"{name}: the key from {source} {wrong[0]}", wrong[1])
        else:
            yield Finding("keys", "ok", f"{name}: a key from {source}")
        if found.plugin == "openai" and _host(url) == OPENROUTER:
            # it works as it is, so this is no more than a hint
            more = "routing and fallbacks, what each model supports, who served a reply, and `jackfield openrouter`"
            yield Finding(
                "keys", "note", f"{name}: speaks to OpenRouter; the plugin 'openrouter' would add {more}", OWN_PLUGIN
            )


def _shape(key: str, url: str) -> tuple[str, str] | None:
    """What looks wrong about a key, and what to do. Says nothing of the key that could give it away."""
    host = _host(url)
    if key.strip("\"'") != key:
        return "has a quotation mark at an end", "write the bare key"
    if key.startswith("sk-or-") and host == "api.openai.com":
        return "is one of OpenRouter, and would go to api.openai.com", "set base_url to https://openrouter.ai/api/v1"
    if key.startswith("sk-") and not key.startswith("sk-or-") and host == OPENROUTER:
        return "is none of OpenRouter, whose keys begin with sk-or-", "make one at openrouter.ai"
    if key.startswith("sk-ant-") and host == "api.openai.com":
        return "is one of Anthropic, and would go to api.openai.com", "make one at platform.openai.com"
    return None


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition(":")[0]


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


def _online(client: Client, names: Iterable[str]) -> Iterator[Finding]:
    for name in names:
        try:
            found = client.models(provider=name, timeout=SECONDS)
        except UnsupportedError:
            yield Finding("network", "note", f"{name}: it has no list of models, so it was not asked")
        except JackfieldError as error:
            yield Finding("network", "problem", str(error), "look at its base_url, its key and the network")
        else:
            yield Finding("network", "ok", f"{name}: it answers, with {len(found.models)} models")
