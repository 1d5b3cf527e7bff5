"""`segue models`: the registry's versions and aliases."""

import typer

models = typer.Typer(
    help="Versions and aliases of trained models.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@models.callback()
def _models() -> None:
    """Versions and aliases of trained models."""
