"""`segue up`: the whole service on this machine, without traffic."""

from enum import StrEnum
from typing import Annotated

import typer


class Broker(StrEnum):
    """Which broker to run."""

    auto = "auto"
    real = "real"
    mock = "mock"


def up(
    broker: Annotated[
        Broker, typer.Option(help="auto: your own if set, else real Kafka, else the mock.")
    ] = Broker.auto,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the events and state of earlier runs.")
    ] = False,
) -> None:
    """Run broker, store, one worker and the API until Ctrl-C, without traffic."""
    import asyncio

    from service.embedded.serving import serve_everything, until_stopped
    from service.embedded.stack import StackOptions
    from service.settings import load_settings

    options = StackOptions(broker=broker.value, fresh=fresh)
    asyncio.run(until_stopped(serve_everything(load_settings(), options)))
