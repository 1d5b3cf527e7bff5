"""`segue worker`: one worker process."""


def worker() -> None:
    """Run one worker until SIGTERM or Ctrl-C: events in, slates out."""
    import asyncio

    from service.app import run_worker
    from service.settings import load_settings

    asyncio.run(run_worker(load_settings()))
