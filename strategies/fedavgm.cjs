// SPDX-License-Identifier: GPL-3.0-or-later
// FedAvg with server momentum (Hsu, Qi & Brown 2019, "Measuring the Effects of Non-Identical Data Distribution").
// settings: momentum (0 to 1, default 0.9), learningRate (default 1), nesterov (default false).

module.exports = {
  check({ settings: { momentum = 0.9, learningRate = 1 } }) {
    if (!(momentum >= 0 && momentum < 1)) throw new Error(`settings.momentum: ${momentum}, takes 0 to below 1`)
    if (!(learningRate > 0)) throw new Error(`settings.learningRate: ${learningRate}, takes more than 0`)
  },

  vectors: () => 1,

  step({ weights, mean, vectors: [velocity], settings: { momentum = 0.9, learningRate = 1, nesterov = false } }) {
    for (let i = 0; i < weights.length; i++) {
      velocity[i] = momentum * velocity[i] + mean[i]
      weights[i] += learningRate * (nesterov ? momentum * velocity[i] + mean[i] : velocity[i])
    }
    return { weights, vectors: [velocity] }
  },
}
