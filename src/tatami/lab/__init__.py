"""The claims about ConvNets, each a reproducible experiment with a verdict that is computed from its measurements.

Begin with ``claim.py``: what an experiment is. ``experiments/`` has one file a claim, ``run.py`` runs it.
"""

from tatami.lab.claim import Claim, Size
from tatami.lab.registry import claim_named, claims
from tatami.lab.run import run_claim

__all__ = ["Claim", "Size", "claim_named", "claims", "run_claim"]
