"""What a pipeline can do with each training task, told before anything starts. Light: no task is imported. Pure.

A task that is not in the list can do everything: most give an ONNX graph that is asked row by row and judged by labels.
"""

from collections.abc import Callable, Mapping
from typing import Any

from shuyuan.maas.pipelines import interface

Config = Mapping[str, Any]  # Any: JSON, checked by the task
Cannot = dict[interface.StepName, str]

_BY_RUN = "a compressed child cannot be judged: this task is judged by what its run predicted, not row by row"
_NO_FILE = "its run leaves adapters that are served nowhere"
_LABEL_OPTIONAL = frozenset({"clustering", "autoencoder", "ranking", "language_model", "policy_gradient"})
_BY_HAND = frozenset({"bandit", "policy_gradient", "language_model"})  # figures a person should look at before serving


def of(task: str, config: Config) -> interface.Abilities:
    """What a pipeline of this task can do with this config, and what it does unless it is told otherwise."""
    cannot = _CANNOT.get(task, _nothing)(config)
    return interface.Abilities(
        task=task,
        cannot=cannot,
        promote=task not in _BY_HAND and "promote" not in cannot,
        needs_label=task not in _LABEL_OPTIONAL,
        needs_parent=task == "transfer" and not config.get("from_scratch"),
    )


def settled(spec: interface.Spec) -> interface.Spec:
    """The spec with what it leaves to the task filled in."""
    if spec.promote is not None:
        return spec
    return spec.model_copy(update={"promote": of(spec.train.task, spec.train.config).promote})


def require(spec: interface.Spec) -> None:
    """Raise CannotDoStep, naming every step that was asked for and cannot be done, and why."""
    able = of(spec.train.task, spec.train.config)
    if able.needs_parent and not spec.train.parent:
        raise interface.CannotDoStep(
            f"train: {spec.train.task} goes on from weights that are there, and no parent is named",
            fix='name one in "train": {"parent": "models:/name/3"} or runs:/id',
        )
    if asked := [name for name in spec.steps if name in able.cannot]:
        told = "; ".join(f"{name}: {able.cannot[name]}" for name in asked)
        out = " and ".join('"promote": false' if name == "promote" else f"no `{name}`" for name in asked)
        raise interface.CannotDoStep(f"{spec.train.task} cannot do every step: {told}"[:600], fix=f"send it with {out}")


def _nothing(_config: Config) -> Cannot:
    return {}


def _by_run(_config: Config) -> Cannot:
    return {"compress": _BY_RUN}


def _text(config: Config) -> Cannot:
    if config.get("embedding", "none") == "none":
        return {}
    return {"compress": "its graph reads sentence vectors that another model makes: a child cannot be asked by itself"}


def _language(config: Config) -> Cannot:
    if config.get("base", "scratch") == "scratch":
        return {"compress": _BY_RUN}
    cannot: Cannot = {"compress": "LoRA gives adapters or a GGUF; only ONNX graphs are compressed"}
    if config["base"] == "folder" or not config.get("merge", True):
        cannot |= {"canary": _NO_FILE, "promote": _NO_FILE}
    return cannot


_CANNOT: Mapping[str, Callable[[Config], Cannot]] = {
    "bandit": _by_run,
    "language_model": _language,
    "policy_gradient": _by_run,
    "ranking": _by_run,
    "sequence_to_sequence": _by_run,
    "text_classification": _text,
}
