"""Memory: how long something learnt stays, and when to look at it again. Pure; whoever serves it joins it with mastery.

trace = memory.answered(None, right=True, helped=False, at_s=now_s)
memory.retrievability(trace, at_s)      # will it come back to mind then?
memory.review_at_s(trace)               # when that chance has fallen to RETENTION
memory.knows_now(mastery, chance)       # mastery × retrievability: knows it, and will it come to mind?
"""

from shuyuan.science.memory.forgetting import (
    RETENTION,
    Trace,
    answered,
    knows_now,
    retrievability,
    review_at_s,
)

__all__ = ["RETENTION", "Trace", "answered", "knows_now", "retrievability", "review_at_s"]
