"""Route that shows what the service knows of a listener."""

from typing import Any

from fastapi import APIRouter

from service.api.deps import ApiDeps
from service.api.intake import check_user_id
from service.api.ports import Catalogue
from service.api.problems import Problem
from service.core.codec import Stored, digest
from service.core.events import CONTENT_TYPES
from service.core.memory import HASH_BYTES, ArtistMemory, ItemMemory, Play, PlayEnd


def state_routes(deps: ApiDeps) -> APIRouter:
    """Build the route."""
    routes = APIRouter(tags=["state"])

    @routes.get("/v1/users/{user_id:path}/state")
    async def state(user_id: str) -> dict[str, Any]:
        """The session state, decoded, with names beside ids."""
        (stored,) = await deps.states.get_many([check_user_id(user_id)])
        if stored is None:
            raise Problem(404, "nothing is known of this user")
        return state_view(stored, deps.catalogue)

    return routes


def state_view(stored: Stored, catalogue: Catalogue) -> dict[str, Any]:
    """Write a state for people: field names, words instead of numbers, newest first."""
    state, fence = stored.state, stored.fence
    return {
        "session_id": state.session_id,
        "version": state.version,
        "digest": digest(state),
        "partition": fence.partition,
        "offset": fence.offset,
        "epoch": fence.epoch,
        "lineage": fence.lineage.hex(),
        "started_at_ms": state.started_at_ms,
        "last_at_ms": state.last_at_ms,
        "session_len": state.session_len,
        "steering": {
            "more_like": [_named(item_id, catalogue) for item_id in state.steering.more_like],
            "less_artists": [
                {"artist_id": artist_id, "name": catalogue.artist_name(artist_id)}
                for artist_id in state.steering.less_artists
            ],
            "exclude_types": list(state.steering.exclude_types),
        },
        "ring": [_play(play, catalogue) for play in reversed(state.ring)],
        "items": [_item(memory, catalogue) for memory in reversed(state.items)],
        "artists": [_artist(memory, catalogue) for memory in reversed(state.artists)],
        "event_ids_count": len(state.event_ids) // HASH_BYTES,
        "deleted_at_ms": state.deleted_at_ms or None,
    }


def _named(item_id: str, catalogue: Catalogue) -> dict[str, Any]:
    card = catalogue.card(item_id)
    return {"item_id": item_id, "title": card.title if card else None}


def _play(play: Play, catalogue: Catalogue) -> dict[str, Any]:
    return _named(play.item_id, catalogue) | {
        "end": PlayEnd(play.end).name.lower(),
        "dwell_s": play.dwell_s,
        "at_s": play.at_s,
        "content_type": CONTENT_TYPES[play.content_type],
        "liked": play.liked,
        "saved": play.saved,
    }


def _item(memory: ItemMemory, catalogue: Catalogue) -> dict[str, Any]:
    return _named(memory.item_id, catalogue) | {
        "liked": memory.liked,
        "saved": memory.saved,
        "resume_s": memory.resume_s,
        "at_s": memory.at_s,
    }


def _artist(memory: ArtistMemory, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "artist_id": memory.artist_id,
        "name": catalogue.artist_name(memory.artist_id),
        "plays": memory.plays,
        "skips": memory.skips,
        "likes": memory.likes,
        "dislikes": memory.dislikes,
    }
