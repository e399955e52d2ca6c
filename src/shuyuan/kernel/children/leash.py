"""A child whose work is for its server alone ends with it, also when the server was killed.

The kernel's own signal for this (PR_SET_PDEATHSIG) follows the thread that started the child, and ours come and go.
"""

import os
import signal
import threading
import time

STARTED_BY = "SHUYUAN_STARTED_BY"
_LOOK_EVERY_S = 1.0


def end_with_starter() -> None:
    """Call first in the child: from now on it ends, with what it started, once its server is gone."""
    starter = int(os.environ.pop(STARTED_BY, "") or os.getppid())
    threading.Thread(target=_watch, args=(starter,), daemon=True).start()


def _watch(starter: int) -> None:
    while os.getppid() == starter:
        time.sleep(_LOOK_EVERY_S)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
