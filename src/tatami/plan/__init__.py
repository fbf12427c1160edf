"""Network -> numbers: what every layer costs, before the first batch. Never an array."""

from tatami.plan.cost import LayerCost
from tatami.plan.memory import Memory, StepSettings
from tatami.plan.plan import Plan, Totals, make_plan
from tatami.plan.receptive_field import AxisField, Field, receptive_fields

__all__ = [
    "AxisField",
    "Field",
    "LayerCost",
    "Memory",
    "Plan",
    "StepSettings",
    "Totals",
    "make_plan",
    "receptive_fields",
]
