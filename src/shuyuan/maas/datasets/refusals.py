"""The errors of data sets: each with its code, so that programs need not read sentences."""

from typing import ClassVar

from shuyuan.kernel import errors


class UnknownDataSet(errors.NotFound):
    """No data set, version or work has this name in this school."""

    code: ClassVar[str] = "data_set_not_found"


class UnknownPart(errors.NotFound):
    """The version has no such part."""

    code: ClassVar[str] = "part_not_found"


class ConsentMissing(errors.Forbidden):
    """Personal data without consent may not be trained on."""

    code: ClassVar[str] = "consent_missing"


class RawPersons(errors.Conflict):
    """Its person column holds names or numbers: it was read before pseudonyms took their place."""

    code: ClassVar[str] = "raw_persons"


class DataSetInUse(errors.Conflict):
    """Something was made with it."""

    code: ClassVar[str] = "data_set_in_use"


class DataSetPurged(errors.Conflict):
    """Its rows were removed for good; what is left says who did it, when and why."""

    code: ClassVar[str] = "data_set_purged"


class StillAgreed(errors.Conflict):
    """Rows of persons who agree are not purged: their consent is withdrawn first."""

    code: ClassVar[str] = "consent_not_withdrawn"


class TooManyWorks(errors.RateLimited):
    """The school has as many works in the queue as it may."""

    code: ClassVar[str] = "too_many_works"


class BadData(errors.BadInput):
    """The data cannot be used as it is: names where and why."""

    code: ClassVar[str] = "bad_data"


class WrongColumns(BadData):
    """A column is missing, named twice, or not of the kind it should be."""

    code: ClassVar[str] = "wrong_columns"


class EmptyData(BadData):
    """Nothing is in it, or nothing was left."""

    code: ClassVar[str] = "empty_data"


class OneClass(BadData):
    """The label has one class only: there is nothing to learn."""

    code: ClassVar[str] = "one_class"


class HostileArchive(BadData):
    """An archive that grows beyond its bounds or reaches out of its folder."""

    code: ClassVar[str] = "hostile_archive"


class LineTooLong(BadData):
    """A line over the cap: it is not read on."""

    code: ClassVar[str] = "line_too_long"


class NotInstalled(errors.Unavailable):
    """The library that reads tables or pictures is not here."""

    code: ClassVar[str] = "data_not_installed"


class NoSpace(errors.Conflict):
    """The disk cannot hold it."""

    code: ClassVar[str] = "no_space"
