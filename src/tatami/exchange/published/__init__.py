"""Published weights: files with the names of torchvision, for the networks of the zoo.

``names`` says what each layer is called there, ``weights`` reads a file. Nothing is ever downloaded.
"""

from tatami.exchange.published.names import FAMILIES, published_names
from tatami.exchange.published.weights import from_published, published_preprocess, read_published

__all__ = ["FAMILIES", "from_published", "published_names", "published_preprocess", "read_published"]
