// SPDX-License-Identifier: GPL-3.0-or-later
// zkML from a model file to a transaction: the article's CNN with public weights, a small CNN with private ones, two
// perceptrons; beside snarkjs, and beside what others published or write naively.
//
// Metrics: zkml.<network>.{import,constraints,compile,setup,key,witness,prove,verify,proof,verify-transaction,peak-memory},
// zkml.<network>-lookup.{constraints,compile,setup,key,witness,prove,verify-transaction,peak-memory}: the same program with lookups.
// zkml.{article-cnn,small-cnn}.beside-{rapidsnark,arkworks}: plain proofs, when COHORT_RAPIDSNARK and COHORT_ARKWORKS name binaries.
// zkml.article-cnn.beside-ezkl: a proof with lookups, when COHORT_EZKL names a Python that has EZKL.
// zkml.article-cnn{,-lookup}.browser-{first,prove,code}: in Chromium, when it is there.
// zkml.<network>.{accuracy,accuracy-loss}, zkml.article-cnn-pool-last{,-lookup}.constraints, zkml.last-layer.constraints,
// zkml.last-layer-naive.constraints, zkml.small-cnn-naive.constraints, zkml.equality.<network>.{pictures,constraints}.
import { exampleManifest } from '../../keepers/versions/index.ts'
import {
  accuracyOf,
  buildWithPlan,
  calibrate,
  floatScores,
  type Graph,
  type IntegerProgram,
  importModelFile,
  LookupCircuit,
  type Mode,
  programCost,
  programScores,
  searchBits,
} from '../../keepers/zkml/index.ts'
import type { Bench, BenchContext } from './harness.ts'
import { measureBrowser } from './zkml/browser.ts'
import { compareOnPictures } from './zkml/equality.ts'
import { measureNetwork, type Quantised } from './zkml/measure.ts'
import { naiveCnnConstraints, naiveLastLayerConstraints } from './zkml/naive.ts'
import {
  loadDigitPair,
  type Pictures,
  perceptron,
  pictures,
  poolingAfterActivation,
  trainedModel,
} from './zkml/networks.ts'
import { measureEzkl, measurePeers } from './zkml/peers.ts'

/** A domain of 2^k rows holds the constraints, the four public signals and the constant one. */
const DOMAIN_15 = 2 ** 15 - 5
const PRIVATE_TARGET = 65_000
/** Points of accuracy that quantisation may cost. */
const MAX_LOSS = 0.003
const CALIBRATION = 100

type Digits = { readonly calibration: Pictures; readonly heldOut: Pictures; readonly test: Pictures }

export const bench: Bench = {
  area: 'zkml',
  summary: 'from a model file to a verified transaction, for LeNet, a private CNN and two perceptrons',
  async run(context) {
    const data = await loadDigitPair(context.dataDir)
    const digits: Digits = {
      calibration: pictures(data.train, 0, CALIBRATION),
      heldOut: pictures(data.train, CALIBRATION, 500),
      test: pictures(data.test, 0, context.quick ? 500 : data.test.count),
    }
    const only = context.args[0]
    const wanted = (name: string) => only === undefined || only === name
    const train = (name: 'article-cnn' | 'small-cnn', epochs: number) =>
      trainedModel(name, data, { epochs: context.quick ? 2 : epochs, progress: context.progress })
    const sample = digits.test.inputs[0]!

    if (wanted('small-cnn')) {
      const model = await train('small-cnn', 14)
      const quantise = searched(context, 'small-cnn', digits, 'committed', PRIVATE_TARGET)
      const folder = await measureNetwork(context, 'small-cnn', model, quantise, sample)
      // 2^16 rows: the domain that native provers were measured at before.
      await measurePeers(context, 'small-cnn', folder, sample)
      context.progress('compiling the naive circuit of the same network')
      context.record({
        metric: 'zkml.small-cnn-naive.constraints',
        value: await naiveCnnConstraints(model),
        unit: 'constraints',
        peer: 'circomlib-ml LeNet (published)',
        peerValue: 2_703_268,
        note: 'the small CNN with gadgets in the manner of circomlib-ml: counted only, they are unsound',
      })
    }
    if (wanted('article-cnn')) {
      const model = await train('article-cnn', 8)
      const quantise = searched(context, 'article-cnn', digits, 'released', DOMAIN_15)
      const folder = await measureNetwork(context, 'article-cnn', model, quantise, sample)
      await measureBrowser(context, 'article-cnn', folder, sample)
      await measurePeers(context, 'article-cnn', folder, sample)
      const samples = digits.calibration.inputs.slice(0, 20)
      await measureEzkl(context, 'article-cnn', { model, folder: `${folder}-lookup`, samples })
      await poolLast(context, model, digits)
      await lastLayer(context)
    }
    if (wanted('equality-article-cnn')) {
      const graph = await importModelFile(`${await train('article-cnn', 8)}/model.json`)
      const { program } = search(context, graph, 'article-cnn', digits, 'released', DOMAIN_15)
      await equality(context, 'article-cnn', program, digits.test.inputs.slice(0, context.quick ? 10 : 200))
    }
    if (wanted('equality-small-cnn')) {
      // The circuit of the demo: private weights under the plan that services use, with a margin.
      const graph = await importModelFile(`${await train('small-cnn', 4)}/model.json`)
      const { program } = buildWithPlan(graph, { ...exampleManifest('small-cnn').plan, output: { kind: 'margin' } })
      await equality(context, 'small-cnn', program, digits.test.inputs.slice(0, context.quick ? 5 : 25))
    }
    if (wanted('mlp-784-56-10')) {
      const model = await perceptron('mlp-784-56-10', [784, 56, 10])
      await measureNetwork(context, 'mlp-784-56-10', model, plain(digits.calibration.inputs), sample)
    }
    if (wanted('mlp-2000-60-4000-10') && !context.quick) {
      const model = await perceptron('mlp-2000-60-4000-10', [2000, 60, 4000, 10])
      const inputs = Array.from({ length: 20 }, (_, k) =>
        Float64Array.from({ length: 2000 }, (_, i) => ((i * 31 + k * 17) % 97) / 96),
      )
      try {
        await measureNetwork(context, 'mlp-2000-60-4000-10', model, plain(inputs), inputs[0]!)
      } catch (error) {
        context.progress(`mlp-2000-60-4000-10 was not finished: ${(error as Error).message}`)
      }
    }
  },
}

