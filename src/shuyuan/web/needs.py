"""The services that pages call, and the shell they are shown in."""

from dataclasses import dataclass

from shuyuan.identity.interface import Identity
from shuyuan.learning.assessment.interface import Assessment
from shuyuan.learning.courses.interface import Courses
from shuyuan.learning.insight.interface import Insight
from shuyuan.learning.people.interface import People
from shuyuan.learning.recommendation.interface import Recommendation
from shuyuan.learning.records.interface import Records
from shuyuan.learning.tracing.interface import Tracing
from shuyuan.web.shell import Shell


@dataclass(frozen=True)
class Needs:
    """One bundle instead of ten arguments in every page family."""

    shell: Shell
    identity: Identity
    people: People
    courses: Courses
    assessment: Assessment
    records: Records
    tracing: Tracing
    recommendation: Recommendation
    insight: Insight
