"""Cleaning rules: one file each, named in `steps.RULES`. Child processes only: they work on polars frames."""

import importlib

from shuyuan.maas.datasets import interface, steps
from shuyuan.maas.datasets.rules.base import Rule


def built(step: interface.Step, columns: "list[interface.Column]", seed: int) -> Rule:
    """The rule of a step. Raises BadInput for one that is not known, or an option it does not take."""
    options = steps.options(step, steps.RULES)
    module = importlib.import_module(steps.RULES[step.rule].module)
    rule: Rule = module.RULE(step.rule, options, columns, seed)
    return rule
