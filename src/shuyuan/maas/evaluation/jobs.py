"""After a start: go on with the reports that an earlier server had begun."""

from shuyuan.maas.evaluation.service import EvaluationService


def register(evaluation: EvaluationService) -> None:
    """Begin them again."""
    evaluation.resume()
