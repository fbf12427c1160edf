"""Training: settings, the loop, the run directory, and what is done with a trained network."""

from tatami.train.config import TrainConfig
from tatami.train.recording import Outcome
from tatami.train.run import Run, load_trained
from tatami.train.session import range_test, resume, train
from tatami.train.use import Prediction, evaluate_run, predict_files

__all__ = [
    "Outcome",
    "Prediction",
    "Run",
    "TrainConfig",
    "evaluate_run",
    "load_trained",
    "predict_files",
    "range_test",
    "resume",
    "train",
]
