"""Columns in, arrays out: what the columns of a table become before a net sees them, at training as at serving.

Fitted on train alone, kept as JSON, pure NumPy (Pillow only when there are pictures): an edge bundle ships these files
as they are. What was never seen is index 0, a missing number is the median of train with an indicator beside it.
"""

from shuyuan.science.features.base import BadColumn, Input, Options
from shuyuan.science.features.features import Features

__all__ = ["BadColumn", "Features", "Input", "Options"]
