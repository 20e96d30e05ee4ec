// SPDX-License-Identifier: GPL-3.0-or-later
// The cost of a round: keeper processes on a local chain, by phase and by number of keepers, beside the same training with plain
// averaging in one process. The ratio of the two is the price of privacy and consensus.
import { loadConfig } from '../../keepers/agent/index.ts'
import { Trainer } from '../../keepers/agent/training/trainer.ts'
import { weightedMean } from '../../keepers/learning/index.ts'
import { Cluster, clusterManifest } from '../cluster.ts'
import { type Bench, type BenchContext, median } from './harness.ts'
import { counters, gasByPhase, PHASES, phaseSeconds, roundSeconds, sumOf } from './round/figures.ts'

/** The first round is left out of times and gas: caches fill and connections open in it. */
const ROUNDS = 4
const MINUTE = 60_000

/** Long enough never to pass: every state ends when all have acted. */
const WINDOWS = {
  keyWindow: 900,
  trainingWindow: 600,
  revealWindow: 300,
  aggregateWindow: 600,
  decryptWindow: 600,
  voteWindow: 600,
}

/** Figures of one size, by metric. */
type Figures = Map<string, { value: number; unit: string; note?: string }>

export const bench: Bench = {
  area: 'round',
  summary: '[keepers…]: a round of 4, 8, 16 keepers by phase: time, bytes, gas; beside plain averaging in one process',
  async run(context) {
    const asked = context.args.map(Number)
    const sizes = asked.length > 0 ? asked : context.quick ? [4] : [4, 8, 16]
    const measured: Figures[] = []
    for (const keepers of sizes) measured.push(await measure(context, keepers))
    for (const [i, figures] of measured.entries()) {
      if (i === 0) continue
      const [smaller, larger] = [sizes[i - 1]!, sizes[i]!]
      for (const [what, { value }] of figures) {
        const before = measured[i - 1]!.get(what)?.value ?? 0
        if (before === 0) continue
        const metric = `round.growth.${smaller}to${larger}.${what}`
        context.record({ metric, value: value / before, unit: 'ratio' })
      }
    }
  },
}

async function measure(context: BenchContext, keepers: number): Promise<Figures> {
  context.progress(`${keepers} keepers`)
  await using cluster = await Cluster.create({
    keepers,
    windows: WINDOWS,
    manifest: clusterManifest('small-cnn', { rounds: { maxSamples: 2000 } }),
    values: () => ({
      'data.limit': 500,
      'network.fetchSeconds': 60,
      ...(context.dataDir === null ? {} : { 'data.path': context.dataDir }),
    }),
  })
  for (const node of cluster.nodes) cluster.start(node)
  await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, ROUNDS, 60 * MINUTE)))
  const metrics = await Promise.all(
    cluster.nodes.map(async (node) => (await fetch(`${node.monitoring}/metrics`)).text()),
  )
  for (const node of cluster.nodes) await cluster.stop(node)

  const figures: Figures = new Map()
  const measuredRounds = Array.from({ length: ROUNDS - 1 }, (_, i) => i + 2)
  const states = cluster.lines.filter((line) => line.node === cluster.nodes[0]!.name && line.event === 'state')
  for (const phase of PHASES) {
    const seconds = measuredRounds.map((round) => phaseSeconds(states, phase, round)).filter((value) => value !== null)
    if (seconds.length > 0) figures.set(`${phase.toLowerCase()}.time`, { value: median(seconds), unit: 's' })
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
  for (const direction of ['published', 'fetched']) {
    const total = ['key index', 'sealed share'].reduce(
      (sum, kind) => sum + sumOf(counts, `cohort_${direction}_bytes_total`, kind),
      0,
    )
    figures.set(`key.${direction}`, { value: total / keepers, unit: 'bytes', note: 'per keeper, once an epoch' })
  }
  figures.set('gas', {
    value: [...gas.values()].reduce((a, b) => a + b, 0) / measuredRounds.length / keepers,
    unit: 'gas',
    note: 'per keeper',
  })
  for (const [what, figure] of figures) context.record({ metric: `round.${keepers}.${what}`, ...figure })

  const seconds = measuredRounds.map((round) => roundSeconds(states, round)).filter((value) => value !== null)
  const time = median(seconds)
  figures.set('time', { value: time, unit: 's' })
  context.record({
    metric: `round.${keepers}.time`,
    value: time,
    unit: 's',
    peer: 'plain averaging in one process',
    peerValue: await plainRound(cluster),
    spread: median(seconds.map((value) => Math.abs(value - time))),
    note: 'all keepers on this machine, a block each second; ratio = price of privacy and consensus',
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
