"""The command `jackfield openrouter`: what OpenRouter offers, and what an account has.

It is imported by whoever has the command `jackfield`, and so has click.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import attrs
import click

import jackfield as jf
from jackfield.errors import ConfigurationError, UnsupportedError

from .account import OpenRouterAccount
from .offers import Offer, Prices

__all__ = ["openrouter"]

MILLION: Final = 1_000_000
LAST: Final = float("inf")
SORTS: Final[dict[str, Callable[[Offer], Any]]] = {
    "name": lambda offer: offer.id,
    "price": lambda offer: (_known(offer.prices.prompt), _known(offer.prices.completion), offer.id),
    "context": lambda offer: (-(offer.context_length or 0), offer.id),
    "newest": lambda offer: (-(offer.created or 0), offer.id),
}

config_option = click.option(
    "--config", "config", metavar="FILE", help="The configuration to use, instead of the one that is found."
)
provider_option = click.option(
    "--provider", "name", metavar="NAME", default="openrouter", show_default=True, help="The instance to ask by."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that all have."""
    return json_option(provider_option(config_option(command)))


@click.group(help="What OpenRouter offers, and what your account there has.")
def openrouter() -> None:
    """Ask OpenRouter; see its commands."""


@openrouter.command(help="The models, one a line. Those whose name holds each TEXT, where any is given.")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--sort", type=click.Choice(sorted(SORTS)), default="name", show_default=True, help="What comes first.")
@click.option("--free", is_flag=True, help="Only those that cost nothing.")
@click.option(
    "--max-price",
    type=click.FloatRange(0),
    metavar="DOLLARS",
    help="Only those whose million tokens of a request cost at most this.",
)
@click.option("--min-context", type=click.IntRange(1), metavar="TOKENS", help="Only those with at least this context.")
@click.option("--input", "inputs", multiple=True, metavar="MODALITY", help="Only those that take it: image, audio, ...")
@click.option("--output", "outputs", multiple=True, metavar="MODALITY", help="Only those that give it: image, ...")
@click.option(
    "--supports", multiple=True, metavar="PARAMETER", help="Only those that support it: tools, reasoning, ..."
)
@common
def models(texts: tuple[str, ...], *, config: str | None, name: str, as_json: bool, sort: str, **wanted: Any) -> None:
    """List the offers."""
    with jf.Client(config) as client:
        offers = sorted(_account(client, name).offers(), key=SORTS[sort])
    offers = [offer for offer in offers if _fits(offer, texts, **wanted)]
    if as_json:
        _print_json([_plain(offer) for offer in offers])
        return
    _print_table(
        ("MODEL", "CONTEXT", "$/M IN", "$/M OUT", "TAKES", "GIVES"),
        [
            (offer.id, _count(offer.context_length), *_dollars(offer.prices), *map(",".join, _modalities(offer)))
            for offer in offers
        ],
    )


@openrouter.command(help="The providers that serve a MODEL, as 'author/slug'.")
@click.argument("model")
@common
def endpoints(model: str, *, config: str | None, name: str, as_json: bool) -> None:
    """List who serves a model, the cheapest first."""
    with jf.Client(config) as client:
        found = _account(client, name).endpoints(model).endpoints
    found = sorted(found, key=lambda one: (_known(one.prices.prompt), _known(one.prices.completion), one.provider))
    if as_json:
        _print_json([_plain(one) for one in found])
        return
    _print_table(
        ("PROVIDER", "TAG", "CONTEXT", "$/M IN", "$/M OUT", "WEIGHTS", "UPTIME"),
        [
            (one.provider, one.tag or "-", _count(one.context_length), *_dollars(one.prices), one.quantization or "-",
             "-" if one.uptime is None else f"{one.uptime:.1f} %")
            for one in found
        ],
    )  # fmt: skip


@openrouter.command(help="What the account has bought and used. It may take a key that manages keys.")
@common
def credits(*, config: str | None, name: str, as_json: bool) -> None:  # noqa: A001 - the command's name
    """Tell the credits."""
    with jf.Client(config) as client:
        told = _account(client, name).credits()
    facts = {"bought": told.total, "used": told.used, "left": told.remaining}
    _print_facts(facts, {name: f"${value:.4f}" for name, value in facts.items()}, as_json=as_json)


