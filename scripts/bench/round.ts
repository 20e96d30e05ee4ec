// SPDX-License-Identifier: GPL-3.0-or-later
// The cost of a round: keeper processes on a local chain, by phase and by number of keepers, with sums by slices and without, beside the
// same training with plain averaging in one process. The ratio of the two is the price of privacy and consensus.
import { loadavg } from 'node:os'
import { loadConfig } from '../../keepers/agent/index.ts'
import { Trainer } from '../../keepers/agent/training/trainer.ts'
import { weightedMean } from '../../keepers/learning/index.ts'
import { Cluster, clusterManifest } from '../cluster.ts'
import { type Bench, type BenchContext, median } from './harness.ts'
import {
  counters,
  gasByPhase,
  PHASES,
  phaseSeconds,
  roundSeconds,
  sliceOutcomes,
  sumAll,
  sumOf,
} from './round/figures.ts'
import { memoryOf, processorByPhase, sampleStates } from './round/processor.ts'

/** The first round is left out of times and gas: caches fill and connections open in it. */
const ROUNDS = 4
const MINUTE = 60_000

/** Long enough never to pass: every state ends when all have acted. */
const WINDOWS = {
  keyWindow: 1_800,
  trainingWindow: 600,
  revealWindow: 300,
  aggregateWindow: 600,
  decryptWindow: 600,
  voteWindow: 600,
}
/** Seconds between a keeper's looks at the chain. Every transaction is a block there, and everybody reads all of them. */
const POLL = { few: 0.3, many: 2 }
const MANY = 32

/** Figures of one size, by metric. */
type Figures = Map<string, { value: number; unit: string; note?: string }>

const MODES = ['whole', 'slices'] as const
type Mode = (typeof MODES)[number]
/** Members below this number do not cut updates into slices. */
const LEAST_WITH_SLICES = 6

export const bench: Bench = {
  area: 'round',
  summary:
    '[keepers…] [whole] [slices]: a round of 4, 8, 16 keepers by phase: time, processor, bytes, gas; with sums by slices and without',
  async run(context) {
    const asked = context.args.filter((word) => !isMode(word)).map(Number)
    const wrong = context.args.find((word) => !isMode(word) && !/^\d+$/.test(word))
    if (wrong !== undefined) throw new Error(`round ${wrong}: takes numbers of keepers, ${MODES.join(' and ')}`)
    const sizes = asked.length > 0 ? asked : context.quick ? [4] : [4, 8, 16]
    const modes = context.args.filter(isMode)
    for (const mode of modes.length > 0 ? modes : MODES) {
      const measured: { keepers: number; figures: Figures }[] = []
      for (const keepers of sizes) {
        // Few keepers add up by themselves either way: one measurement is that of both.
        if (mode === 'slices' && keepers < LEAST_WITH_SLICES && modes.length !== 1) continue
        measured.push({ keepers, figures: await measure(context, keepers, mode) })
      }
      for (const [i, { keepers, figures }] of measured.entries()) {
        const smaller = measured[i - 1]
        if (smaller === undefined) continue
        for (const [what, { value }] of figures) {
          const before = smaller.figures.get(what)?.value ?? 0
          if (before === 0) continue
          const metric = `round.growth.${smaller.keepers}to${keepers}.${prefixOf(mode)}${what}`
          context.record({ metric, value: value / before, unit: 'ratio' })
        }
      }
    }
  },
}

const isMode = (word: string): word is Mode => MODES.some((mode) => mode === word)
const prefixOf = (mode: Mode): string => (mode === 'slices' ? 'slices.' : '')

