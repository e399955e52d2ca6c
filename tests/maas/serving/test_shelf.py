"""What nobody has loaded is told without waiting for the catalogue, and one bad entry hides no other."""

import asyncio
import threading

from tests.maas.serving.conftest import Shelf as Files
from tests.maas.serving.conftest import run, until
from tests.maas.serving.test_engine import ONES, status

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving.engine import LocalEngine


class Watched(Files):
    """Notes which thread asks; `headless` names have no champion."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()
        self.headless: list[str] = []

    def locate(self, model: str, school_id: str = catalogue.SHARED) -> catalogue.Loadable:
        self.threads.add(threading.get_ident())
        return super().locate(model, school_id)

    def known(self, school_id: str = catalogue.SHARED) -> list[str]:
        self.threads.add(threading.get_ident())
        return [*super().known(school_id), *self.headless]


def test_a_model_without_a_champion_is_absent_and_hides_no_other(shelf: Files) -> None:
    watched = Watched()
    watched.files, watched.headless = shelf.files, ["commons"]

    async def use(engine: LocalEngine) -> None:
        assert {one.model: one.state for one in engine.status()} == {"linear": "pulled", "commons": "absent"}
        assert "commons" in status(engine, "commons").reason

    run(watched, use)


def test_the_loop_never_asks_the_catalogue_again_and_still_learns_what_is_new(shelf: Files) -> None:
    watched = Watched()
    watched.files = shelf.files

    async def use(engine: LocalEngine) -> None:
        await asyncio.to_thread(engine.status)
        watched.threads.clear()
        shelf.put("second", shelf.files["linear"].path, "onnx")
        engine.forget()
        await until(lambda: {one.model for one in engine.status()} == {"linear", "second"})
        assert watched.threads
        assert threading.get_ident() not in watched.threads

    run(watched, use)


def test_what_the_loop_adds_while_a_page_reads_does_not_disturb_it(shelf: Files) -> None:
    async def use(engine: LocalEngine) -> None:
        await engine.predict("linear", ONES)
        lane, taken_by = next(iter(engine._lanes.values())), engine._budget.taken_by

        def and_another_comes(resident: object) -> int:
            engine._lanes[f"{len(engine._lanes)}"] = lane
            return taken_by(resident)  # type: ignore[arg-type]

        engine._budget.taken_by = and_another_comes  # type: ignore[method-assign]
        assert [one.model for one in engine.residency().models] == ["linear"]
        engine._lanes = dict(list(engine._lanes.items())[:1])

    run(shelf, use)
