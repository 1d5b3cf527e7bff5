"""`segue worker`: one worker process."""


def worker() -> None:
    """Run one worker until SIGTERM or Ctrl-C: events in, slates out."""
    import asyncio
    import os

    # One process per core: a BLAS that spins up threads of its own would take the neighbours'.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from service.app import run_worker
    from service.settings import load_settings

    asyncio.run(run_worker(load_settings()))
