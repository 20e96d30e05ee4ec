# SPDX-License-Identifier: GPL-3.0-or-later
from cohort_trainer import Result, Task, run
from cohort_trainer.sklearn import mlp_from, weights_from


def train(task: Task) -> Result:
    model = mlp_from(task)
    x = task.inputs.reshape(len(task.inputs), -1)
    for _ in range(task.settings.epochs):
        model.partial_fit(x, task.labels)
    return Result(weights_from(task, model), loss=model.loss_, metrics={"accuracy": model.score(x, task.labels)})


run(train)
