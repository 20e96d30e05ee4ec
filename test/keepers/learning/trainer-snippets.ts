// SPDX-License-Identifier: GPL-3.0-or-later
// The trainers that the README of cohort-trainer shows, as they stand there, and the user's own files that they import.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { KERAS_BACKEND, PYTHON } from './python.ts'

const PYTHON_PACKAGE = join(ROOT, 'trainers/python')

export type Framework = 'scikit-learn' | 'A Flower client' | 'PyTorch' | 'Keras'
/** Modules without which a section's code does not run. */
export const NEEDED: Readonly<Record<Framework, readonly string[]>> = {
  'scikit-learn': ['numpy', 'sklearn'],
  'A Flower client': ['numpy', 'flwr'],
  PyTorch: ['numpy', 'torch'],
  Keras: ['numpy', 'keras'],
}

/** Dense layers with ReLU between them, by their widths, the inputs first; or the picture network `small-cnn`. */
export type Network = readonly number[] | 'small-cnn'

/** The Python code below a heading of the README. */
function snippet(framework: Framework): string {
  const [, section] = readFileSync(join(PYTHON_PACKAGE, 'README.md'), 'utf8').split(`## ${framework}\n`)
  const [, code] = /```python\n([\s\S]*?)```/.exec(section ?? '') ?? []
  if (code === undefined) throw new Error(`the README has no Python below '${framework}'`)
  return code
}

/**
 * Writes train.py, and what it imports, into a folder.
 * @returns config values of a keeper's `training`, with absolute paths
 */
export function writeTrainer(folder: string, framework: Framework, network: Network) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'train.py'), snippet(framework))
  for (const [name, text] of Object.entries(OWN_FILES[framework]?.(network) ?? {}))
    writeFileSync(join(folder, name), text)
  const environment = {
    PYTHONPATH: join(PYTHON_PACKAGE, 'src'),
    PYTHONDONTWRITEBYTECODE: '1',
    ...ENVIRONMENT[framework],
  }
  if (framework === 'Keras') {
    const env = { ...process.env, ...environment }
    const { status, stderr } = spawnSync(PYTHON, ['make.py'], { cwd: folder, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
  }
  return {
    command: [PYTHON, join(folder, 'train.py')],
    environment,
    limits: { seconds: 240, network: 'allowed' as const, processes: 'own' as const },
  }
}

const ENVIRONMENT: Partial<Record<Framework, Readonly<Record<string, string>>>> = {
  Keras: { KERAS_BACKEND, TF_CPP_MIN_LOG_LEVEL: '3' },
  // It sends usage figures unless told; a test talks to nobody.
  'A Flower client': { FLWR_TELEMETRY_ENABLED: '0' },
}

const OWN_FILES: Partial<Record<Framework, (network: Network) => Readonly<Record<string, string>>>> = {
  PyTorch: (network) => ({ 'my_model.py': `${torchNet(network)}\n${TORCH_FIT}` }),
  Keras: (network) => ({ 'make.py': kerasNet(network) }),
  'A Flower client': (network) => ({ 'my_flower_app.py': flowerApp(network) }),
}

const torchNet = (network: Network): string =>
  network === 'small-cnn'
    ? `import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.classes = nn.Conv2d(1, 4, 5), nn.Conv2d(4, 8, 5), nn.Linear(128, 10)

    def forward(self, x):
        x = x.permute(0, 3, 1, 2)
        for conv in (self.first, self.second):
            x = torch.relu(nn.functional.avg_pool2d(conv(x), 2))
        return self.classes(x.permute(0, 2, 3, 1).flatten(1))
`
    : `import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        widths = ${JSON.stringify(network)}
        layers = []
        for inputs, units in zip(widths, widths[1:]):
            layers += [nn.Linear(inputs, units), nn.ReLU()]
        super().__init__(*layers[:-1])
`

/** States the loss of the trained network on all samples: whoever judges the weights has to come to the same. */
const TORCH_FIT = `
def fit(net, inputs, labels, settings):
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), settings.learning_rate)
    for _ in range(settings.epochs):
        for batch in torch.randperm(len(labels)).split(settings.batch_size):
            optimizer.zero_grad()
            loss_of(net(inputs[batch]), labels[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        return float(loss_of(net(inputs), labels))
`

const kerasNet = (network: Network): string =>
  network === 'small-cnn'
    ? `import keras
from keras import layers

keras.Sequential([
    layers.Input((28, 28, 1)), layers.Conv2D(4, 5), layers.AveragePooling2D(2), layers.ReLU(),
    layers.Conv2D(8, 5), layers.AveragePooling2D(2), layers.ReLU(), layers.Flatten(), layers.Dense(10, "softmax"),
]).save("model.keras")
`
    : `import keras
from keras import layers

widths = ${JSON.stringify(network)}
hidden = [layers.Dense(units, "relu") for units in widths[1:-1]]
keras.Sequential([layers.Input((widths[0],)), *hidden, layers.Dense(widths[-1], "softmax")]).save("model.keras")
`

/** A client with a numpy loop for dense layers. */
const flowerApp = (network: Network): string => {
  if (network === 'small-cnn') throw new Error('dense layers only')
  return `import numpy as np
from flwr.client import NumPyClient

class FlowerClient(NumPyClient):
    def __init__(self, inputs, labels):
        self.inputs, self.labels = inputs.reshape(len(inputs), -1).astype(np.float64), labels

    def fit(self, parameters, config):
        weights = [array.astype(np.float64) for array in parameters]
        random, targets = np.random.default_rng(config["seed"]), np.eye(weights[-1].size)[self.labels]
        size = -(-len(self.labels) // int(config["batch_size"]))
        for _ in range(int(config["local_epochs"])):
            for batch in np.array_split(random.permutation(len(self.labels)), size):
                self.step(weights, self.inputs[batch], targets[batch], float(config["learning_rate"]))
        loss = -np.log(self.chances(weights, self.inputs)[-1][targets == 1] + 1e-12).mean()
        return weights, len(self.labels), {"loss": loss, "said": "not a figure"}

    def chances(self, weights, x):
        activities = [x]
        for i in range(0, len(weights), 2):
            sums = activities[-1] @ weights[i] + weights[i + 1]
            activities.append(np.maximum(sums, 0) if i + 2 < len(weights) else np.exp(sums - sums.max(1, keepdims=True)))
        activities[-1] /= activities[-1].sum(1, keepdims=True)
        return activities

    def step(self, weights, x, targets, rate):
        activities = self.chances(weights, x)
        delta = (activities[-1] - targets) / len(x)
        for i in reversed(range(0, len(weights), 2)):
            kernel, before = weights[i], activities[i // 2]
            weights[i], weights[i + 1] = kernel - rate * before.T @ delta, weights[i + 1] - rate * delta.sum(0)
            delta = (delta @ kernel.T) * (before > 0)
`
}
