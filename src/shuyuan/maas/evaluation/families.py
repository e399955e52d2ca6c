"""Which figures belong to which task: tasks are many, families of figures are six."""

from shuyuan.maas.evaluation.interface import FAMILIES, Family, UnknownSubject

_BY_NAME: dict[str, Family] = {
    "linear": "regression",
    "logistic": "classification",
    "pseudo_labels": "classification",
    "encoder_decoder": "generation",
    "translation": "generation",
    "summarization": "generation",
    "two_tower": "ranking",
    "ranking": "ranking",
    "recommendation": "ranking",
    "autoencoder": "regression",
    "kmeans": "clustering",
    "lora": "language_model",
}
_BY_WORD: tuple[tuple[str, Family], ...] = (
    ("classif", "classification"),
    ("labels", "classification"),
    ("regress", "regression"),
    ("rank", "ranking"),
    ("tower", "ranking"),
    ("cluster", "clustering"),
    ("language_model", "language_model"),
    ("lora", "language_model"),
    ("translat", "generation"),
    ("summar", "generation"),
    ("generat", "generation"),
    ("decoder", "generation"),
)


def family_of(task: str) -> Family:
    """The family of a task's name. Raises UnknownSubject.

    >>> family_of("tabular_classification"), family_of("regression")
    ('classification', 'regression')
    """
    if task in FAMILIES:
        return task
    if task in _BY_NAME:
        return _BY_NAME[task]
    for word, family in _BY_WORD:
        if word in task:
            return family
    raise UnknownSubject(
        f"it is not known which figures belong to task {task!r}", fix=f"give `task`: one of {', '.join(FAMILIES)}"
    )
