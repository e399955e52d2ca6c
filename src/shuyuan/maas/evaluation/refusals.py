"""What evaluation refuses, each with its code."""

from shuyuan.kernel import errors


class UnknownReport(errors.NotFound):
    """No report of this school has that id."""

    code = "report_not_found"


class UnknownGate(errors.NotFound):
    """No gate has that name."""

    code = "gate_not_found"


class UnknownSubject(errors.NotFound):
    """What shall be evaluated is not there, or nothing can be predicted with it."""

    code = "subject_not_found"


class ReportNotReady(errors.Conflict):
    """The report is still being made, or failed."""

    code = "report_not_ready"


class EvaluationFailed(errors.BadInput):
    """The child process refused the work, and says why; the code is the child's."""

    code = "evaluation_failed"


class EvaluationLost(errors.ShuyuanError):
    """The child process ended without a word (killed, out of memory)."""

    status, code = 500, "evaluation_lost"


class UnknownCrossValidation(errors.NotFound):
    """No cross-validation of this school has that id or number."""

    code = "cross_validation_not_found"


class CrossValidationEnded(errors.Conflict):
    """It has ended already."""

    code = "cross_validation_ended"


class ReportEnded(errors.Conflict):
    """It is finished, failed or cancelled: there is nothing to stop."""

    code = "report_ended"


class ReportCancelled(errors.Conflict):
    """Somebody stopped it, or who is in its rows no longer agrees."""

    code = "report_cancelled"


class UnknownFigure(errors.BadInput):
    """No report holds a figure of that name."""

    code = "unknown_figure"


class GateInUse(errors.Conflict):
    """A pipeline or a schedule names the gate."""

    code = "gate_in_use"


class GateChanged(errors.Conflict):
    """Somebody changed the gate since one looked at it."""

    code = "gate_changed"


class ReasonMissing(errors.BadInput):
    """A gate in force is changed or removed only for a reason."""

    code = "reason_missing"
