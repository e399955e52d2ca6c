"""A search with five trials in the database, as it looks while the sixth is under way: nothing trains for it."""

from typing import Any

from shuyuan.compose import Platform
from shuyuan.maas.training import store

RATES = (0.03, 0.001, 0.012, 0.2, 0.008)
LOSSES = (0.51, 0.62, 0.333, None, 0.41)
SPACE = {"rate": {"low": 0.0003, "high": 0.3, "log": True}, "optimiser": {"choices": ["adamw", "sgd"]}}


def added(platform: Platform, school_id: str, created_by: str, *, state: str = "running") -> str:
    """The id of a search by validation_loss; its fourth trial failed, its third is best."""
    task, data = "tabular_classification", "data:/marks/2"
    new = {"task": task, "data": data, "config": {}, "seed": 7, "key": ""}
    values = {
        "school_id": school_id, "name": "rates", "new_run": new, "space": SPACE, "metric": "validation_loss",
        "direction": "minimize", "trials": 8, "state": state, "home_id": "another home", "created_by": created_by,
    }  # fmt: skip

    def write(uow: Any) -> str:  # Any: a unit of work
        search = store.add_search(uow, values)
        for trial, (rate, loss) in enumerate(zip(RATES, LOSSES, strict=True)):
            run: dict[str, Any] = {
                "school_id": school_id, "name": f"rates · {trial + 1}", "task": task, "data": data,
                "data_sha256": "d" * 64, "config": {"rate": rate, "optimiser": "sgd", "epochs": 9}, "seed": 7,
                "processes": 1, "threads": 1, "code_version": "1", "state": "failed" if loss is None else "finished",
                "search_id": search.id, "trial": trial, "home_id": "another home", "created_by": created_by,
                "ended_at": uow.now,
            }  # fmt: skip
            if loss is None:
                run["error"] = {"code": "loss_not_finite", "message": "the loss became nan", "fix": "lower the rate"}
            else:
                run["figures"] = {"validation_loss": loss, "validation_accuracy": 1 - loss / 2}
            store.add_run(uow, run)
        return str(search.id)

    found: str = platform.get("db").write(write)
    return found
