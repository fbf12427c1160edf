"""Mixup: two samples and their labels averaged.

Letters: n samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.data.draws import uniform

_SHARES, _PARTNERS = -1, -2  # streams; the transforms count theirs from 0


@dataclass(frozen=True, eq=False)
class Mix:
    """With whom each sample of a batch is mixed, and how much of it remains.

    Attributes:
        partner: int64 (n,), positions within the batch, each once; a sample may be its own partner.
        share: float32 (n,), from 0 to 1, of the sample itself, and of its label in the loss.

    Of a part of a batch, of which see :meth:`part`, partners may lie behind the n samples that are mixed.
    """

    partner: NDArray[np.int64]
    share: NDArray[np.float32]

    def blend(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """``share * x + (1 - share) * x[partner]``, for standardised samples or one-hot labels (n, ...).

        What lies behind the first n is there for those whose partner it is, and has no row in the result.
        """
        share = self.share.reshape(-1, *(1,) * (x.ndim - 1))
        return share * x[: len(share)] + (1 - share) * x[self.partner]

    def part(self, rows: slice) -> tuple[NDArray[np.int64], Mix]:
        """What a part of the batch takes, to be mixed as it is within the whole.

        Args:
            rows: the part's positions within the batch.

        Returns:
            int64 (m,), the positions of the samples that are needed: the part's own, then partners outside of it; and
            how samples in that order are mixed into those of the part.
        """
        own, partner = np.arange(rows.start, rows.stop), self.partner[rows]
        needed = np.concatenate([own, np.setdiff1d(partner, own)])
        place = np.empty(len(self.partner), np.int64)
        place[needed] = np.arange(len(needed))
        return needed, Mix(place[partner], self.share[rows])


def draw_mix(strength: float, seed: int, epoch: int, indices: NDArray[np.int64]) -> Mix:
    """Draw shares from the beta distribution of (strength, strength), and the partners as a permutation of the batch.

    Shares are a sample's own, whatever its batch. One share a sample; Zhang et al. draw one a batch in their code.

    Source: Zhang et al. 2018, mixup: Beyond Empirical Risk Minimization, section 2.
    """
    from scipy.special import betaincinv  # slow to import

    chance = uniform(seed, epoch, indices, _SHARES, 1)[:, 0]
    share = betaincinv(strength, strength, chance).astype(np.float32)  # the inverse of the distribution function
    order = np.argsort(uniform(seed, epoch, indices, _PARTNERS, 1)[:, 0], kind="stable")
    return Mix(order.astype(np.int64), share)
