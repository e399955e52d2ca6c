"""What the tutor hears of others: signs of harm that the model API met."""

from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.tutor.service import TutorService
from shuyuan.maas.gateway.interface import HARM_SIGNS


def register(outbox: kernel_outbox.Outbox, tutor: TutorService) -> None:
    """Show them to the people who answer for the pupil."""
    outbox.subscribe(HARM_SIGNS, tutor.care.note_event)
