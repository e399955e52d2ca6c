"""Our own: a small recurrent net that corrects the served Kalman step, and is served itself as `online.recurrent`.

Several teachers, of other seeds and held-out learners, are distilled into the one net that is served. Sources: see
`correcting` and `distilling`.
"""

from dataclasses import replace

from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Interactions
from shuyuan.science.tracing.neural import correcting, distilling, fitted
from shuyuan.science.tracing.neural.training import Recipe
from shuyuan.science.tracing.online import weights

NAME = "recurrent"
RECIPE = Recipe(epochs=6, rate=3e-3, rare_decay=0.3, longest=256)
ANSWERS, MOST_EPOCHS = 1_500_000, 30  # a small table is read more often: until so many answers were seen


def suited(answers: int) -> Recipe:
    """RECIPE for a table of so many answers."""
    return replace(RECIPE, epochs=min(max(ANSWERS // max(answers, 1), RECIPE.epochs), MOST_EPOCHS))


def fit(
    train: Interactions,
    *,
    validation: Interactions | None = None,
    seed: int = 0,
    recipe: Recipe | None = None,
    teachers: int = 1,
) -> correcting.Fitted:
    """See `family.Algorithm`. teachers: more than one are distilled into one. recipe: `suited` without."""
    recipe = recipe or suited(len(train))
    prepared = correcting.Prepared.of(train, validation, seed)
    if teachers == 1:
        return prepared.trained(recipe, seed)
    return distilling.distilled(prepared, distilling.teachers(prepared, teachers, recipe, seed), recipe, seed)


def load(arrays: Arrays) -> correcting.Fitted:
    """See `family.Algorithm`."""
    params, around, vocabulary = weights.read(arrays)
    net = fitted.filled(correcting.Recurrent(len(vocabulary.item_ids), len(vocabulary.point_ids)), arrays)
    return correcting.Fitted(vocabulary, params, around, net)
