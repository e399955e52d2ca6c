"""Bodies of the text services."""

from typing import Annotated

from pydantic import Field, JsonValue

from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.wire import base

MAX_ROWS = 1_000


class SummarizeBody(base.Body):
    """Without `model` the most central sentences are taken from the text itself. style title: a few words."""

    text: base.Text
    sentences: int = Field(3, ge=1, le=20)
    style: interface.SummaryStyle = "sentences"
    language: interface.Language | None = None
    model: base.ModelName | None = None


class TranslateBody(base.Body):
    text: Annotated[str, Field(min_length=1, max_length=4_000)]
    target: interface.Language
    source: interface.Language | None = None
    model: base.ModelName | None = None


class Label(base.Body):
    """A label, and words between commas that belong to it."""

    label: Annotated[str, Field(min_length=1, max_length=200)]
    description: str = Field("", max_length=2_000)


class ClassifyBody(base.Body):
    """`labels` by meaning; or none, with a `model` that was trained on labels of its own."""

    text: base.Text
    labels: list[Annotated[str, Field(min_length=1, max_length=200)] | Label] | None = Field(
        None, min_length=2, max_length=interface.MAX_LABELS
    )
    model: base.ModelName | None = None

    @property
    def names(self) -> list[str]:
        """The labels themselves."""
        return [one.label if isinstance(one, Label) else one for one in self.labels or ()]

    @property
    def descriptions(self) -> dict[str, str]:
        """What was said about them."""
        return {one.label: one.description for one in self.labels or () if isinstance(one, Label)}


class PredictBody(base.Body):
    """Rows by the names of their columns, for a `model` trained on a table. What a row leaves out is missing."""

    model: base.ModelName
    rows: list[dict[str, JsonValue]] = Field(min_length=1, max_length=MAX_ROWS)


class KeywordsBody(base.Body):
    text: base.Text
    limit: int = Field(10, ge=1, le=50)


class SentimentBody(base.Body):
    text: base.Text
