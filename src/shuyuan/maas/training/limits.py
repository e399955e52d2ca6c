"""How much of training may be open at once, by school and by person; asked in the unit that adds to it."""

from sqlalchemy import Connection

from shuyuan.maas.training import interface, store

RUNS_OF_SCHOOL, RUNS_OF_PERSON = 100, 40  # that have not ended; trials count for the school alone
SEARCHES_OF_SCHOOL, SEARCHES_OF_PERSON = 20, 5
TRIALS_OF_SCHOOL, TRIALS_OF_PERSON = 1_000, 400  # still to come or under way in those searches
_RETRY_AFTER_S = 60.0


def require_run(conn: Connection, school_id: str, person_id: str, *, trial: bool) -> None:
    """Raise TooManyRuns unless one more may wait. trial: of a search, whose bounds were asked when it began."""
    _runs("of the school", store.open_runs(conn, school_id), RUNS_OF_SCHOOL)
    if not trial:
        _runs("that you started", store.open_runs(conn, school_id, started_by=person_id), RUNS_OF_PERSON)


def require_search(conn: Connection, school_id: str, person_id: str, trials: int) -> None:
    """Raise TooManySearches unless a search of so many trials may begin."""
    many, left = store.trials_left(conn, school_id)
    _searches("of the school", many, left + trials, SEARCHES_OF_SCHOOL, TRIALS_OF_SCHOOL)
    many, left = store.trials_left(conn, school_id, started_by=person_id)
    _searches("that you started", many, left + trials, SEARCHES_OF_PERSON, TRIALS_OF_PERSON)


def _runs(whose: str, there: int, most: int) -> None:
    if there >= most:
        raise interface.TooManyRuns(
            f"{there} runs {whose} have not ended, at most {most} may be open",
            fix="cancel some of them, or wait until one has ended",
            retry_after_s=_RETRY_AFTER_S,
        )


def _searches(whose: str, there: int, trials: int, most: int, most_trials: int) -> None:
    if there >= most:
        raise interface.TooManySearches(
            f"{there} searches {whose} have not ended, at most {most} may be open",
            fix="cancel one of them, or wait until one has ended",
            retry_after_s=_RETRY_AFTER_S,
        )
    if trials > most_trials:
        raise interface.TooManySearches(
            f"with this one {trials} trials of searches {whose} are still to be made, at most {most_trials} may be",
            fix="give fewer trials, cancel a search, or wait until one has ended",
            retry_after_s=_RETRY_AFTER_S,
        )
