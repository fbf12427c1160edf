"""What a foretold time assumes of a device: which share of its figures is reached, and what a kernel's start takes.

None of these is measured on the card in question. ``benchmarks/gpu_speed.py`` fits all three on some networks and
reports how far they are off on others.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Efficiency:
    """Shares of peak and of bandwidth that a good kernel reaches, and the host's time to start one, each with why.

    Attributes:
        compute: share of the peak.
        memory: share of the bandwidth.
        launch: seconds of the host for each kernel; 0 where kernels are not started one by one.
    """

    compute: float
    memory: float
    compute_reason: str
    memory_reason: str
    launch: float = 0.0
    launch_reason: str = ""

    def __str__(self) -> str:
        text = (
            f"assumes {self.compute:g} of peak ({self.compute_reason}) "
            f"and {self.memory:g} of bandwidth ({self.memory_reason})"
        )
        return f"{text}, {1e6 * self.launch:g} us a kernel ({self.launch_reason})" if self.launch else text


DATA_SHEET = Efficiency(
    compute=0.6,
    memory=0.8,
    compute_reason="a data sheet's peak is at boost clock with no tile part empty; convolutions have both",
    memory_reason="a data sheet's bandwidth is that of the pins; refresh and turn-around take a share",
    # The driver's call alone takes 2 to 5 us on current hosts; Python, the dispatcher and autograd as much again or
    # more. Hosts differ by a factor of two either way.
    launch=10e-6,
    launch_reason="PyTorch, eager: Python, dispatcher, autograd and driver on the host, for each of them",
)
MEASURED = Efficiency(
    compute=0.7,
    memory=0.9,
    compute_reason="the peak is that of a large matrix product; a convolution gathers its windows too",
    memory_reason="the bandwidth is that of a copy; kernels also wait for their first and last bytes",
)
