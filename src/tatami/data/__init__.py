"""Readers of images and signals, built-in samples, splits and preprocessing."""

from tatami.data.arrays import as_labels, as_samples
from tatami.data.builtin import SAMPLES, load_sample
from tatami.data.checks import check, check_samples
from tatami.data.dataset import Dataset, Kind, Split
from tatami.data.health import Health, check_health
from tatami.data.health_samples import galleries
from tatami.data.idx import read_idx
from tatami.data.idx_dataset import load_idx_dataset
from tatami.data.npz import load_npz
from tatami.data.options import DataOptions
from tatami.data.preprocess import Preprocess, Tone, invert
from tatami.data.source import Inputs, load, read_inputs, refuse_unused
from tatami.data.split import stratified_split

__all__ = [
    "SAMPLES",
    "DataOptions",
    "Dataset",
    "Health",
    "Inputs",
    "Kind",
    "Preprocess",
    "Split",
    "Tone",
    "as_labels",
    "as_samples",
    "check",
    "check_health",
    "check_samples",
    "galleries",
    "invert",
    "load",
    "load_idx_dataset",
    "load_npz",
    "load_sample",
    "read_idx",
    "read_inputs",
    "refuse_unused",
    "stratified_split",
]
