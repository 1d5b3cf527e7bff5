"""`segue api`: the HTTP API and the live page."""


def api() -> None:
    """Run the HTTP API and the live page until SIGTERM or Ctrl-C."""
    import asyncio

    from service.api.app import serve
    from service.settings import load_settings

    asyncio.run(serve(load_settings()))
