"""What Keras 3 lacks, as text: functions and classes that a program gets where one of its layers needs them."""

HELPERS = {
    "Scale": '''
@keras.saving.register_keras_serializable()
class Scale(layers.Layer):
    """Each channel times a weight of its own."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.weight = self.add_weight(shape=shape[-1:], initializer="ones")

    def call(self, x):
        return x * self.weight
''',
    "local_response_norm": '''
def local_response_norm(x, size: int, alpha: float, beta: float, k: float):
    """Each value over (k + alpha * the sum of squares of ``size`` channels around)^beta."""
    around = ((0, 0),) * (len(x.shape) - 1) + ((size // 2, (size - 1) // 2),)
    squares = ops.pad(x * x, around)
    total = sum(squares[..., i : i + x.shape[-1]] for i in range(size))
    return x / ops.power(k + alpha * total, beta)
''',
    "mean_of_pixels": '''
def mean_of_pixels(pool: layers.Layer, x, padding: tuple[tuple[int, int], ...]):
    """The mean of each window, its padding left out."""
    ones = ops.ones((1, *x.shape[1:]))
    return pool(ops.pad(x, padding)) / pool(ops.pad(ones, padding))
''',
    "shuffle": '''
def shuffle(x, groups: int):
    """Channels dealt out anew."""
    table = ops.reshape(x, (-1, *x.shape[1:-1], groups, x.shape[-1] // groups))
    return ops.reshape(ops.swapaxes(table, -1, -2), (-1, *x.shape[1:]))
''',
}
