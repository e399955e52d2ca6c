"""Item response theory: from a matrix of answers to item numbers, with their errors and whether they fit.

    answers = irt.Answers.of(matrix)          # persons × items; 1, 0 and anything negative or NaN for "not asked"
    fitted = irt.fit(answers, "2pl")
    fitted.bank.a, fitted.bank.b, fitted.errors, fitted.log_likelihood

Marginal maximum likelihood: ability is normal(0, 1) in the population and integrated out, so a person may have seen
any part of the items. Diagnosis by mastered skills is `dina`, difference between groups `dif`.
"""

from shuyuan.science.testing.irt.answers import Answers
from shuyuan.science.testing.irt.dif import Dif, mantel_haenszel
from shuyuan.science.testing.irt.dina import Dina, fit_dina
from shuyuan.science.testing.irt.fitstatistics import ItemFit, item_fit
from shuyuan.science.testing.irt.fitting import Errors, Fitted, Model, fit
from shuyuan.science.testing.irt.graded import Graded, fit_graded
from shuyuan.science.testing.irt.newitems import calibrate

__all__ = [
    "Answers",
    "Dif",
    "Dina",
    "Errors",
    "Fitted",
    "Graded",
    "ItemFit",
    "Model",
    "calibrate",
    "fit",
    "fit_dina",
    "fit_graded",
    "item_fit",
    "mantel_haenszel",
]