@openrouter.command(help="What the key in use may spend, and has spent.")
@common
def key(*, config: str | None, name: str, as_json: bool) -> None:
    """Tell of the key."""
    with jf.Client(config) as client:
        told = _account(client, name).key()
    own = ("label", "limit", "limit_remaining", "limit_reset", "used", "used_daily", "used_weekly", "used_monthly")
    _print_response(told, (*own, "is_free_tier", "expires"), as_json=as_json)


@openrouter.command(help="What is kept of a generation, by its ID ('gen-...').")
@click.argument("generation_id", metavar="ID")
@common
def generation(generation_id: str, *, config: str | None, name: str, as_json: bool) -> None:
    """Tell of a generation."""
    with jf.Client(config) as client:
        told = _account(client, name).generation(generation_id)
    own = ("id", "model", "served_by", "cost", "prompt_tokens", "completion_tokens", "reasoning_tokens")
    more = ("cached_tokens", "finish_reason", "native_finish_reason", "streamed", "cancelled", "latency", "seconds")
    _print_response(told, (*own, *more), as_json=as_json)


def _account(client: jf.Client, name: str) -> OpenRouterAccount:
    try:
        found: OpenRouterAccount = client.provider(name, OpenRouterAccount)
    except UnsupportedError:
        what = f"provider {name!r} is none of the plugin 'openrouter'; name one by --provider"
        raise ConfigurationError(what) from None
    return found


def _fits(
    offer: Offer,
    texts: Sequence[str],
    *,
    free: bool,
    max_price: float | None,
    min_context: int | None,
    inputs: Sequence[str],
    outputs: Sequence[str],
    supports: Sequence[str],
) -> bool:
    prompt = offer.prices.prompt
    return (
        all(text.lower() in f"{offer.id} {offer.name}".lower() for text in texts)
        and (not free or offer.prices.free)
        and (max_price is None or (prompt is not None and prompt * MILLION <= max_price))
        and (min_context is None or (offer.context_length or 0) >= min_context)
        and {*inputs} <= {*offer.input_modalities}
        and {*outputs} <= {*offer.output_modalities}
        and offer.parameters >= {*supports}
    )


def _known(price: float | None) -> float:
    return LAST if price is None else price


def _dollars(prices: Prices) -> tuple[str, str]:
    one, other = ("-" if price is None else f"{price * MILLION:.2f}" for price in (prices.prompt, prices.completion))
    return one, other


def _count(tokens: int | None) -> str:
    return "-" if tokens is None else f"{tokens:,}"


def _modalities(offer: Offer) -> tuple[Sequence[str], Sequence[str]]:
    return offer.input_modalities or ("-",), offer.output_modalities or ("-",)


def _plain(value: Any) -> dict[str, Any]:
    told = attrs.asdict(value, filter=lambda attribute, _: attribute.name != "raw")
    return {**told, "parameters": sorted(told["parameters"])}


def _print_response(told: Any, names: Iterable[str], *, as_json: bool) -> None:
    facts = {name: getattr(told, name) for name in names}
    shown = {name: value for name, value in facts.items() if value is not None}
    _print_facts(facts, {name: str(value) for name, value in shown.items()}, as_json=as_json)


def _print_facts(facts: dict[str, Any], shown: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        _print_json(facts)
        return
    width = max(map(len, shown), default=0)
    for name, text in shown.items():
        _print(f"{name.replace('_', ' '):<{width}}  {text}")


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        # numbers end in one column, words begin in one
        cells = (
            cell.rjust(width) if _is_number(name) else cell.ljust(width)
            for cell, width, name in zip(row, widths, head, strict=True)
        )
        _print("  ".join(cells).rstrip())


def _is_number(name: str) -> bool:
    return name.startswith("$") or name in {"CONTEXT", "UPTIME"}


def _print(line: str) -> None:
    # names come from a server, and none of them is to drive a terminal
    _write("".join(char if char.isprintable() else "?" for char in line))


def _print_json(value: Any) -> None:
    _write(json.dumps(value, indent=1))


def _write(text: str) -> None:
    if sys.stdout is None:
        raise click.UsageError("standard output is closed")
    # what a stream of another encoding lacks is no reason to end in the middle
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text.encode(encoding, 'replace').decode(encoding)}\n")
