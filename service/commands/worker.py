"""`segue worker`: one worker process."""


def worker() -> None:
    """Run one worker until SIGTERM or Ctrl-C: events in, slates out."""
    import os
    import sys

    import uvloop

    # One process per core: a BLAS that spins up threads of its own would take the neighbours'.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from service.app import run_worker
    from service.settings import load_settings

    # The ranking thread must not keep the event loop from Kafka and Redis for 5 ms at a time.
    sys.setswitchinterval(0.0005)
    uvloop.run(run_worker(load_settings()))
