// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { UpdateRule } from '../../../keepers/learning/engine/update-rule.ts'
import {
  contradictionInLayerGroups,
  decodeSimulation,
  encodeSimulation,
  evenLayerGroups,
  groupOfRound,
  initialWeights,
  LocalTrainer,
  modelSpec,
  type ParameterSpec,
  parametersIn,
  parseModelSpec,
  proceduralDigits,
  type SimulationSettings,
  type SimulationState,
  simulate,
  subset,
  type TrainingParameters,
  valuesIn,
  withValues,
} from '../../../keepers/learning/index.ts'
import { Arena, loadKernel } from '../../../keepers/learning/kernel/load.ts'
import { refuses } from './refusal.ts'

const spec = modelSpec('small-cnn')
const { parameters } = spec
const GROUPS = [
  { name: 'convolutions', layers: ['conv1', 'conv2'] },
  { name: 'head', layers: ['dense'] },
]
const lengthOf = (parts: readonly ParameterSpec[]) => parts.reduce((sum, { length }) => sum + length, 0)

/** Names of the parameters that differ in any bit. */
const moved = (before: Float32Array, after: Float32Array, all: readonly ParameterSpec[] = parameters) => {
  const bits = (vector: Float32Array) => new Uint32Array(vector.slice().buffer)
  const [a, b] = [bits(before), bits(after)]
  return all
    .filter(({ offset, length }) => a.subarray(offset, offset + length).some((value, i) => value !== b[offset + i]))
    .map(({ name }) => name)
}

describe('learning: groups of layers', () => {
  it('contain every layer once, or the first that they do not is named', () => {
    const wrong = (...groups: [string, ...string[]][]) =>
      contradictionInLayerGroups(
        groups.map(([name, ...layers]) => ({ name, layers })),
        parameters,
      )
    expect(contradictionInLayerGroups(GROUPS, parameters)).to.equal(null)
    expect(wrong(['a', 'conv1'], ['b', 'dense'])).to.match(/^conv2: in no group/)
    expect(wrong(['a', 'conv1', 'conv2'], ['b', 'conv2', 'dense'])).to.match(/conv2 is in a and in b/)
    expect(wrong(['a', 'conv1', 'conv1', 'conv2'], ['b', 'dense'])).to.match(/conv1 is in a and in a/)
    expect(wrong(['a', 'conv1', 'pool1'], ['b', 'conv2', 'dense'])).to.match(/no layer with parameters is called pool1/)
    expect(wrong(['a', 'conv1', 'conv2'], ['a', 'dense'])).to.match(/two groups are called a/)
  })

  it('take turns from the first round on', () => {
    const turns = (groups: number, rounds: number) =>
      Array.from({ length: rounds }, (_, i) => groupOfRound(groups, i + 1))
    expect(turns(3, 9)).to.deep.equal([0, 1, 2, 1, 2, 0, 2, 0, 1])
    expect(turns(2, 6)).to.deep.equal([0, 1, 1, 0, 0, 1])
  })

  it('all come to be trained in services that lose every so manieth round, whichever it is', () => {
    for (let groups = 2; groups <= 9; groups++) {
      for (let every = 2; every <= 20; every++) {
        for (let lost = 0; lost < every; lost++) {
          const trained = new Set<number>()
          for (let round = 1; round <= groups * (groups + 1); round++) {
            if (round % every !== lost) trained.add(groupOfRound(groups, round))
          }
          expect(trained.size, `${groups} groups, every ${every}th round lost`).to.equal(groups)
        }
      }
    }
    // The control: one order for all cycles, and a key that is used up after three rounds.
    const fixed = Array.from({ length: 400 }, (_, i) => (i % 4 === 3 ? null : i % 4))
    expect(fixed).to.not.include(3)
  })

  it('of neighbours are as even as whole layers allow', async () => {
    const sized = (...sizes: number[]): ParameterSpec[] => {
      let offset = 0
      return sizes.map((length, i) => {
        offset += length
        return { name: `layer${i}/kernel`, shape: [length], offset: offset - length, length }
      })
    }
    const largest = (all: ParameterSpec[], count: number) =>
      evenLayerGroups(all, count).map((group) => lengthOf(parametersIn(group, all)))
    expect(largest(sized(5, 1, 1, 1, 4), 2)).to.deep.equal([6, 6])
    expect(largest(sized(5, 1, 1, 1, 4), 3)).to.deep.equal([5, 2, 5])
    expect(largest(sized(1, 1, 9), 3)).to.deep.equal([1, 1, 9])
    for (const count of [2, 3]) {
      const groups = evenLayerGroups(parameters, count)
      expect(contradictionInLayerGroups(groups, parameters)).to.equal(null)
      expect(groups.map(({ name }) => name)).to.deep.equal(['1', '2', '3'].slice(0, count))
    }
    await refuses(() => evenLayerGroups(parameters, 4), 'BAD_PARAMETERS', /3 layers with parameters: give 2 to 3/)
    await refuses(
      () => evenLayerGroups(modelSpec('logistic').parameters, 2),
      'BAD_PARAMETERS',
      /1 layer with parameters: leave them out/,
    )
  })

  it('are taken out of a vector and put back where they belong', () => {
    const vector = Float32Array.from({ length: spec.parameterCount }, (_, i) => i)
    const parts = parametersIn({ name: 'ends', layers: ['dense', 'conv1'] }, parameters)
    const values = valuesIn(vector, parts)
    expect(values).to.have.length(lengthOf(parts))
    expect(withValues(vector, parts, values)).to.deep.equal(vector)
    const other = withValues(
      vector,
      parts,
      values.map((value) => value + 1),
    )
    expect(moved(vector, other)).to.deep.equal(['conv1/kernel', 'conv1/bias', 'dense/kernel', 'dense/bias'])
  })
})

