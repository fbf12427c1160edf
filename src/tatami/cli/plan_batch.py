"""The part of ``tatami plan`` that answers how large a batch may be."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tatami.errors import OptionError
from tatami.network import Network
from tatami.plan.batch import LargestBatch, checkpointed, largest_batch
from tatami.plan.card_names import find_device
from tatami.plan.devices import parse_memory
from tatami.plan.memory import StepSettings


@dataclass(frozen=True)
class BatchAnswer:
    """The largest batch as asked, in bf16, with checkpointing if that helps, and with gradients summed over steps."""

    found: LargestBatch
    narrow: LargestBatch | None
    again: LargestBatch | None
    summed: LargestBatch | None


def answer_batch(network: Network, settings: StepSettings, memory: str | None, gpu: str | None) -> BatchAnswer:
    """The largest batch in ``memory`` (``24GB``) or on the card ``gpu``.

    Raises:
        OptionError: both are given, or the card's memory is not known.
    """
    if memory is not None and gpu is not None:
        raise OptionError("--memory and --gpu are two answers to one question", expected="one of them")
    device = find_device(gpu) if gpu is not None else None
    limit = parse_memory(memory or "") if device is None else device.memory_bytes
    if limit is None:
        raise OptionError("the card's memory is not known", got=gpu, expected="--memory 24GB instead")
    is_wide = settings.engine == "torch" and settings.dtype == "float32"
    return BatchAnswer(
        found=largest_batch(network, settings, limit, device),
        narrow=largest_batch(network, replace(settings, dtype="bf16"), limit, device) if is_wide else None,
        again=checkpointed(network, settings, limit, device) if settings.training else None,
        summed=largest_batch(network, replace(settings, accumulate=True), limit, device) if settings.training else None,
    )
