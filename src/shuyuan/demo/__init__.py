"""The demo school: 32 simulated pupils, three weeks of plausible history, planted misconceptions.

Accounts, classes, courses, grading, records and tracing are the ones a real school uses, and every pupil is marked
simulated. Only the sittings are missing: answers of the past are stored with a date, without an attempt one
could open. Nothing here runs unless `--demo` is given.
"""

from shuyuan.demo.school import ensure, keep_alive, link, write_json

__all__ = ["ensure", "keep_alive", "link", "write_json"]
