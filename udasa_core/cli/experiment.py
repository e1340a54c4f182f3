"""`udasa experiment NAME`: every experiment that is installed, with its options as its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from udasa_core.cli.command import Command, OfferedCommands, say
from udasa_core.text.printable import printable

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from udasa_core.plugins.catalog import Catalog

_KIND = "experiment"
_CATALOG = "udasa.catalog"


class Experiments(OfferedCommands):
    """The experiments of the entry-point group `udasa.experiment`, found without importing one.

    One that cannot be had is told of where it is typed or listed, and stops no other.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return their names; "distribution/name" where two distributions offer one."""
        offers = _catalog(ctx).of_kind(_KIND)
        count = Counter(offer.name for offer in offers)
        return sorted(offer.name if count[offer.name] == 1 else offer.spelling for offer in offers)

    def distribution(self, ctx: click.Context, name: str) -> str:
        """Say which distribution an experiment is of, by its name or its spelling."""
        offers = _catalog(ctx).of_kind(_KIND)
        return next(offer.distribution for offer in offers if name in (offer.name, offer.spelling))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one as a command, importing it. Also takes "module:Factory", for local work."""
        from udasa_core.errors import UdasaError

        try:
            return _command(cmd_name, _catalog(ctx))
        except UdasaError as error:
            return _broken(cmd_name, error)


def _catalog(ctx: click.Context) -> Catalog:
    from udasa_core.plugins.catalog import read_catalog

    if _CATALOG not in ctx.meta:
        ctx.meta[_CATALOG] = read_catalog()
    catalog: Catalog = ctx.meta[_CATALOG]
    return catalog


def _broken(name: str, error: Exception) -> click.Command:
    def tell(**_: Any) -> None:
        raise error

    return Command(
        name,
        help=f"Cannot be had: {printable(str(error))}",
        callback=tell,
        # Whatever was typed behind it: what is told is why it cannot be had.
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


def _command(name: str, catalog: Catalog) -> click.Command:
    from udasa_core.errors import CatalogError
    from udasa_core.experiments.options import default_folder
    from udasa_core.plugins.contract import option_faults
    from udasa_core.plugins.stack import importable, load_factory

    offer = catalog.find(_KIND, name)
    with importable(Path().resolve()):
        factory = load_factory(offer)
    fields: dict[str, FieldInfo] = factory.Options.model_fields
    faults = option_faults(factory.Options)
    if faults:
        raise CatalogError(f"{offer}: {'; '.join(faults)}")

    def run(config: Path | None, overrides: tuple[str, ...], folder: Path, **options: Any) -> None:
        from udasa_core.experiments.conduct import run_experiment

        given = {option: value for option, value in options.items() if value is not None}
        tables = run_experiment(name, config, overrides, folder=folder, options=given)
        for table in tables:
            say(f"{table}\n")
        say(f"these tables, and what else was written, lie in {folder}")

    own: list[click.Parameter] = [_option(option, field) for option, field in fields.items()]
    return Command(name, params=[*_common(default_folder(name)), *own], help=factory.__doc__, callback=run)


def _common(folder: Path) -> list[click.Parameter]:
    return [
        click.Argument(["config"], type=click.Path(dir_okay=False, path_type=Path), required=False),
        click.Option(
            ["--set", "overrides"],
            multiple=True,
            metavar="KEY=VALUE",
            help="Override a key of CONFIG. May be repeated.",
        ),
        click.Option(
            ["--folder"],
            type=click.Path(file_okay=False, path_type=Path),
            default=folder,
            show_default=True,
            help="Where runs and the report go. Typed again, the command continues there.",
        ),
    ]


def _option(name: str, field: FieldInfo) -> click.Option:
    """Return a field as an option, whose text the field's own type reads."""
    from udasa_core.experiments import options

    def read(context: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return options.read(field, text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    choices, typed = options.choices(field), options.typed(field)
    # An option that is given no default, were it None, can be required.
    default: dict[str, Any] = {"default": typed} if typed else {}
    return click.Option(
        [f"--{name.replace('_', '-')}", name],
        type=click.Choice(choices) if choices else str,
        metavar=None if choices else options.word(field),
        required=field.is_required(),
        show_default=True,
        callback=read,
        help=field.description,
        **default,
    )
