// SPDX-License-Identifier: GPL-3.0-or-later
// What a round costs: keeper processes on a local chain, by phase and by number of keepers, beside the same training with
// plain averaging in one process. The ratio of the two is the price of privacy and consensus.
import { loadConfig } from '../../keepers/agent/index.ts'
import { Trainer } from '../../keepers/agent/training/trainer.ts'
import { weightedMean } from '../../keepers/learning/index.ts'
import { Cluster, type Line } from '../demo/cluster.ts'
import { type Bench, type BenchContext, median } from './harness.ts'

const PHASES = ['Training', 'Reveal', 'Aggregate', 'Decrypt', 'Vote'] as const
/** The first round is left out: caches fill and connections open in it. */
const ROUNDS = 4

export const bench: Bench = {
  area: 'round',
  summary: 'a round of 4, 8, 16 keepers by phase: time, bytes, gas; beside plain averaging in one process',
  async run(context) {
    const sizes = context.quick ? [4] : [4, 8, 16]
    const seconds: number[] = []
    for (const keepers of sizes) seconds.push(await measure(context, keepers))
    for (const [i, value] of seconds.entries()) {
      if (i > 0) {
        context.record({
          metric: `round.growth.${sizes[i - 1]}to${sizes[i]}`,
          value: value / seconds[i - 1]!,
          unit: 'ratio',
          note: 'time of a round when the keepers double; all of them share this machine',
        })
      }
    }
  },
}

async function measure(context: BenchContext, keepers: number): Promise<number> {
  context.progress(`${keepers} keepers`)
  await using cluster = await Cluster.create({
    keepers,
    windows: {
      keyWindow: 600,
      trainingWindow: 600,
      revealWindow: 300,
      aggregateWindow: 300,
      decryptWindow: 300,
      voteWindow: 300,
    },
    values: () => ({
      'service.profile.maxSamples': 2000,
      'data.limit': 500,
      'network.fetchSeconds': 60,
      ...(context.dataDir === null ? {} : { 'data.path': context.dataDir }),
    }),
  })
  for (const node of cluster.nodes) cluster.start(node)
  await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, ROUNDS, 1_800_000)))

  const name = (what: string): string => `round.${keepers}.${what}`
  const first = cluster.nodes[0]!
  const starts = cluster.lines.filter((line) => line.node === first.name && line.event === 'state')
  const measured = Array.from({ length: ROUNDS - 1 }, (_, i) => i + 2)
  for (const phase of PHASES) {
    const spent = measured.map((round) => timeIn(starts, phase, round)).filter((value) => value !== null)
    if (spent.length > 0)
      context.record({ metric: name(`${phase.toLowerCase()}.time`), value: median(spent), unit: 's' })
  }
  const whole = measured
    .map(
      (round) =>
        (timeOf(starts, 'Training', round + 1) ?? Number.NaN) - (timeOf(starts, 'Training', round) ?? Number.NaN),
    )
    .filter(Number.isFinite)
  const roundSeconds = median(whole)
  const plain = await plainRound(cluster)
  context.record({
    metric: name('time'),
    value: roundSeconds,
    unit: 's',
    peer: 'plain averaging in one process',
    peerValue: plain,
    note: 'a block each second; ratio = price of privacy and consensus',
  })
  const acted = cluster.lines.filter(
    (line) => line.event === 'acted' && Number(line.round) >= 2 && Number(line.round) <= ROUNDS,
  )
  const gas = acted.reduce((sum, line) => sum + Number(line.gas), 0)
  context.record({ metric: name('gas.perKeeper'), value: gas / (ROUNDS - 1) / keepers, unit: 'gas' })
  const texts = await Promise.all(cluster.nodes.map(async (node) => (await fetch(`${node.monitoring}/metrics`)).text()))
  for (const direction of ['published', 'fetched']) {
    const total = texts.reduce((sum, text) => sum + sumOfMetric(text, `cohort_${direction}_bytes_total`), 0)
    const note = 'mean over rounds, key generation included'
    context.record({ metric: name(`${direction}.perKeeper`), value: total / ROUNDS / keepers, unit: 'bytes', note })
  }
  return roundSeconds
}

const atSecond = (line: Line): number => new Date(String(line.time)).getTime() / 1000

function timeOf(starts: readonly Line[], state: string, round: number): number | null {
  const line = starts.find((start) => start.state === state && Number(start.round) === round)
  return line === undefined ? null : atSecond(line)
}

/** Seconds between a state's first line and the next state's. Null when the keeper saw the state only in passing. */
function timeIn(starts: readonly Line[], state: string, round: number): number | null {
  const index = starts.findIndex((start) => start.state === state && Number(start.round) === round)
  const next = starts[index + 1]
  return index < 0 || next === undefined ? null : atSecond(next) - atSecond(starts[index]!)
}

/** Seconds for the same training of all keepers one after the other, averaged in the clear, judged once. */
async function plainRound(cluster: Cluster): Promise<number> {
  let seconds = 0
  const updates: { weights: Float32Array; weight: number }[] = []
  for (const [index, node] of cluster.nodes.entries()) {
    const config = loadConfig(node.folder)
    const trainer = await Trainer.start(config)
    const start = performance.now()
    const { weights, samples } = await trainer.train(trainer.shard.initialWeights, 1, config.training)
    updates.push({ weights, weight: samples })
    if (index === cluster.nodes.length - 1) await trainer.evaluate(weightedMean(updates))
    seconds += (performance.now() - start) / 1000
    await trainer.stop()
  }
  return seconds
}

function sumOfMetric(text: string, metric: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(metric))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
