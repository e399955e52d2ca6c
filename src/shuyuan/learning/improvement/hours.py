"""When versions may change: never in an exam, by themselves never in school hours."""

from zoneinfo import ZoneInfo

from shuyuan.identity.interface import Identity
from shuyuan.kernel import clock as kernel_clock
from shuyuan.learning.improvement.interface import ExamFreeze


class Hours:
    """Of every school of an installation."""

    def __init__(self, identity: Identity, timezone: str, clock: kernel_clock.Clock) -> None:
        self._identity, self._zone, self._clock = identity, ZoneInfo(timezone), clock

    @property
    def window(self) -> str:
        """Outside school hours, in words of the clock."""
        return f"{kernel_clock.CLOSES_HOUR:02d}:00-{kernel_clock.OPENS_HOUR:02d}:00 {self._zone.key}"

    def in_school(self) -> bool:
        """Whether a class may be sitting now."""
        return kernel_clock.in_school_hours(self._clock().astimezone(self._zone))

    def in_exam(self, school_id: str) -> bool:
        """Whether a class of the school sits an exam now."""
        until = self._identity.exam_until(school_id)
        return until is not None and until > self._clock()

    def refuse_in_exam(self, school_id: str) -> None:
        """Raise ExamFreeze while one runs."""
        if self.in_exam(school_id):
            raise ExamFreeze(
                f"an exam runs until {self._identity.exam_until(school_id):%Y-%m-%d %H:%M} UTC: "
                "no version changes before it ends",
                fix="wait for its end, or end the exam mode of that class",
            )
