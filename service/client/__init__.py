"""The reference consumer of slates: `segue[client]` (aiokafka, msgspec) is all it needs.

    import asyncio
    from service.client import Deleted, newest_slates

    async def main() -> None:
        async for news in newest_slates("127.0.0.1:9092", users={"u1", "u2"}):
            if isinstance(news, Deleted):
                print(news.user_id, "was deleted: drop their queue")
            else:
                print(news.user_id, news.version, [item.item_id for item in news.items])

    asyncio.run(main())

What a consumer has to know is in `newest`: keep the highest version per user, whatever arrives.
"""

from service.client.newest import Deleted, Newest
from service.client.slates import newest_slates
from service.core.slates import Slate, SlateItem

__all__ = ["Deleted", "Newest", "Slate", "SlateItem", "newest_slates"]
