"""Pulls by name, in the background if wanted, and answers where a pulled model lies.

A `Locator` over the starter entries: needs no database, so serving and the CLI work without one.
"""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import cache, fetch, interface, pull, starters

_log = structlog.get_logger(module="catalogue.puller")


class Puller:
    """Owns the running pulls of this process; the cache itself is shared with others."""

    def __init__(
        self,
        cache_dir: Path | None = None,
        *,
        entries: Mapping[str, interface.Entry] = starters.ENTRIES,
        fetcher: fetch.Fetcher = fetch.from_index,
    ) -> None:
        self.cache_dir = cache_dir or cache.default_dir()
        self._entries, self._fetcher = entries, fetcher
        self._progress: dict[str, interface.PullProgress] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._cancels: dict[str, threading.Event] = {}
        self._guard = threading.Lock()

    def entry(self, name: str) -> interface.Entry:
        """The entry of this name. Raises UnknownModel, naming what there is."""
        if name not in self._entries:
            known = ", ".join(sorted(self._entries))
            raise interface.UnknownModel(f"there is no model named {name!r}", fix=f"use one of: {known}")
        return self._entries[name]

    def known(self, school_id: str = interface.SHARED) -> Sequence[str]:
        """Names of every entry: the same for every school."""
        return list(self._entries)

    def locate(self, model: str, school_id: str = interface.SHARED) -> interface.Loadable:
        """The verified files of an entry, the same for every school. Raises UnknownModel, NotPulled, HashMismatch."""
        entry = self.entry(model)
        slot = cache.Slot(self.cache_dir, entry)
        if not slot.is_verified():
            raise interface.NotPulled(
                f"model {model!r} is not on this machine", fix=f"run: shuyuan pull {model}", retry_after_s=30
            )
        return interface.Loadable(
            name=entry.name,
            version=f"models:/{entry.name}@sha256:{entry.sha256[:8]}",
            path=slot.path,
            runner=entry.runner,
            tasks=entry.tasks,
            context_tokens=entry.context_tokens,
            memory_bytes=entry.memory_bytes,
            sha256=entry.sha256,
        )

    def pull(self, name: str, *, from_dir: Path | None = None, on_progress: pull.OnProgress | None = None) -> Path:
        """Pull now; returns the verified file. Raises what `Pull.run` raises, and UnknownModel."""
        slot = cache.Slot(self.cache_dir, self.entry(name))
        cancelled = self._cancels.setdefault(name, threading.Event())

        def tell(progress: interface.PullProgress) -> None:
            self._progress[name] = progress
            if on_progress:
                on_progress(progress)

        try:
            return pull.Pull(
                slot,
                fetcher=fetch.from_folder(from_dir) if from_dir else self._fetcher,
                cancelled=cancelled,
                on_progress=tell,
                from_dir=from_dir,
            ).run()
        except Exception as wrong:
            tell(self._ended(name, wrong))
            raise

    def start(self, name: str, *, from_dir: Path | None = None) -> interface.PullProgress:
        """Pull in a background thread; a pull already running is left to run."""
        entry = self.entry(name)
        with self._guard:
            running = self._threads.get(name)
            if running is None or not running.is_alive():
                self._cancels[name] = threading.Event()
                self._progress[name] = interface.PullProgress(
                    name=name, stage="queued", bytes_done=0, bytes_total=entry.total_bytes
                )
                thread = threading.Thread(
                    target=self._in_background, args=(name, from_dir), name=f"pull-{name}", daemon=True
                )
                self._threads[name] = thread
                thread.start()
        return self._progress[name]

    def cancel(self, name: str) -> None:
        """Stop a pull; verified parts stay for the next one."""
        self.entry(name)
        if name in self._cancels:
            self._cancels[name].set()

    def wait(self, name: str, timeout_s: float | None = None) -> interface.PullProgress | None:
        """Wait for the background pull of this name, at most `timeout_s` seconds."""
        thread = self._threads.get(name)
        if thread:
            thread.join(timeout_s)
        return self.pull_progress(name)

    def pull_progress(self, model: str) -> interface.PullProgress | None:
        """The progress of a pull: started here, by another process, or interrupted before a restart."""
        known = self._progress.get(model)
        if known is None and model in self._entries:
            return cache.Slot(self.cache_dir, self._entries[model]).unfinished()
        return known

    def close(self) -> None:
        """Cancel and wait for every background pull."""
        for cancelled in self._cancels.values():
            cancelled.set()
        for thread in self._threads.values():
            thread.join()

    def _in_background(self, name: str, from_dir: Path | None) -> None:
        try:
            path = self.pull(name, from_dir=from_dir)
            _log.info("model_pulled", model=name, path=str(path))
        except Exception as wrong:  # recorded in the progress; a thread has nobody to raise to
            _log.warning("model_pull_ended", model=name, error=str(wrong))

    def _ended(self, name: str, wrong: Exception) -> interface.PullProgress:
        last = self._progress.get(name)
        expected = isinstance(wrong, errors.ShuyuanError)
        message = str(wrong) if expected else f"{type(wrong).__name__}: {wrong}"
        return interface.PullProgress(
            name=name,
            stage="cancelled" if isinstance(wrong, interface.PullCancelled) else "failed",
            bytes_done=last.bytes_done if last else 0,
            bytes_total=self.entry(name).total_bytes,
            error=message,
        )
