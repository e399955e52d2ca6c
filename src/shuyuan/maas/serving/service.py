"""Builds the engine of this installation."""

from shuyuan.kernel import settings as kernel_settings
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.serving.engine import LocalEngine


def build_engine(catalogue: catalogue_api.Catalogue, settings: kernel_settings.Settings) -> LocalEngine:
    """An engine over the catalogue; starts nothing before the first call. `close` is a coroutine."""
    engine = LocalEngine(catalogue, memory_bytes=settings.model_memory_bytes)
    catalogue.on_change.append(engine.forget)
    return engine
