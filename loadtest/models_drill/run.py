"""`segue loadtest models`: the drill from start to end."""

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from loadtest.demo.audience import Audience, speed_for
from loadtest.demo.score import Score
from loadtest.demo.show import listen
from loadtest.models_drill.acts import ACTS, Drill
from loadtest.models_drill.ear import Ear
from loadtest.models_drill.shop import Shop
from loadtest.producer import EventProducer
from loadtest.rig import RIG_STEPS, Rig, RigOptions, running_rig
from loadtest.watching import watching
from loadtest.world.catalogue import World
from loadtest.world_folder import world_folder
from service.embedded.broker import BrokerChoice
from service.embedded.stack import StackOptions
from service.embedded.steps import Say, Steps
from service.ops.verify import verify
from service.ops.verify_report import as_json
from service.settings import Settings

SUBFOLDER: Final = "drill"
_DRAIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class DrillOptions:
    """How the drill runs.

    Attributes:
        rate: About so many events a second, of all listeners together.
        listeners: How many simulated listeners.
        broker: Which broker.
        prompt_s: How long a swap may take, beside the checks.
    """

    rate: float = 100.0
    listeners: int = 240
    broker: BrokerChoice = "auto"
    prompt_s: float = 1.0


async def run_drill(settings: Settings, options: DrillOptions, say: Say) -> dict[str, Any]:
    """Run it and return what it came to; `passed` says whether all went as it must.

    Raises:
        StepFailed: Something could not start, ended by itself, or did not happen in time.
    """
    steps = Steps(say, RIG_STEPS + len(ACTS) + 3)
    with steps.step("world") as outcome:
        world, catalog = await asyncio.to_thread(world_folder, settings.work_dir)
        outcome.text = f"{len(world)} items"
    return await drill_in(world, catalog, settings, options, steps)


async def drill_in(
    world: World, catalog: Path, settings: Settings, options: DrillOptions, steps: Steps
) -> dict[str, Any]:
    """Run the drill with listeners of this world, on a catalogue folder of its items."""
    with steps.step("models and listeners") as outcome:
        run = secrets.token_hex(3)
        audience = await asyncio.to_thread(Audience, world, options.listeners, run)
        shop = await asyncio.to_thread(_open_shop, settings, settings.work_dir / SUBFOLDER)
        made = ", ".join(f"{name} {version}" for name, version in asdict(shop.versions).items())
        outcome.text = f"{made}; {len(audience)} simulated listeners"
    rig_options = RigOptions(
        catalog=catalog,
        stack=StackOptions(broker=options.broker, fresh=True, subfolder=SUBFOLDER),
        environment=shop.environment(),
    )
    async with running_rig(shop.settings, rig_options, steps) as rig:
        async with _listening(rig, audience, options) as ear:
            drill = Drill(shop, ear, rig.settings, steps.say, options.prompt_s)
            for name, act in ACTS.items():
                with steps.step(name):
                    await act(drill)
                    rig.check()
        with steps.step("verify") as outcome:
            said = as_json(await verify(rig.settings, until_drained_s=_DRAIN_S))
            lost = said["problems"].get("slate_missing", {}).get("count", 0)
            drill.check("segue verify is clean", said["ok"] and said["drained"])
            drill.check("no slate is lost", lost == 0)
            outcome.text = f"{said['slates']} slates, {lost} lost"
    return _report(drill, said, lost)


def _open_shop(settings: Settings, folder: Path) -> Shop:
    place = folder / "models"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    place = place.resolve()
    own = settings.model_copy(update={"work_dir": place})  # an own cache of what was fetched
    shop = Shop.open(own, place, settings.model.path)
    shop.promote(shop.versions.base, "champion")
    kept = settings.model_copy(update={"registry": shop.settings.registry})
    return Shop(kept, shop.desk, shop.versions)


@asynccontextmanager
async def _listening(rig: Rig, audience: Audience, options: DrillOptions) -> AsyncIterator[Ear]:
    """Listeners listen while the block runs; at its end every event is acknowledged."""
    bootstrap, topics = rig.stack.bootstrap, rig.settings.topics
    async with EventProducer(bootstrap, topics.events) as producer:
        ear = Ear(Score(audience, producer), rig.fleet.workers[0].health_url)
        async with watching(bootstrap, topics.slates, ear.see):
            speed = speed_for(options.rate, len(audience))
            playing = asyncio.create_task(listen(ear.score, speed, None))
            try:
                yield ear
                if playing.done():
                    playing.result()
            finally:
                playing.cancel()
                with suppress(asyncio.CancelledError):
                    await playing
            await producer.flush()


def _report(drill: Drill, said: dict[str, Any], lost: int) -> dict[str, Any]:
    heard = drill.ear.score.audience.heard
    return {
        "passed": not drill.failures,
        "failures": drill.failures,
        **drill.figures,
        "events": said["records"],
        "slates": said["slates"],
        "slates_lost": lost,
        "slates_degraded": drill.ear.degraded,
        "slates_by": {f"{v} {who}": n for (v, who), n in drill.ear.slates.items()},
        "plays": heard.plays,
        "skip_rate": round(heard.skip_rate, 4),
        "versions": asdict(drill.shop.versions),
        "seconds": round(time.monotonic() - drill.ear.score.started_s, 1),
        "listeners": "simulated",
        "verified": said["ok"] and said["drained"],
    }
