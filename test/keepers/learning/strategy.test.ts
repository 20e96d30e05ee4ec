// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  aggregate,
  clipToNorm,
  coordinateMedian,
  dealGroups,
  initialServerState,
  PrivacyAccountant,
  privatise,
  type ServerSettings,
  secureNormal,
  serverStep,
  trimmedMean,
  weightedMean,
} from '../../../keepers/learning/index.ts'
import { logErfc, rdpOfStep } from '../../../keepers/learning/privacy/accountant.ts'
import { refuses } from './refusal.ts'

const vector = (...values: number[]) => Float32Array.from(values)
const all = (weights: Float32Array[]) => weights.map((w) => ({ weights: w, weight: 1 }))

describe('learning: means', () => {
  it('weighted mean, trimmed mean and median, by hand', () => {
    const mean = weightedMean([
      { weights: vector(1, 2), weight: 3 },
      { weights: vector(5, -2), weight: 1 },
    ])
    expect([...mean]).to.deep.equal([2, 1])
    const five = [vector(1, 9), vector(2, 8), vector(3, -100), vector(4, 6), vector(1000, 5)]
    expect([...trimmedMean(five, 1)]).to.deep.equal([3, Math.fround(19 / 3)])
    expect([...coordinateMedian(five)]).to.deep.equal([3, 6])
    expect([...coordinateMedian(five.slice(0, 4))]).to.deep.equal([2.5, 7])
  })

  it('group medians shrug off a minority of bad groups; the mean does not', () => {
    const good = Array.from({ length: 16 }, (_, i) => vector(1 + i / 1000, -1))
    const bad = Array.from({ length: 4 }, () => vector(-1e6, 1e6))
    const updates = all([...good, ...bad])
    const robust = aggregate({ kind: 'median', groups: 10 }, updates, 4)
    expect(robust[0]).to.be.closeTo(1, 0.02)
    expect(robust[1]).to.equal(-1)
    expect(aggregate({ kind: 'trimmed-mean', groups: 10, trim: 4 }, updates, 4)[0]).to.be.closeTo(1, 0.02)
    expect(aggregate({ kind: 'mean' }, updates, 4)[0]).to.be.below(-1e5)
  })

  it('groups are disjoint, of almost equal size, and follow from the seed', () => {
    const groups = dealGroups(23, 5, 9)
    expect(groups.flatMap((g) => [...g]).sort((a, b) => a - b)).to.deep.equal([...Array(23).keys()])
    expect(groups.map(({ length }) => length).every((n) => n === 4 || n === 5)).to.equal(true)
    expect(dealGroups(23, 5, 9)).to.deep.equal(groups)
    expect(dealGroups(23, 5, 10)).to.not.deep.equal(groups)
  })

  it('clips to the bound and reports the norm found', () => {
    const update = vector(3, 4)
    expect(clipToNorm(update, 10)).to.equal(5)
    expect([...update]).to.deep.equal([3, 4])
    expect(clipToNorm(update, 1)).to.equal(5)
    expect(Math.hypot(...update)).to.be.closeTo(1, 1e-6)
  })

  it('refuses what cannot be averaged', async () => {
    await refuses(() => weightedMean([]), 'BAD_VECTOR', /no vectors/)
    await refuses(
      () => weightedMean(all([vector(1), vector(1, 2)])),
      'BAD_VECTOR',
      /vector 1 has 2 values, the first has 1/,
    )
    await refuses(() => weightedMean([{ weights: vector(1), weight: 0 }]), 'BAD_VECTOR', /positive sum/)
    await refuses(
      () =>
        weightedMean([
          { weights: vector(1), weight: 2 },
          { weights: vector(1), weight: -1 },
        ]),
      'BAD_VECTOR',
      /non-negative/,
    )
    await refuses(() => trimmedMean([vector(1), vector(2)], 1), 'BAD_PARAMETERS', /leaves nothing of 2/)
    await refuses(() => clipToNorm(vector(Number.NaN), 1), 'BAD_VECTOR', /not finite/)
    await refuses(() => dealGroups(3, 4, 1), 'BAD_PARAMETERS', /4 groups cannot be made of 3/)
  })
})

