"""The demo school: 32 simulated pupils, three weeks of plausible history, planted misconceptions.

Everything goes through the same interfaces a real school uses; every pupil is marked simulated. Nothing here
runs unless `--demo` is given.
"""

from shuyuan.demo.school import ensure, keep_alive, link, write_json

__all__ = ["ensure", "keep_alive", "link", "write_json"]
