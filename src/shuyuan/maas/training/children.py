"""How a run's child is started: in its folder, whose lock tells the next server that it still trains."""

import sys
from collections.abc import Sequence

from shuyuan.kernel import children
from shuyuan.kernel.children import Process as Process
from shuyuan.kernel.children import began as began
from shuyuan.kernel.children import environment as environment
from shuyuan.kernel.children import is_held as is_held

COMMAND = (sys.executable, "-m", "shuyuan.maas.training.child")
PAUSED, REFUSED = 75, children.REFUSED  # exit codes


def of(command: Sequence[str] = COMMAND) -> children.Supervisor:
    """The children of runs."""
    return children.Supervisor("shuyuan.maas.training.child", tuple(command), log="child.log", lock="lock")
