"""Train one side to its target in a process of its own; prints one line of JSON an epoch."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from accuracy_data import epoch, load
from cases import LENET

from tatami.network import find_network
from tatami.recipe import SGD
from tatami.recipe.schedules import OneCycle


@dataclass(frozen=True)
class Task:
    """A data set, a network, and a recipe: SGD with momentum 0.9, the learning rate in one cycle up to ``lr``."""

    title: str
    net: str
    target: float
    epochs: int
    batch: int
    lr: float
    weight_decay: float
    augmented: bool


# Page 2018, How to Train Your ResNet: its ResNet-9, at half the width.
RESNET9 = """
let block(w) = CONV(w) -> BN -> RELU
INPUT(32x32x3) -> block(32) -> block(64) -> POOL -> RES[block(64) -> block(64)]
  -> block(128) -> POOL -> block(256) -> POOL -> RES[block(256) -> block(256)] -> POOL(4) -> FC(10)
"""
TASKS = {
    "mnist": Task("MNIST", LENET.replace("-> POOL", "-> RELU -> POOL"), 0.99, 3, 128, 0.05, 5e-4, False),
    "cifar10": Task("CIFAR-10", RESNET9, 0.85, 10, 128, 0.1, 5e-4, True),
}
MOMENTUM = 0.9

Step = Callable[[np.ndarray, np.ndarray, float], float]
Predict = Callable[[np.ndarray], np.ndarray]


def tatami_side(task: Task, engine: str) -> tuple[Step, Predict]:
    from tatami.engines import compile

    optimizer = SGD(lr=task.lr, momentum=MOMENTUM, weight_decay=task.weight_decay)
    model = compile(find_network(task.net).build(), engine, batch=task.batch, optimizer=optimizer, seed=0)
    return model.step, model.forward


def torch_side(task: Task, kind: str) -> tuple[Step, Predict]:
    import torch
    from torch.nn import functional
    from torch_side import TorchSide

    side = TorchSide(kind)
    module = side.module(find_network(task.net).build())
    options = {"lr": task.lr, "momentum": MOMENTUM, "weight_decay": task.weight_decay}
    optimizer = torch.optim.SGD(module.parameters(), **options, fused=True)
    run = torch.compile(module) if kind == "compile" else module

    def step(x: np.ndarray, y: np.ndarray, lr: float) -> float:
        module.train()
        inputs, labels = side.place(x, y)
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(run(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    def predict(x: np.ndarray) -> np.ndarray:
        module.eval()
        with torch.inference_mode():
            parts = [side.place(x[i : i + task.batch], np.zeros(0))[0] for i in range(0, len(x), task.batch)]
            return torch.cat([module(part) for part in parts]).numpy()

    return step, predict


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("side", help="tatami, torch-eager, torch-channels-last or torch-compile")
    parser.add_argument("--engine", default="cpu", help="tatami's engine")
    parser.add_argument("--samples", type=int, help="train and test on the first ones only")
    given = parser.parse_args()
    task = TASKS[given.task]
    train, test = load(given.task)
    if given.samples:  # in the order of a shuffle, for they may lie class by class
        chosen = [np.random.default_rng(0).permutation(len(part[1]))[: given.samples] for part in (train, test)]
        train, test = ((x[some], y[some]) for (x, y), some in zip((train, test), chosen, strict=True))

    start = time.perf_counter()  # the data are there; compiling counts
    mine = given.side == "tatami"
    make = tatami_side if mine else torch_side
    step, predict = make(task, given.engine if mine else given.side.removeprefix("torch-"))
    schedule, steps, done, tested = OneCycle(), task.epochs * (len(train[1]) // task.batch), 0, 0.0
    for number in range(task.epochs):
        losses = []
        for x, y in epoch(*train, task.batch, number, task.augmented):
            losses.append(step(x, y, task.lr * schedule.factor(done, steps)))
            done += 1
        before = time.perf_counter()
        accuracy = float(np.mean(predict(test[0]).argmax(axis=1) == test[1]))
        now = time.perf_counter()
        tested += now - before
        figures = {"epoch": number + 1, "accuracy": accuracy, "loss": float(np.mean(losses))}
        print(json.dumps({**figures, "seconds": now - start, "testing": tested}), flush=True)
        if accuracy >= task.target:
            break


if __name__ == "__main__":
    main()
