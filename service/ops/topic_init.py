"""Make the topics that are missing, for deployments: `python -m service.ops.topic_init`."""

import asyncio
import sys

from service.core.errors import SegueError
from service.embedded.topics import create_topics, topic_specs, wait_for_topics
from service.settings import Settings, load_settings


async def init_topics(settings: Settings) -> list[str]:
    """Make what is missing and wait until all are served; return what was made.

    Raises:
        StepFailed: The broker refused, or was too slow.
    """
    specs = topic_specs(settings)
    made = await create_topics(settings.kafka.bootstrap, specs)
    await wait_for_topics(settings.kafka.bootstrap, specs)
    return made


def main() -> None:
    """Say what was made; fail with one block of text."""
    try:
        made = asyncio.run(init_topics(load_settings()))
    except SegueError as error:
        sys.exit(str(error))
    sys.stdout.write(f"topics made: {', '.join(made) or 'none, all are there'}\n")


if __name__ == "__main__":
    main()
