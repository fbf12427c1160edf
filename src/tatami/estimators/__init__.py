"""scikit-learn estimators: a network from one line, in pipelines and searches."""

from tatami.estimators.classifier import ConvNetClassifier
from tatami.estimators.regressor import ConvNetRegressor

__all__ = ["ConvNetClassifier", "ConvNetRegressor"]
