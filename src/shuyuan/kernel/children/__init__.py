"""Child processes of every room: what they may know and take, how they are started, found again, watched and ended.

A child works in one folder: job.json → progress.json while it works → result.json, or error.json and exit code 64.
A room says how its children are started (`Supervisor`) and what the end of one means to people. What is asked once, and
shall lie in no file, goes through pipes (`ask`).
"""

from shuyuan.kernel.children.asking import ask
from shuyuan.kernel.children.leash import end_with_starter
from shuyuan.kernel.children.limits import Limits
from shuyuan.kernel.children.process import Process, began, is_held
from shuyuan.kernel.children.supervisor import REFUSED, Json, Stopped, Supervisor, read
from shuyuan.kernel.children.surroundings import environment
from shuyuan.kernel.children.trouble import trouble

__all__ = [
    "REFUSED",
    "Json",
    "Limits",
    "Process",
    "Stopped",
    "Supervisor",
    "ask",
    "began",
    "end_with_starter",
    "environment",
    "is_held",
    "read",
    "trouble",
]