describe('learning: server steps', () => {
  const step = (settings: ServerSettings, rounds: [number[], number[]][]) => {
    let state = initialServerState(settings, 2)
    let weights = Float32Array.from(rounds[0]![0])
    for (const [, mean] of rounds) ({ weights, state } = serverStep(settings, weights, Float32Array.from(mean), state))
    return { weights: [...weights], state }
  }

  it('FedAvg adopts the mean exactly', () => {
    const { weights, state } = step({ kind: 'fedavg' }, [
      [
        [0.1, 7],
        [0.3, 1e-20],
      ],
    ])
    expect(weights).to.deep.equal([Math.fround(0.3), Math.fround(1e-20)])
    expect(state.round).to.equal(1)
  })

  it('FedAvg with momentum keeps moving', () => {
    const { weights } = step({ kind: 'fedavg', momentum: 0.5 }, [
      [
        [0, 0],
        [1, -2],
      ],
      [
        [0, 0],
        [1, -2],
      ],
    ])
    // First step 1; then Δ = 0 but half of the last move remains.
    expect(weights[0]).to.be.closeTo(1.5, 1e-6)
    expect(weights[1]).to.be.closeTo(-3, 1e-6)
  })

  it('FedAdam and FedYogi follow algorithm 2 of Reddi et al. by hand', () => {
    const [beta1, beta2, tau, rate] = [0.9, 0.99, 0.1, 0.5]
    for (const kind of ['fedadam', 'fedyogi'] as const) {
      const { weights } = step({ kind, learningRate: rate, beta1, beta2, tau }, [
        [
          [1, 1],
          [1.2, 0.7],
        ],
        [
          [0, 0],
          [1.1, 0.9],
        ],
      ])
      let [x, m, v] = [1, 0, tau * tau]
      for (const mean of [1.2, 1.1]) {
        const delta = Math.fround(mean) - x
        m = beta1 * m + (1 - beta1) * delta
        v =
          kind === 'fedadam'
            ? beta2 * v + (1 - beta2) * delta ** 2
            : v - (1 - beta2) * delta ** 2 * Math.sign(v - delta ** 2)
        x += (rate * m) / (Math.sqrt(v) + tau)
      }
      expect(weights[0], kind).to.be.closeTo(x, 1e-6)
    }
  })

  it('refuses means and states that do not fit', async () => {
    const settings: ServerSettings = { kind: 'fedadam', learningRate: 0.1 }
    const state = initialServerState(settings, 2)
    await refuses(() => serverStep(settings, vector(1, 2), vector(1), state), 'BAD_VECTOR', /2 weights, a mean of 1/)
    await refuses(
      () => serverStep(settings, vector(1, 2), vector(1, Number.NaN), state),
      'BAD_VECTOR',
      /value 1 of the mean is NaN/,
    )
    await refuses(
      () => serverStep({ kind: 'fedadam', learningRate: 0 }, vector(1, 2), vector(1, 2), state),
      'BAD_PARAMETERS',
      /learningRate/,
    )
  })
})

