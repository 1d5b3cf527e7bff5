"""`segue data`: from event logs to training sessions."""

import typer

data = typer.Typer(
    help="Dump, check and fold event logs into training sessions.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@data.callback()
def _data() -> None:
    """Dump, check and fold event logs into training sessions."""
