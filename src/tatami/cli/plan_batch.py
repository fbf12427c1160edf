"""The part of ``tatami plan`` that answers how large a batch may be, and what takes a GPU's memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tatami.errors import OptionError
from tatami.network import Network
from tatami.plan.batch import LargestBatch, checkpointed, largest_batch
from tatami.plan.card_names import find_device
from tatami.plan.cuda import CudaMemory, foretell
from tatami.plan.devices import Device, parse_memory
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
    device, limit = _card(memory, gpu)
    assert limit is not None  # one of them is given
    is_wide = settings.engine == "torch" and settings.dtype != "bf16"
    found = largest_batch(network, settings, limit, device)
    again = checkpointed(network, settings, limit, device) if settings.training else None
    return BatchAnswer(
        found=found,
        narrow=largest_batch(network, replace(settings, dtype="bf16"), limit, device) if is_wide else None,
        again=again if again is not None and again.batch > found.batch else None,
        summed=largest_batch(network, replace(settings, accumulate=True), limit, device) if settings.training else None,
    )


def answer_lines(network: Network, settings: StepSettings, memory: str | None, gpu: str | None) -> CudaMemory:
    """What a step takes on a GPU, term by term, against ``memory`` or the card ``gpu`` where one is given.

    Raises:
        OptionError: both are given, or the card's memory is not known.
    """
    device, limit = _card(memory, gpu)
    return foretell(network, settings, device, limit)


def _card(memory: str | None, gpu: str | None) -> tuple[Device | None, int | None]:
    """The card, if one is given, and the bytes of memory that there are, if they are."""
    if memory is not None and gpu is not None:
        raise OptionError("--memory and --gpu are two answers to one question", expected="one of them")
    if gpu is None:
        return None, None if memory is None else parse_memory(memory)
    device = find_device(gpu)
    if device.memory_bytes is None:
        raise OptionError("the card's memory is not known", got=gpu, expected="--memory 24GB instead")
    return device, device.memory_bytes
