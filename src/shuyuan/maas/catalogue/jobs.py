"""Files of deleted versions go, once neither a version nor a run refers to them."""

from typing import Protocol

from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.maas.catalogue import interface
from shuyuan.maas.catalogue.service import CatalogueService


class Training(Protocol):
    """What is asked of the room that keeps runs; the catalogue never imports it."""

    def has_file(self, sha256: str) -> bool:
        """Whether a run of any school still has this file."""
        ...


def register(catalogue: CatalogueService, outbox: kernel_outbox.Outbox, training: Training) -> None:
    """From now on."""

    def forget(event: kernel_outbox.Event) -> None:
        for sha256 in event.payload["files"]:
            if not training.has_file(sha256):
                catalogue.forget_file(sha256)

    outbox.subscribe(interface.DELETED, forget)
