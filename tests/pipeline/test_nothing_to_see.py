"""A source that has nothing to show for a while."""

from dataclasses import dataclass

import anyio
import pytest

from ngrt.control.context import Context
from ngrt.control.vetoes import Vetoes
from ngrt.errors import SourceError
from ngrt.interfaces import NothingToSee
from ngrt.messages import Frame, Image
from ngrt.pipeline.actuate import Control
from ngrt.pipeline.capture import Capturer, CaptureSetup, capture
from ngrt.pipeline.channels import Latest
from tests.pipeline.rig import Screen, VirtualClock
from tests.pipeline.watching import TICK, between, diaried

pytestmark = pytest.mark.anyio


async def test_while_there_is_nothing_to_see_the_pad_is_neutral_and_only_a_new_picture_moves_it_again() -> None:
    @dataclass
    class Minimised(Screen):
        since: tuple[float, float] = (0.0, 0.0)

        def grab(self, now: float) -> Image | None:
            if self.since[0] <= now < self.since[1]:
                raise NothingToSee("the game is minimised; restore it to play on")
            return super().grab(now)

    rig, diary = diaried(source=Minimised(since=(anyio.current_time() + 1, anyio.current_time() + 1.1)))
    await rig.play(Control(60, ticks=120, hold=60, max_age=5))
    gone = between(diary.ticks, rig.start + 1 + TICK, rig.start + 1.1)
    assert {(tick.source, tick.note) for tick in gone} == {("blocked", "the game is minimised; restore it to play on")}
    after = [tick for tick in between(diary.ticks, rig.start + 1.1, rig.start + 9) if tick.source in ("played", "held")]
    assert after[0].sent < rig.start + 1.3
    assert all(tick.chunk_id is not None and diary.made[tick.chunk_id].captured >= rig.start + 1.1 for tick in after)


async def test_what_a_source_that_was_given_up_says_when_it_is_back_counts_for_nothing() -> None:
    vetoes = Vetoes()

    class Late(Screen):
        def grab(self, now: float) -> Image | None:
            capturer.switch_to(Screen())  # meanwhile
            raise NothingToSee("the old window is minimised")

    setup = CaptureSetup(Late(), TICK, Context(1, 0.3), vetoes)
    capturer = Capturer(setup, VirtualClock(), Latest[list[Frame]]())
    assert capturer.step(anyio.current_time()) is None
    assert vetoes.strongest is None


async def test_a_source_that_fails_while_there_was_nothing_to_see_is_what_people_are_told_of() -> None:
    @dataclass
    class Gone(Screen):
        def grab(self, now: float) -> Image | None:
            self.grabs += 1
            raise NothingToSee("minimised") if self.grabs < 30 else SourceError("the screen is gone")

    rig, _ = diaried(source=Gone())
    opened: list[str | None] = []
    vetoes = Vetoes()

    def reopen() -> Screen:
        opened.append(vetoes.note)
        return Screen()

    frames = Latest[list[Frame]]()
    setup = CaptureSetup(rig.source, TICK, rig.context, vetoes, reopen)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(capture, setup, rig.worker("capture"), rig.worker, rig.clock, frames)
        await anyio.sleep(0.3)
        assert vetoes.note == "minimised"
        await anyio.sleep(1.0)
        tasks.cancel_scope.cancel()
    assert opened == [None]
