"""What training refuses, and under which code. Met at `interface`."""

from shuyuan.kernel import errors


class UnknownRun(errors.NotFound):
    """No run of this school has that id or number."""

    code = "run_not_found"


class UnknownSearch(errors.NotFound):
    """No search of this school has that id or number."""

    code = "search_not_found"


class UnknownTask(errors.BadInput):
    """No task has that name."""

    code = "unknown_task"


class BadConfig(errors.BadInput):
    """A field of the config is unknown, ill-typed or out of its bounds. The message names field, value and bounds."""

    code = "bad_config"


class BadSpace(errors.BadInput):
    """A search space names no field of the task, or values the task refuses."""

    code = "bad_search_space"


class BadReference(errors.BadInput):
    """Not a `runs:/…`, `models:/…` or `data:/…` reference."""

    code = "bad_reference"


class NoWeights(errors.Conflict):
    """The parent has no weights that training can go on from."""

    code = "no_weights"


class RunEnded(errors.Conflict):
    """The run has ended already."""

    code = "run_ended"


class RunNotPaused(errors.Conflict):
    """Only a paused run can be resumed."""

    code = "run_not_paused"


class RunNotFinished(errors.Conflict):
    """Only a finished run has files, and can be registered."""

    code = "run_not_finished"


class NoArtefact(errors.NotFound):
    """The run made no file of that name."""

    code = "no_artefact"


class TooManyRuns(errors.RateLimited):
    """The school, or the person, has as many open runs as are allowed."""

    code = "too_many_runs"


class TooManySearches(errors.RateLimited):
    """The school, or the person, has as many open searches or trials as are allowed."""

    code = "too_many_searches"


class NoRoom(errors.Unavailable):
    """The machine has too little disk or memory left to begin with this now."""

    code = "no_room"


class ExtraMissing(errors.Unavailable):
    """The optional part that trains is not installed here."""

    code = "extra_missing"
