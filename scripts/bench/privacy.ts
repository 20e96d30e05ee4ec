// SPDX-License-Identifier: GPL-3.0-or-later
// zkML beside computation among several parties: one network and one input, answered (a) by whoever has the weights, with a Groth16 proof
// under private weights, (b) by keepers under threshold CKKS, (c) in the clear.
//
// Metrics: privacy.accuracy.{plain,proof,keepers}, privacy.{proof.{processor,clock,bytes,key,gas,constraints},
// keepers-<t>-of-<n>.{requester,keeper,reader,clock,request,share,answer,total,per-sample,memory,error},plain.{processor,bytes}},
// privacy.grow.<inputs>x<hidden>.{constraints,keeper,total}. Processor seconds; bytes of all messages together in `total`.
import process from 'node:process'
import { evaluateClear } from '../../keepers/fhe/index.ts'
import type { Bench, BenchContext } from './harness.ts'
import { INPUT_BOUND, madeUpNetwork, readCells, type TrainedModel, trainModel, type Widths } from './privacy/model.ts'
import { constraintsOf, proveOnce } from './privacy/proof.ts'
import { askKeepers, type ThresholdCost } from './privacy/threshold.ts'

const HIDDEN = 8
const COMMITTEES = [
  { members: 3, threshold: 2 },
  { members: 5, threshold: 3 },
  { members: 9, threshold: 5 },
] as const
/** Sizes of network for the growth of both, with 3 keepers. */
const GROWTH: readonly Widths[] = [
  [8, 8, 2],
  [30, 8, 2],
  [30, 32, 2],
  [120, 32, 2],
]
/** Runs of the network in the clear: one takes microseconds. */
const PLAIN_RUNS = 2000

export const bench: Bench = {
  area: 'privacy',
  summary:
    'one network answered with a proof, by keepers under threshold CKKS, and in the clear: cost, and what each shows',
  async run(context) {
    const { train, test } = await readCells()
    context.progress('training')
    const model = await trainModel(train, HIDDEN)
    const right = (labels: readonly number[]) =>
      (100 * labels.filter((label, i) => label === test.labels[i]).length) / test.labels.length
    const accuracy = (way: string, labels: readonly number[]) =>
      context.record({ metric: `privacy.accuracy.${way}`, value: right(labels), unit: 'percent' })
    const plain = test.inputs.map((input) => model.scores(input))
    accuracy('plain', plain.map(labelOf))
    recordPlain(context, model, test.inputs[0]!)

    const proof = await proveOnce(model.graph, train.inputs, test.inputs, context.progress)
    accuracy('proof', proof.labels)
    const ofProof = (what: string, value: number, unit: string, note?: string) =>
      context.record({ metric: `privacy.proof.${what}`, value, unit, ...(note === undefined ? {} : { note }) })
    ofProof('processor', proof.processor, 's', 'witness, proof, and a check of it')
    ofProof('clock', proof.clock, 's')
    ofProof('constraints', proof.constraints, 'constraints')
    ofProof('bytes', proof.bytes, 'bytes', 'proof and public signals')
    ofProof('key', proof.keyBytes, 'bytes', 'the proving key, once')
    ofProof('gas', proof.gas, 'gas', 'a transaction in which the deployed verifier accepts it')

    for (const committee of context.quick ? COMMITTEES.slice(0, 1) : COMMITTEES) {
      context.progress(`${committee.threshold} of ${committee.members} keepers`)
      const cost = await askKeepers(model.network, { ...committee, clipBound: INPUT_BOUND }, test.inputs)
      if (committee === COMMITTEES[0]) accuracy('keepers', cost.outputs.map(labelOf))
      recordKeepers(context, `keepers-${committee.threshold}-of-${committee.members}`, cost, model, test.inputs)
    }
    for (const widths of context.quick ? [] : GROWTH) await recordGrowth(context, widths)
  },
}

function recordPlain(context: BenchContext, { network }: TrainedModel, input: Float64Array): void {
  const before = process.cpuUsage()
  for (let run = 0; run < PLAIN_RUNS; run++) evaluateClear(network, input)
  const { user, system } = process.cpuUsage(before)
  context.record({ metric: 'privacy.plain.processor', value: (user + system) / 1e6 / PLAIN_RUNS, unit: 's' })
  context.record({ metric: 'privacy.plain.bytes', value: 8 * (input.length + 2), unit: 'bytes', note: 'input, scores' })
}

function recordKeepers(
  context: BenchContext,
  way: string,
  cost: ThresholdCost,
  { network }: TrainedModel,
  inputs: readonly Float64Array[],
): void {
  const record = (what: string, value: number, unit: string, note?: string) =>
    context.record({ metric: `privacy.${way}.${what}`, value, unit, ...(note === undefined ? {} : { note }) })
  const { answering, batch, error } = cost.terms
  record('requester', cost.processor.requester, 's', `a request of ${inputs.length} samples costs what one of 1 costs`)
  record('keeper', cost.processor.keeper, 's', `each of ${answering}`)
  record('reader', cost.processor.reader, 's')
  record('clock', cost.clock, 's', `${answering} processes beside each other on this machine`)
  record('request', cost.bytes.request, 'bytes', 'to each answering keeper')
  record('share', cost.bytes.share, 'bytes', 'of the key, to each')
  record('answer', cost.bytes.answer, 'bytes', 'from each')
  record('total', totalBytes(cost), 'bytes', 'all messages')
  record('per-sample', totalBytes(cost) / batch, 'bytes', `in a request of ${batch}`)
  record('memory', cost.keeperMemory, 'bytes', 'a keeper’s process, at most')
  const found = inputs.flatMap((input, s) =>
    evaluateClear(network, input).map((score, o) => Math.abs(score - cost.outputs[s]![o]!)),
  )
  record('error', Math.max(...found), 'score', `largest of ${found.length}; bound ${error.toExponential(1)}`)
}

async function recordGrowth(context: BenchContext, widths: Widths): Promise<void> {
  const [inputs, hidden] = widths
  const name = `privacy.grow.${inputs}x${hidden}`
  context.progress(`growth: ${inputs} inputs, ${hidden} squares`)
  const sample = Float64Array.from({ length: inputs }, (_, i) => Math.cos(i))
  const { train } = await readCells()
  const fitted = {
    inputs: train.inputs.map((row) => Float64Array.from({ length: inputs }, (_, i) => row[i % 30]!)),
    labels: train.labels,
  }
  const { graph } = await trainModel(fitted, hidden)
  context.record({
    metric: `${name}.constraints`,
    value: constraintsOf(graph, fitted.inputs),
    unit: 'constraints',
  })
  const cost = await askKeepers(madeUpNetwork(widths), { ...COMMITTEES[0], clipBound: INPUT_BOUND }, [sample])
  context.record({ metric: `${name}.keeper`, value: cost.processor.keeper, unit: 's', note: 'each of 3' })
  context.record({ metric: `${name}.total`, value: totalBytes(cost), unit: 'bytes', note: 'all messages' })
}

/** Every answering keeper gets the request and its share, and sends an answer. */
function totalBytes({ terms, bytes }: ThresholdCost): number {
  return terms.answering * (bytes.request + bytes.share + bytes.answer)
}

function labelOf({ 0: benign, 1: malignant }: ArrayLike<number>): number {
  return malignant! > benign! ? 1 : 0
}
