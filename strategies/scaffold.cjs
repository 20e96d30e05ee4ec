// SPDX-License-Identifier: GPL-3.0-or-later
// SCAFFOLD (Karimireddy et al. 2020, algorithm 1, option II). Members hold their own control variates cᵢ, and take K local steps of rate η
// with the gradient corrected by c − cᵢ, which `control` has their trainers do; c is the strategy's state.
// Option II has cᵢ⁺ = cᵢ − c − Δᵢ/(Kη), so the mean of the changes is −c − Δ/(Kη): the mean update is all that the server needs,
// as long as every member weighs the same and keeps to the same K·η.
// settings: localRate (K·η: local steps times local learning rate), learningRate (of the server, default 1).

module.exports = {
  check({ settings: { localRate, learningRate = 1 } }) {
    if (!(localRate > 0)) throw new Error(`settings.localRate: ${localRate}, takes local steps × local learning rate`)
    if (!(learningRate > 0)) throw new Error(`settings.learningRate: ${learningRate}, takes more than 0`)
  },

  vectors: () => 1,

  /** The members' half: their trainers take steps of K·η in all. */
  control: ({ settings: { localRate } }) => localRate,

  /** Equal weights, since c is the mean of the members' cᵢ whatever their samples; the largest, since a mean of small ones is less precise. */
  weight: ({ maxSamples }) => maxSamples,

  step({ weights, mean, vectors: [control], round, settings: { localRate, learningRate = 1 } }) {
    const share = round.contributors / round.members
    for (let i = 0; i < weights.length; i++) {
      weights[i] += learningRate * mean[i]
      control[i] -= share * (control[i] + mean[i] / localRate)
    }
    return { weights, vectors: [control] }
  },
}