/** Bits chosen by the search, judged on all test pictures. */
function searched(context: BenchContext, name: string, digits: Digits, mode: Mode, target: number) {
  return (graph: Graph): Quantised => {
    const found = search(context, graph, name, digits, mode, target)
    context.progress(`${name}: accuracy over ${digits.test.inputs.length} pictures`)
    const float = accuracyOf(floatScores(graph, digits.test.inputs), digits.test.labels)
    const quantised = accuracyOf(programScores(found.program, digits.test.inputs), digits.test.labels)
    context.record({
      metric: `zkml.${name}.accuracy`,
      value: 100 * quantised,
      unit: 'percent',
      peer: 'float',
      peerValue: 100 * float,
    })
    context.record({ metric: `zkml.${name}.accuracy-loss`, value: 100 * (float - quantised), unit: 'percent' })
    return found
  }
}

function search(
  context: BenchContext,
  graph: Graph,
  name: string,
  digits: Digits,
  mode: Mode,
  target: number,
): Quantised {
  return searchBits(graph, digits.calibration.inputs, digits.heldOut, {
    mode,
    maxLoss: MAX_LOSS,
    target,
    onStep: (step) => context.progress(`${name}: ${step.constraints} constraints, ${step.change}`),
  })
}

async function equality(
  context: BenchContext,
  name: string,
  program: IntegerProgram,
  inputs: readonly Float64Array[],
): Promise<void> {
  context.progress(`${name}: circuit beside interpreter on ${inputs.length} test pictures`)
  const { constraints, equal, distinct } = await compareOnPictures(program, inputs)
  const note = `trained weights, all scores; ${distinct} distinct lists of scores`
  context.record({ metric: `zkml.equality.${name}.pictures`, value: equal, unit: 'count', note })
  context.record({ metric: `zkml.equality.${name}.constraints`, value: constraints, unit: 'constraints' })
}

function plain(calibration: readonly Float64Array[]) {
  return (graph: Graph): Quantised => calibrate(graph, calibration, { mode: 'released' })
}

/** Pooling after the activation: four times the ReLUs. Counted by formulas that a test holds against compiled circuits. */
async function poolLast(context: BenchContext, model: string, digits: Digits): Promise<void> {
  const graph = await importModelFile(`${await poolingAfterActivation(model)}/model.json`)
  const { program } = calibrate(graph, digits.calibration.inputs, {
    mode: 'released',
    knobs: { weightBits: { default: 6 }, activationBits: { default: 6 } },
  })
  context.record({
    metric: 'zkml.article-cnn-pool-last.constraints',
    value: programCost(program).total,
    unit: 'constraints',
  })
  context.record({
    metric: 'zkml.article-cnn-pool-last-lookup.constraints',
    value: new LookupCircuit(program).constraints,
    unit: 'constraints',
  })
}

/** zkMNIST proves 84→10 and an argmax, on an embedding that nothing binds; ours with the range of every input. */
async function lastLayer(context: BenchContext): Promise<void> {
  const model = await perceptron('last-layer', [84, 10])
  const inputs = Array.from({ length: 20 }, (_, k) =>
    Float64Array.from({ length: 84 }, (_, i) => ((i * 31 + k * 17) % 97) / 96),
  )
  const { program } = calibrate(await importModelFile(`${model}/model.json`), inputs, { mode: 'released' })
  context.record({
    metric: 'zkml.last-layer.constraints',
    value: programCost(program).total,
    unit: 'constraints',
    peer: 'zkMNIST (published)',
    peerValue: 5232,
    note: 'input committed and range-checked; zkMNIST leaves it unbound',
  })
  context.record({
    metric: 'zkml.last-layer-naive.constraints',
    value: await naiveLastLayerConstraints(84, 10),
    unit: 'constraints',
    peer: 'zkMNIST (published)',
    peerValue: 5232,
  })
}
