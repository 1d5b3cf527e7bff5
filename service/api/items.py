"""Routes that read the catalogue."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query

from service.api.deps import ApiDeps
from service.api.ports import Catalogue, ItemCard
from service.api.problems import Problem


def card_fields(card: ItemCard) -> dict[str, Any]:
    """Write a card as plain JSON values, without what is unknown."""
    fields: dict[str, Any] = msgspec.to_builtins(card)
    return {name: value for name, value in fields.items() if value is not None}


def cards_of(slate: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """Return the cards of all items that a slate names, in its places or in its reasons, by id."""
    named = set()
    for item in slate.get("items", ()):
        named.add(item["item_id"])
        named.update(reason.partition(":")[2] for reason in item.get("reasons", ()))
    cards = {item_id: catalogue.card(item_id) for item_id in named}
    return {item_id: card_fields(card) for item_id, card in cards.items() if card}


def item_routes(deps: ApiDeps) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["catalogue"])

    @routes.get("/v1/items/{item_id:path}")
    async def item(item_id: str) -> dict[str, Any]:
        """One item: title, artist, series, content type, attributes."""
        card = deps.catalogue.card(item_id)
        if card is None:
            raise Problem(404, "the catalogue does not know this item")
        return card_fields(card)

    @routes.get("/v1/catalog/search")
    def search(
        q: Annotated[str, Query(min_length=1, max_length=100)],
        limit: Annotated[int, Query(ge=1, le=50)] = 20,
    ) -> dict[str, Any]:
        """Items whose title begins with, or contains, `q`. Not async: it runs in a thread."""
        return {"items": [card_fields(card) for card in deps.catalogue.search(q, limit)]}

    return routes