describe('learning: training of some layers', function () {
  this.timeout(30_000)
  const { train, test } = proceduralDigits({ seed: 3, train: 300, test: 100 })
  const PARAMETERS: TrainingParameters = {
    epochs: 1,
    batchSize: 16,
    optimizer: { kind: 'adam', learningRate: 0.003 },
    seed: 7,
  }
  const only = parametersIn(GROUPS[1]!, parameters)

  it('leaves all others bit for bit, whatever pulls at them', async () => {
    const settings: TrainingParameters[] = [
      PARAMETERS,
      { ...PARAMETERS, weightDecay: 0.1, proximalMu: 0.1, clipGradientNorm: 0.5 },
      { ...PARAMETERS, optimizer: { kind: 'sgd', learningRate: 0.1, momentum: 0.9, nesterov: true }, weightDecay: 0.1 },
    ]
    const trainer = await LocalTrainer.create({ spec })
    trainer.loadData(train)
    const start = initialWeights(spec, 1)
    for (const each of settings) {
      trainer.setParameters(each)
      trainer.setWeights(start)
      const { weights } = await trainer.train({ only })
      expect(moved(start, weights)).to.deep.equal(['dense/kernel', 'dense/bias'])
      // The control, and a training after one of some layers is whole again.
      trainer.setWeights(start)
      expect(moved(start, (await trainer.train()).weights)).to.have.length(6)
    }
    trainer.teardown()
  })

  it('takes steps of the same bits as one of the whole without a gradient elsewhere, in less memory', async () => {
    const count = 400_003
    // Neither begins nor ends where a SIMD vector does.
    const some: ParameterSpec[] = [
      { name: 'a', shape: [5], offset: 3, length: 5 },
      { name: 'b', shape: [100_002], offset: 200_001, length: 100_002 },
    ]
    const isIn = (i: number) => some.some(({ offset, length }) => i >= offset && i < offset + length)
    const optimizers: TrainingParameters['optimizer'][] = [
      { kind: 'adam', learningRate: 0.01 },
      { kind: 'sgd', learningRate: 0.1, momentum: 0.9 },
    ]
    const correction = Float32Array.from({ length: count }, (_, i) => (isIn(i) ? 1e-3 : 0))
    for (const optimizer of optimizers) {
      const run = async (partly: boolean) => {
        const arena = new Arena(await loadKernel())
        const [weights, gradient] = [arena.allocate(count), arena.allocate(count)]
        const before = arena.size
        const rule = new UpdateRule(arena, weights, gradient, count)
        arena.floats(weights, count).forEach((_, i, all) => {
          all[i] = Math.sin(i)
        })
        rule.begin({ optimizer, clipGradientNorm: 1, correction, ...(partly ? { only: some } : {}) })
        for (let step = 1; step <= 3; step++) {
          const slopes = arena.floats(gradient, count)
          for (let i = 0; i < count; i++) slopes[i] = isIn(i) ? Math.cos(i * step) : partly ? 7 : 0
          rule.apply()
        }
        return { weights: arena.floats(weights, count).slice(), state: rule.state(), bytes: arena.size - before }
      }
      const [part, whole] = [await run(true), await run(false)]
      expect(part.weights).to.deep.equal(whole.weights)
      expect(part.state.moments).to.deep.equal(whole.state.moments)
      expect(part.state.updates).to.equal(3)
      // Six vectors of a quarter in place of four of the whole: anchor, two moments, correction; weights and gradient again.
      expect(whole.bytes).to.be.within(4 * 4 * count, 4 * 4 * count + 2 ** 17)
      expect(part.bytes).to.be.within(6 * 4 * 100_007, 6 * 4 * 100_007 + 2 ** 17)
    }
  })

  it('clips the gradient of these layers, not of the whole', async () => {
    const trainer = await LocalTrainer.create({ spec })
    const few = subset(
      train,
      Uint32Array.from({ length: 16 }, (_, i) => i),
    )
    trainer.loadData(few)
    trainer.setParameters({ ...PARAMETERS, optimizer: { kind: 'sgd', learningRate: 1 }, clipGradientNorm: 1e-3 })
    const start = initialWeights(spec, 1)
    trainer.setWeights(start)
    const { weights } = await trainer.train({ only })
    const change = Math.hypot(...weights.map((value, i) => value - start[i]!))
    expect(change).to.be.closeTo(1e-3, 1e-6)
    trainer.teardown()
  })

  it('holds back statistics, too, in networks that tfjs computes', async () => {
    const layers = [
      { class_name: 'Dense', config: { name: 'first', units: 6, activation: 'relu', batch_input_shape: [null, 8] } },
      { class_name: 'BatchNormalization', config: { name: 'norm', axis: -1, momentum: 0.5, epsilon: 0.001 } },
      { class_name: 'Dense', config: { name: 'out', units: 2, activation: 'softmax' } },
    ]
    const normed = await parseModelSpec({ modelTopology: { class_name: 'Sequential', config: { name: 'n', layers } } })
    const trainer = await LocalTrainer.create({ spec: normed, backend: 'tfjs-cpu' })
    const inputs = Float32Array.from({ length: 32 * 8 }, (_, i) => Math.sin(i))
    const labels = Uint16Array.from({ length: 32 }, (_, i) => i % 2)
    const few = { ...train, inputShape: [8], classes: 2, count: 32, inputs, scale: 1, labels, classNames: ['a', 'b'] }
    trainer.loadData(few)
    trainer.setParameters(PARAMETERS)
    const start = initialWeights(normed, 1)
    for (const [layer, of] of [
      ['out', ['out/kernel', 'out/bias']],
      ['norm', ['norm/gamma', 'norm/beta', 'norm/moving_mean', 'norm/moving_variance']],
    ] as const) {
      trainer.setWeights(start)
      const { weights } = await trainer.train({
        only: parametersIn({ name: layer, layers: [layer] }, normed.parameters),
      })
      expect(moved(start, weights, normed.parameters)).to.have.members([...of])
    }
    trainer.teardown()
  })

  const BASE: SimulationSettings = {
    keepers: 4,
    rounds: 4,
    training: { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd', learningRate: 0.1 } },
    layerGroups: GROUPS,
    seed: 11,
  }
  const data = { train, test }
  const played = async (settings: SimulationSettings, from?: SimulationState) => {
    const states: SimulationState[] = []
    const result = await simulate({
      ...{ spec, data, settings, workers: 0 },
      ...(from === undefined ? {} : { resume: from }),
      onRound: (_, state) => void states.push(state),
    })
    return { result, states }
  }
  const LAYERS = [
    ['conv1/kernel', 'conv1/bias', 'conv2/kernel', 'conv2/bias'],
    ['dense/kernel', 'dense/bias'],
  ]

  it('in a federation moves one group a round, with momentum, noise and liars', async () => {
    const settings: SimulationSettings = {
      ...BASE,
      server: { kind: 'fedavg', momentum: 0.9 },
      privacy: { clippingNorm: 1, noiseMultiplier: 0.1, delta: 1e-5 },
      poison: { share: 0.25, attack: 'norm-bust', strength: 10 },
      bound: { norm: 1, check: 'member' },
    }
    const { states } = await played(settings)
    states.slice(1).forEach((state, i) => {
      const covered = groupOfRound(2, state.round)
      expect(moved(states[i]!.weights, state.weights)).to.deep.equal(LAYERS[covered])
      expect(moved(states[i]!.server.m, state.server.m)).to.deep.equal(LAYERS[covered])
      expect(state.records.at(-1)).to.include({ layers: GROUPS[covered]!.name, refused: 1 })
    })
    // Each round is one release of a sum that a member changes by clippingNorm at most, whatever its length: ε is that of whole rounds.
    const { layerGroups: _, ...whole } = settings
    const epsilon = (await played(whole)).result.records.map((record) => record.epsilon)
    expect(states.at(-1)!.records.map((record) => record.epsilon)).to.deep.equal(epsilon)
  })

  it('goes on after an interruption to the same bits', async () => {
    const { result, states } = await played(BASE)
    const saved = decodeSimulation(encodeSimulation(states[0]!))
    expect((await played(BASE, saved)).result.weights).to.deep.equal(result.weights)
  })

  it('counts keepers that leave layers to others as members without samples in those rounds', async () => {
    const { result } = await played({ ...BASE, partial: { share: 0.25, groups: ['head'] } })
    expect(result.records.map(({ members, idle }) => [members, idle])).to.deep.equal([
      [3, 1],
      [4, 0],
      [4, 0],
      [3, 1],
    ])
  })

  it('refuses groups that do not fit the model, and names the field', async () => {
    const refusal = async (settings: Partial<SimulationSettings>, message: RegExp) =>
      refuses(() => played({ ...BASE, ...settings }), 'BAD_SIMULATION', message)
    await refusal({ layerGroups: [GROUPS[0]!, { name: 'b', layers: ['conv2'] }] }, /layerGroups: conv2 is in/)
    await refusal({ layerGroups: [GROUPS[0]!] }, /layerGroups/)
    await refusal({ partial: { share: 0.5, groups: ['tail'] } }, /partial\.groups: tail is none of convolutions, head/)
    await refusal({ layerGroups: undefined, partial: { share: 0.5, groups: ['head'] } }, /partial needs layerGroups/)
  })
})
