"""The memory of PyTorch on a GPU, foretold: allocated and reserved peaks through a model of its caching allocator."""

from tatami.plan.cuda.allocator import Usage, simulate
from tatami.plan.cuda.memory import CudaMemory, Foreteller, Line, foretell

__all__ = ["CudaMemory", "Foreteller", "Line", "Usage", "foretell", "simulate"]
