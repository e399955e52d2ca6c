"""Params laid out for one table: the same numbers as `Params`, as arrays in the order of the table's ids."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from shuyuan.science.tracing.interactions import NO_ITEM, Floats, Interactions
from shuyuan.science.tracing.online.params import Params, PointParams

GENERAL_COLUMNS = 4  # ability, wins, losses (negative), form
POINT_COLUMNS = 2  # ability, practice


@dataclass(frozen=True)
class Layout:
    """Weights are >= 0; features that count against the learner carry their sign themselves."""

    bias: float
    general: Floats  # (GENERAL_COLUMNS,)
    items: Floats  # (items,) difficulty
    points: Floats  # (points,) difficulty
    slopes: Floats  # (points, POINT_COLUMNS)

    @classmethod
    def of(cls, params: Params, table: Interactions) -> "Layout":
        """Ids unknown to the params get their priors."""
        points = np.asarray([params.point(key) for key in table.point_ids], dtype=np.float64).reshape(-1, 3)
        weights = (params.general_weight, params.wins_weight, params.losses_weight, params.form_weight)
        items = [params.items.get(key, 0.0) for key in table.item_ids]
        return cls(params.bias, np.asarray(weights), np.asarray(items, np.float64), points[:, 0], points[:, 1:])

    def base(self, table: Interactions) -> Floats:
        """(N,) the part of the logit that no answer moves."""
        known = np.append(self.items, 0.0)[np.where(table.item == NO_ITEM, len(self.items), table.item)]
        difficulty = np.bincount(table.row, self.points[table.point] * table.share, len(table))
        return self.bias - known - difficulty

    def point_params(self, place: int) -> PointParams:
        """One point, as `Params` holds it."""
        ability, practice = map(float, self.slopes[place])
        return PointParams(float(self.points[place]), ability, practice)

    def into(self, params: Params, table: Interactions, typical: tuple[float, float]) -> Params:
        """`params` with these numbers; items and points never answered in the table are left out."""
        answered = np.unique(table.item[table.item != NO_ITEM])
        practised = np.unique(table.point)
        general, wins, losses, form = map(float, self.general)
        settings = {
            name: getattr(params, name)
            for name in ("general_variance", "general_drift", "point_variance", "point_drift", "drift_per_day")
        }
        return Params(
            bias=self.bias,
            general_weight=general,
            wins_weight=wins,
            losses_weight=losses,
            form_weight=form,
            form_rate=params.form_rate,
            typical_point=PointParams(0.0, *typical),
            points=MappingProxyType({table.point_ids[i]: self.point_params(i) for i in practised}),
            items=MappingProxyType({table.item_ids[i]: float(self.items[i]) for i in answered}),
            **settings,
        )
