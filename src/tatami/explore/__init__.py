"""``tatami explore``: a family of networks as a search within budgets, by asynchronous successive halving."""

from tatami.explore.outcome import Found
from tatami.explore.session import explore
from tatami.explore.settings import Settings

__all__ = ["Found", "Settings", "explore"]
