// SPDX-License-Identifier: GPL-3.0-or-later
// Personalisation layers (Arivazhagan et al. 2019, "Federated Learning with Personalization Layers"): the parameters that settings.home
// names stay with each member, who trains them and sends nothing of them; the others are averaged.
// settings: home (names of parameters, or beginnings of names that end in /), learningRate (default 1).

function homeOf({ settings, parameters }) {
  const { home = [] } = settings
  const fits = (name) => home.some((part) => (part.endsWith('/') ? name.startsWith(part) : name === part))
  return parameters.map(({ name }) => name).filter(fits)
}

module.exports = {
  check(input) {
    const { home = [], learningRate = 1 } = input.settings
    if (!(learningRate > 0)) throw new Error(`settings.learningRate: ${learningRate}, takes more than 0`)
    const found = homeOf(input)
    if (found.length === 0) {
      const names = input.parameters.map(({ name }) => name).join(', ')
      throw new Error(`settings.home: no parameter is called ${home.join(' or ')}; they are ${names}`)
    }
    if (found.length === input.parameters.length) throw new Error('settings.home: nothing is left to be averaged')
  },

  home: homeOf,

  /** The mean of what stays at home is zero but for the noise of rounding and privacy, which is not to be added up. */
  step(input) {
    const { weights, mean, parameters, settings } = input
    const { learningRate = 1 } = settings
    const home = homeOf(input)
    for (const { name, offset, length } of parameters) {
      if (home.includes(name)) continue
      for (let i = offset; i < offset + length; i++) weights[i] += learningRate * mean[i]
    }
    return { weights, vectors: [] }
  },
}