describe('learning: differential privacy', () => {
  const spent = (noiseMultiplier: number, samplingRate: number, steps: number, conversion: 'classic' | 'improved') =>
    new PrivacyAccountant().add({ noiseMultiplier, samplingRate, steps }).spent(1e-5, conversion).epsilon

  it('agrees with published values', () => {
    // TensorFlow Privacy, compute_dp_sgd_privacy: N 60000, batch 256, noise 1.12, 60 epochs: ε = 2.92.
    expect(spent(1.12, 256 / 60_000, 14_063, 'classic')).to.be.closeTo(2.92, 0.005)
    // Abadi et al. 2016, section 5.1: q = 0.01, σ = 4, δ = 1e-5, T = 10,000: ε ≈ 1.26 by the moments accountant.
    expect(spent(4, 0.01, 10_000, 'classic')).to.be.closeTo(1.26, 0.005)
    // TensorFlow Privacy tutorials, MNIST: noise 1.3, batch 250, 15 epochs: ε = 1.18.
    expect(spent(1.3, 250 / 60_000, 3_600, 'classic')).to.be.closeTo(1.18, 0.005)
  })

  it('full participation is the plain Gaussian mechanism: α/2σ²', () => {
    for (const order of [1.5, 2, 17, 64]) expect(rdpOfStep(1, 3, order)).to.be.closeTo(order / 18, 1e-12)
  })

  it('fractional orders join up with whole ones', () => {
    for (const order of [2, 3, 8, 20]) {
      const whole = rdpOfStep(0.02, 1.5, order)
      expect(Math.abs(rdpOfStep(0.02, 1.5, order + 1e-6) - whole) / whole).to.be.below(1e-4)
    }
  })

  it('a whole order equals the moment integrated numerically', () => {
    const [q, sigma, order] = [0.1, 1.2, 5]
    // E over N(0, σ²) of the likelihood ratio to the power α.
    let moment = 0
    for (let z = -20; z <= 20; z += 1e-3) {
      const density = Math.exp(-(z * z) / (2 * sigma * sigma)) / (sigma * Math.sqrt(2 * Math.PI))
      moment += density * (1 - q + q * Math.exp((2 * z - 1) / (2 * sigma * sigma))) ** order * 1e-3
    }
    expect(rdpOfStep(q, sigma, order)).to.be.closeTo(Math.log(moment) / (order - 1), 1e-6)
  })

  it('ε grows with steps and sampling, shrinks with noise; the improved conversion is never worse', () => {
    expect(spent(1, 0.01, 2000, 'improved')).to.be.above(spent(1, 0.01, 1000, 'improved'))
    expect(spent(1, 0.02, 1000, 'improved')).to.be.above(spent(1, 0.01, 1000, 'improved'))
    expect(spent(2, 0.01, 1000, 'improved')).to.be.below(spent(1, 0.01, 1000, 'improved'))
    expect(spent(1.1, 0.01, 1000, 'improved')).to.be.at.most(spent(1.1, 0.01, 1000, 'classic'))
  })

  it('logErfc agrees with known values on both branches', () => {
    for (const [x, expected] of [
      [0, 0],
      [1, -1.8496055099332482],
      [2.4, -7.280975056055788],
      [2.6, -8.351532930819747],
      [10, -102.87988902484489],
      [-2.6, 0.6930291563871019],
    ] as const) {
      expect(logErfc(x)).to.be.closeTo(expected, 1e-11 + 1e-11 * Math.abs(expected))
    }
  })

  it('refuses parameters without meaning', async () => {
    const accountant = new PrivacyAccountant()
    await refuses(
      () => accountant.add({ noiseMultiplier: 0, samplingRate: 0.1, steps: 1 }),
      'BAD_PARAMETERS',
      /noise multiplier is 0/,
    )
    await refuses(
      () => accountant.add({ noiseMultiplier: 1, samplingRate: 1.5, steps: 1 }),
      'BAD_PARAMETERS',
      /sampling rate is 1\.5/,
    )
    await refuses(() => accountant.spent(0), 'BAD_PARAMETERS', /delta is 0/)
  })

  it('private weights: clipped, with noise of the right size shared among the contributors', () => {
    const length = 40_000
    const global = new Float32Array(length).fill(2)
    const local = global.map((w) => w + 1)
    const settings = { clippingNorm: 0.5, noiseMultiplier: 2, contributors: 4 }
    const sent = privatise(global, local, settings, secureNormal())
    // Signal 0.5/√length per coordinate; noise σC/√4 = 0.5.
    const update = sent.map((w, i) => w - global[i]!)
    const mean = update.reduce((a, b) => a + b, 0) / length
    const deviation = Math.sqrt(update.reduce((sum, u) => sum + (u - mean) ** 2, 0) / length)
    expect(deviation).to.be.closeTo(0.5, 0.02)
    expect(mean).to.be.closeTo(0.5 / Math.sqrt(length), 5 * (0.5 / Math.sqrt(length)))
    const silent = privatise(global, local, { ...settings, noiseMultiplier: 0 })
    expect(Math.hypot(...silent.map((w, i) => w - global[i]!))).to.be.closeTo(0.5, 1e-3)
    expect(privatise(global, local, settings)).to.not.deep.equal(privatise(global, local, settings))
  })
})
