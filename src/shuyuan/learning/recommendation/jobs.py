"""What recommendation does in the background: forget what was taken back at once, learn anew now and then."""

from shuyuan.identity.interface import Identity
from shuyuan.kernel import jobs
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.people.interface import PROFILE_WITHDRAWN
from shuyuan.learning.recommendation.outlooks import OutlooksService
from shuyuan.learning.recommendation.pooling import Pooling

POOL_EVERY_S, FORETELL_EVERY_S = 900.0, 6 * 3600.0


def register(
    outbox: kernel_outbox.Outbox,
    scheduler: jobs.Scheduler,
    outlooks: OutlooksService,
    pooling: Pooling,
    identity: Identity,
) -> None:
    """Gains every quarter of an hour, outlooks four times a day."""

    def pool() -> None:
        for school in identity.schools():
            pooling.renew(school.id)

    def foretell() -> None:
        for school in identity.schools():
            outlooks.renew(school.id)

    outbox.subscribe(PROFILE_WITHDRAWN, outlooks.forget)
    scheduler.every(POOL_EVERY_S, "pooling", pool)
    scheduler.every(FORETELL_EVERY_S, "outlooks", foretell)
