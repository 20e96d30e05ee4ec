// SPDX-License-Identifier: GPL-3.0-or-later
// q-fair federated learning (Li, Sanjabi, Beirami & Smith 2020): members whom the model serves badly weigh more, by the q-th power of
// its loss on their samples. Where the paper's q-FedAvg divides by an estimate of a Lipschitz constant, this divides by the sum of
// the weights, as FedAvg does: members know no more of each other than the mean. The weight is public, and with it the loss.
// settings: q (whole, 0 = FedAvg, default 1), most (the loss from which on the weight grows no more,
// default 3; far above the members' losses it makes all weights small, and the mean less precise), learningRate (default 1).

module.exports = {
  check({ settings: { q = 1, most = 3, learningRate = 1 } }) {
    if (!(q >= 0 && q <= 16 && Math.floor(q) === q)) throw new Error(`settings.q: ${q}, takes a whole number, 0 to 16`)
    if (!(most > 0)) throw new Error(`settings.most: ${most}, takes more than 0`)
    if (!(learningRate > 0)) throw new Error(`settings.learningRate: ${learningRate}, takes more than 0`)
  },

  weight({ loss, maxSamples, settings: { q = 1, most = 3 } }) {
    const share = Math.min(loss, most) / most
    let weight = maxSamples
    for (let i = 0; i < q; i++) weight *= share
    return weight
  },

  step({ weights, mean, settings: { learningRate = 1 } }) {
    for (let i = 0; i < weights.length; i++) weights[i] += learningRate * mean[i]
    return { weights, vectors: [] }
  },
}
