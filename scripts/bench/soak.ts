// SPDX-License-Identifier: GPL-3.0-or-later
// The soak: many rounds with short phases; memory of every keeper must stay flat and handles must not leak. Every other keeper
// collects its garbage before each look: the rest is memory that it needs, or leaks. The others run undisturbed, as in use: their
// resident size is the one that an operator sees.
import { pathToFileURL } from 'node:url'
import { Cluster, clusterManifest, type Line } from '../cluster.ts'
import type { KeeperNode } from '../demo/keeper-nodes.ts'
import { type Bench, type BenchContext, median } from './harness.ts'
import type { ProbeLine } from './soak/probe.ts'

const PROBE = pathToFileURL(`${import.meta.dirname}/soak/probe.ts`).href
/** Rounds at each end; the medians of both are compared, so that one garbage collection does not decide. */
const LOOKS = 5
const MINUTE = 60_000

/** Long enough never to pass: every state ends when all have acted. */
const WINDOWS = {
  keyWindow: 600,
  trainingWindow: 300,
  revealWindow: 300,
  aggregateWindow: 300,
  decryptWindow: 300,
  voteWindow: 300,
}

export const bench: Bench = {
  area: 'soak',
  summary: '[keepers rounds]: 10 keepers, 50 rounds (quick: 4, 12): memory and handles over the last four fifths',
  async run(context) {
    const [keepers, rounds] = sizes(context.args, context.quick)
    await using cluster = await Cluster.create({
      keepers,
      windows: WINDOWS,
      manifest: clusterManifest('logistic'),
      values: () => ({ 'data.limit': 60, 'network.fetchSeconds': 30 }),
      env: (index) => ({ NODE_OPTIONS: `--import ${PROBE}`, COHORT_SOAK_COLLECT: collects(index) ? '1' : '0' }),
    })
    const soak = new Soak(cluster)
    for (const node of cluster.nodes) cluster.start(node)
    const times: number[] = []
    for (let round = 1, started = performance.now(); round <= rounds; round++) {
      await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round, 15 * MINUTE)))
      const now = performance.now()
      times.push((now - started) / 1000)
      started = now
      const { rss, heap } = await soak.look()
      context.progress(
        `round ${round} of ${rounds}: ${times.at(-1)!.toFixed(1)} s, ${mib(rss)} resident, ${mib(heap)} heap`,
      )
    }
    report(context, soak, Math.ceil(rounds / 5))
    context.record({ metric: 'soak.round.time', value: median(times), unit: 's', note: `${keepers} keepers` })
    const faults = (await cluster.events()).filter(({ name }) => name === 'UpdateIncomplete' || name === 'Penalised')
    context.record({ metric: 'soak.faults', value: faults.length, unit: 'count', note: 'lost rounds and penalties' })
  },
}

const collects = (index: number): boolean => index % 2 === 1
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`

function sizes(args: readonly string[], quick: boolean): [number, number] {
  const [keepers, rounds] = args.map(Number)
  return [keepers ?? (quick ? 4 : 10), rounds ?? (quick ? 12 : 50)]
}

/** Asks every keeper about its memory and open resources, and keeps the answers by keeper and round. */
class Soak {
  readonly looks: ProbeLine[][]
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.looks = cluster.nodes.map(() => [])
  }

  /** Medians over the keepers: resident size of those left to themselves, heap in use of those that collect. */
  async look(): Promise<{ rss: number; heap: number }> {
    const seen = await Promise.all(this.#cluster.nodes.map((node) => this.#ask(node)))
    for (const [i, line] of seen.entries()) this.looks[i]!.push(line)
    return {
      rss: median(seen.filter((_, i) => !collects(i)).map((line) => line.rss)),
      heap: median(seen.filter((_, i) => collects(i)).map((line) => line.heapUsed)),
    }
  }

  async #ask(node: KeeperNode): Promise<ProbeLine> {
    const asked = this.#cluster.lines.length
    const answer = (line: Line): boolean => line.event === 'probe' && line.node === node.name
    this.#cluster.signal(node, 'SIGUSR2')
    return (await this.#cluster.line(`answer of ${node.name}`, answer, MINUTE, asked)) as unknown as ProbeLine
  }
}

/** One figure over the rounds of every keeper, and how it grew between the rounds after `warm` and the last. */
function report(context: BenchContext, { looks }: Soak, warm: number): void {
  const growthOf = (of: (line: ProbeLine) => number, lines: readonly ProbeLine[]): number =>
    median(lines.slice(-LOOKS).map(of)) - median(lines.slice(warm, warm + LOOKS).map(of))
  const rounds = looks[0]!.length
  const seriesOf = (of: (line: ProbeLine) => number, from: readonly (readonly ProbeLine[])[]): number[] =>
    Array.from({ length: rounds }, (_, round) => Math.round(median(from.map((lines) => of(lines[round]!)))))
  const free = looks.filter((_, i) => !collects(i))
  const collected = looks.filter((_, i) => collects(i))
  const subjects = [
    { name: 'resident', of: (line: ProbeLine) => line.rss, from: free, note: 'keepers left to themselves' },
    { name: 'collected.resident', of: (line: ProbeLine) => line.rss, from: collected, note: 'keepers that collect' },
    { name: 'heap', of: (line: ProbeLine) => line.heapUsed, from: collected, note: 'in use after a forced collection' },
    { name: 'external', of: (line: ProbeLine) => line.external, from: collected, note: 'after a forced collection' },
  ]
  for (const { name, of, from, note } of subjects) {
    const growth = from.map((lines) => (100 * growthOf(of, lines)) / median(lines.slice(warm, warm + LOOKS).map(of)))
    const metric = `soak.memory.${name}`
    context.record({ metric, value: seriesOf(of, from).at(-1)!, unit: 'bytes', note, series: seriesOf(of, from) })
    context.record({ metric: `${metric}.growth`, value: median(growth), unit: 'percent', note: 'median keeper' })
    context.record({ metric: `${metric}.growth.worst`, value: Math.max(...growth), unit: 'percent' })
  }
  for (const [i, lines] of looks.entries()) {
    const series = lines.map((line) => line.rss)
    const note = collects(i) ? 'collects before each look' : 'left to itself'
    context.record({ metric: `soak.memory.keeper.${i}.resident`, value: series.at(-1)!, unit: 'bytes', note, series })
  }
  const handles = (line: ProbeLine): number => line.handles
  const grown = looks.map((lines) => growthOf(handles, lines))
  const series = seriesOf(handles, looks)
  context.record({ metric: 'soak.handles', value: series.at(-1)!, unit: 'count', note: 'open resources', series })
  context.record({ metric: 'soak.handles.growth', value: median(grown), unit: 'count', note: 'median keeper' })
  context.record({ metric: 'soak.handles.growth.worst', value: Math.max(...grown), unit: 'count' })
}
