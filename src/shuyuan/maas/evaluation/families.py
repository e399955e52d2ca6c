"""Which figures belong to which task: tasks are many, families of figures are eight."""

from shuyuan.maas.evaluation.interface import FAMILIES, Family, UnknownSubject

_BY_NAME: dict[str, Family] = {
    "autoencoder": "reconstruction",
    "bandit": "policy",
    "policy_gradient": "policy",
    "pseudo_labels": "classification",
    "staged_growth": "classification",
    "transfer": "classification",
}
_BY_WORD: tuple[tuple[str, Family], ...] = (
    ("classif", "classification"),
    ("regress", "regression"),
    ("rank", "ranking"),
    ("tower", "ranking"),
    ("recommend", "ranking"),
    ("cluster", "clustering"),
    ("language_model", "language_model"),
    ("lora", "language_model"),
    ("to_sequence", "generation"),
    ("translat", "generation"),
    ("summar", "generation"),
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
