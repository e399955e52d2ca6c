"""The child process of a search: tells Optuna how the trials went, and asks for the next values.

`python -m shuyuan.maas.training.searching FOLDER` reads `ask.json` and writes `suggestion.json`. The study lies in the
folder, so a child that was killed is simply asked again: a trial that nobody has taken yet is given out once more.
What it is told are figures of the validation part.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna import distributions
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

_Json = dict[str, Any]  # Any: JSON


def main(folder: Path) -> None:
    """One question, one answer."""
    asked = json.loads((folder / "ask.json").read_text("utf-8"))
    study = _open(folder, asked)
    _tell(study, {int(number): value for number, value in asked["ended"].items()})
    trial = _next(study, asked)
    partial = folder / "suggestion.partial"
    partial.write_text(json.dumps({"trial": trial.number, "values": trial.params, "question": asked["question"]}))
    partial.replace(folder / "suggestion.json")


def _open(folder: Path, asked: Mapping[str, Any]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = str(folder / "study.log")
    storage = optuna.storages.JournalStorage(JournalFileBackend(file, lock_obj=JournalFileOpenLock(file)))
    seed = asked["seed"] + len(asked["taken"])  # of this question: asked again it gives the same
    return optuna.create_study(
        study_name="search",
        storage=storage,
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=asked["startup"]),
        direction=asked["direction"],
        load_if_exists=True,
    )


def _tell(study: optuna.Study, ended: Mapping[int, float | None]) -> None:
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.number not in ended:
            continue
        value = ended[trial.number]
        if value is None:
            study.tell(trial.number, state=TrialState.FAIL)
        else:
            study.tell(trial.number, value)


def _next(study: optuna.Study, asked: Mapping[str, Any]) -> optuna.trial.FrozenTrial | optuna.Trial:
    taken = set(asked["taken"])
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.number in taken:
            continue
        if set(trial.params) == set(asked["space"]):
            return trial
        study.tell(trial.number, state=TrialState.FAIL)  # asked for and never finished
    return study.ask(fixed_distributions={name: _distribution(said) for name, said in asked["space"].items()})


def _distribution(said: Mapping[str, Any]) -> distributions.BaseDistribution:
    if "choices" in said:
        return distributions.CategoricalDistribution(said["choices"])
    if said.get("int"):
        return distributions.IntDistribution(int(said["low"]), int(said["high"]), log=bool(said.get("log")))
    return distributions.FloatDistribution(said["low"], said["high"], log=bool(said.get("log")))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
