"""`segue config`: what the configuration is, and where each value comes from."""

from typing import Annotated

import typer

config = typer.Typer(
    help="Show the settings and where each value comes from.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@config.command()
def show(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print every setting: its variable, value, source and meaning."""
    from service.settings import explain, load_settings

    rows = explain(load_settings())
    if json:
        from orjson import OPT_INDENT_2, dumps

        shown = {row.variable: {"value": row.value, "source": row.source} for row in rows}
        print(dumps(shown, option=OPT_INDENT_2).decode())
        return
    name_width = max(len(row.variable) for row in rows)
    value_width = max(len(row.value) for row in rows)
    for row in rows:
        value = row.value.ljust(value_width)
        print(f"{row.variable.ljust(name_width)}  {value}  {row.source:7}  {row.description}")