async function measure(context: BenchContext, keepers: number, mode: Mode): Promise<Figures> {
  context.progress(`${keepers} keepers, ${mode === 'slices' ? 'sums by slices' : 'sums of whole updates'}`)
  await using cluster = await Cluster.create({
    keepers,
    windows: WINDOWS,
    pace: 'punctual',
    manifest: clusterManifest('small-cnn', { rounds: { maxSamples: 2000 } }),
    values: () => ({
      'data.limit': 500,
      'network.fetchSeconds': 60,
      'network.slices': mode === 'slices',
      'chain.pollSeconds': keepers < MANY ? POLL.few : POLL.many,
      ...(context.dataDir === null ? {} : { 'data.path': context.dataDir }),
    }),
  })
  for (const node of cluster.nodes) cluster.start(node)
  const samples = sampleStates(cluster)
  await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, ROUNDS, 60 * MINUTE)))
  const [load] = loadavg()
  const metrics = await Promise.all(
    cluster.nodes.map(async (node) => (await fetch(`${node.monitoring}/metrics`)).text()),
  )
  const memory = cluster.nodes.flatMap((node) => memoryOf(cluster.pid(node)) ?? [])
  for (const node of cluster.nodes) await cluster.stop(node)

  const figures: Figures = new Map()
  const measuredRounds = Array.from({ length: ROUNDS - 1 }, (_, i) => i + 2)
  const states = cluster.lines.filter((line) => line.node === cluster.nodes[0]!.name && line.event === 'state')
  for (const phase of PHASES) {
    const seconds = measuredRounds.map((round) => phaseSeconds(states, phase, round)).filter((value) => value !== null)
    if (seconds.length > 0) figures.set(`${phase.toLowerCase()}.time`, { value: median(seconds), unit: 's' })
  }
  for (const [phase, { keepers: ofKeepers, chain }] of processorByPhase(samples, measuredRounds)) {
    const of = phase === 'round' ? '' : `${phase}.`
    figures.set(`${of}processor`, { value: ofKeepers / keepers, unit: 's', note: 'per keeper, all threads' })
    figures.set(`${of}chain`, { value: chain, unit: 's', note: "of the chain's process, for all keepers" })
  }
  const gas = gasByPhase(cluster.lines, measuredRounds)
  for (const [phase, total] of gas) {
    figures.set(`${phase}.gas`, { value: total / measuredRounds.length / keepers, unit: 'gas', note: 'per keeper' })
  }
  const counts = counters(metrics)
  const updates = sumOf(counts, 'cohort_steps_total', 'commitUpdate')
  for (const [direction, kind, what] of BLOBS) {
    const value = sumOf(counts, `cohort_${direction}_bytes_total`, kind) / updates
    figures.set(`${what}.${direction}`, { value, unit: 'bytes', note: `per keeper and round: ${kind}` })
  }
  figures.set('fetched', {
    value: figures.get('aggregate.fetched')!.value + figures.get('vote.fetched')!.value,
    unit: 'bytes',
    note: 'per keeper and round: updates and decryption shares',
  })
  for (const [what, value] of sliceOutcomes(cluster.lines, ROUNDS)) {
    figures.set(`sums.${what}`, { value, unit: 'count', note: `of ${keepers} keepers in ${ROUNDS} rounds` })
  }
  const requests = sumAll(counts, 'cohort_rpc_requests_total') / updates
  figures.set('requests', { value: requests, unit: 'count', note: 'to the RPC endpoint, per keeper and round' })
  for (const direction of ['published', 'fetched']) {
    const total = ['key index', 'sealed share'].reduce(
      (sum, kind) => sum + sumOf(counts, `cohort_${direction}_bytes_total`, kind),
      0,
    )
    figures.set(`key.${direction}`, { value: total / keepers, unit: 'bytes', note: 'per keeper, once an epoch' })
  }
  if (memory.length > 0) {
    const mean = (of: 'own' | 'withShared'): number => memory.reduce((sum, one) => sum + one[of], 0) / memory.length
    figures.set('memory', { value: mean('withShared'), unit: 'bytes', note: 'per keeper, shared pages divided' })
    figures.set('memory.own', { value: mean('own'), unit: 'bytes', note: 'per keeper, in no other process' })
  }
  figures.set('gas', {
    value: [...gas.values()].reduce((a, b) => a + b, 0) / measuredRounds.length / keepers,
    unit: 'gas',
    note: 'per keeper',
  })
  const name = `round.${keepers}.${prefixOf(mode)}`
  for (const [what, figure] of figures) context.record({ metric: `${name}${what}`, ...figure })

  const seconds = measuredRounds.map((round) => roundSeconds(states, round)).filter((value) => value !== null)
  const time = median(seconds)
  figures.set('time', { value: time, unit: 's' })
  context.record({
    metric: `${name}time`,
    value: time,
    unit: 's',
    peer: 'plain averaging in one process',
    peerValue: await plainRound(cluster),
    spread: median(seconds.map((value) => Math.abs(value - time))),
    note: `all keepers on this machine, at a load of ${load!.toFixed(1)}; ratio = price of privacy and consensus`,
  })
  return figures
}

/** Blobs of a round: their counter, and the phase that moves them. */
const BLOBS = [
  ['published', 'update', 'training'],
  ['fetched', 'update', 'aggregate'],
  ['published', 'decryption share', 'decrypt'],
  ['fetched', 'decryption share', 'vote'],
] as const

/** Seconds for the same training of all keepers one after the other, averaged in the clear, judged once. */
async function plainRound(cluster: Cluster): Promise<number> {
  let seconds = 0
  const updates: { weights: Float32Array; weight: number }[] = []
  for (const [index, node] of cluster.nodes.entries()) {
    const config = loadConfig(node.folder)
    const trainer = await Trainer.start(config)
    const start = performance.now()
    const { weights, samples } = await trainer.train(
      trainer.shard.initialWeights,
      { round: 1, epoch: 1 },
      config.training,
    )
    updates.push({ weights, weight: samples })
    if (index === cluster.nodes.length - 1) await trainer.evaluate(weightedMean(updates))
    seconds += (performance.now() - start) / 1000
    await trainer.stop()
  }
  return seconds
}
