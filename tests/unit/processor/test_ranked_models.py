"""Each slate says which model ranked it, whoever else was ranked in the same batch."""

from collections.abc import Sequence
from dataclasses import replace

from service.core import events as ev
from service.core.session import SessionState
from service.core.slates import Model
from service.ranking import Ranked
from tests.event_makers import item_fact
from tests.unit.processor.world import World


async def a_canary_for_u2(_: Sequence[SessionState], users: Sequence[ev.UserId]) -> list[Ranked]:
    return [Ranked((), (), Model("ranker", "2" if user == "u2" else "1")) for user in users]


async def test_a_slate_carries_the_model_that_ranked_it_and_not_its_neighbours() -> None:
    world = World()
    worker = world.worker()
    worker.outside = replace(worker.outside, rank=a_canary_for_u2)
    for user, item in (("u1", "i0"), ("u2", "i1"), ("u3", "i0")):
        world.send(item_fact(ev.Started, item, user_id=user, event_id=f"e-{user}"), partition=0)
    await worker.step()
    await worker.drain()
    versions = {user: slate.model.version for user, slate in world.slates if slate}
    assert versions == {"u1": "1", "u2": "2", "u3": "1"}
