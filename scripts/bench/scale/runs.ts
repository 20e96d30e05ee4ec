// SPDX-License-Identifier: GPL-3.0-or-later
// Real rounds of keeper processes on a local chain, for the simulator to be fitted to and compared with: processor time, bytes, gas and
// clock of a keeper, by phase. Processor time comes from /proc, so a keeper spends nothing on being measured.
import type { StateName } from '../../../keepers/agent/index.ts'
import { Cluster, clusterManifest } from '../../cluster.ts'
import { type BenchContext, median } from '../harness.ts'
import { counters, gasByPhase, PHASES, sumOf } from '../round/figures.ts'
import { machineSeconds, processorSeconds } from '../round/processor.ts'

/** Long enough never to pass: every state ends when all have acted. */
const WINDOWS = {
  keyWindow: 900,
  trainingWindow: 600,
  revealWindow: 300,
  aggregateWindow: 600,
  decryptWindow: 600,
  voteWindow: 600,
}
/** The first round is left out: caches fill and connections open in it. */
const FIRST = 2
const MINUTE = 60_000
/** Seconds of chain time between two looks at the chain, of a keeper here. */
const POLL_SECONDS = 0.3

/** What a keeper spent in one round, as a mean over keepers and rounds. */
export type MeasuredRun = {
  readonly keepers: number
  readonly slices: boolean
  /** Processor seconds and clock of a keeper, by phase. */
  readonly phases: ReadonlyMap<string, { readonly processor: number; readonly seconds: number }>
  /** Processor seconds a second of a keeper that was not drafted, while others decrypted. */
  readonly waiting: number
  /** Processor seconds of a keeper in a round. */
  readonly processor: number
  /** Seconds of a round. */
  readonly seconds: number
  /** Bytes of a keeper and round, by kind; those of key generation by epoch. */
  readonly fetched: ReadonlyMap<string, number>
  readonly published: ReadonlyMap<string, number>
  /** Gas of a keeper and round, by phase. */
  readonly gas: ReadonlyMap<string, number>
  /** Updates that a keeper did not get at once, and asked for again: of all keepers and rounds. */
  readonly again: number
  /** Sums that keepers added up by slices, of those that they attempted. */
  readonly sliced: { readonly sums: number; readonly of: number }
  /**
   * Processors that others kept busy meanwhile, on the average: with the load average the keepers themselves, of which there are more than processors,
   * would make a quiet machine look busy. Null without /proc.
   */
  readonly others: number | null
}

/** One look at a keeper that begins a state. */
type Sample = { readonly state: StateName; readonly round: number; readonly at: number; readonly processor: number }

export async function measureRun(
  context: BenchContext,
  of: { readonly keepers: number; readonly slices: boolean; readonly rounds: number },
): Promise<MeasuredRun> {
  const { keepers, slices, rounds } = of
  const last = FIRST + rounds - 1
  context.progress(`${keepers} keepers${slices ? ', sums by slices' : ''}: ${last} rounds`)
  await using cluster = await Cluster.create({
    keepers,
    windows: WINDOWS,
    manifest: clusterManifest('small-cnn', { rounds: { maxSamples: 2000 } }),
    values: () => ({
      'data.limit': 500,
      'network.fetchSeconds': 60,
      'network.slices': slices,
      'chain.pollSeconds': POLL_SECONDS,
      ...(context.dataDir === null ? {} : { 'data.path': context.dataDir }),
    }),
  })
  const samples = new Map<string, Sample[]>(cluster.nodes.map(({ name }) => [name, []]))
  const drafted = new Map<string, Set<number>>(cluster.nodes.map(({ name }) => [name, new Set()]))
  const looked = new Set<number>()
  const look = (): void => {
    for (; looked.size < cluster.lines.length; looked.add(looked.size)) {
      const line = cluster.lines[looked.size]!
      const node = cluster.nodes.find(({ name }) => name === line.node)
      if (node === undefined) continue
      if (line.event === 'acted' && line.method === 'submitShare') drafted.get(node.name)!.add(Number(line.round))
      if (line.event !== 'state' || !cluster.isRunning(node)) continue
      samples.get(node.name)!.push({
        state: line.state as StateName,
        round: Number(line.round),
        at: new Date(String(line.time)).getTime() / 1000,
        processor: processorSeconds(cluster.pid(node)) ?? Number.NaN,
      })
    }
  }
  const own = (): number => {
    const { user, system } = process.cpuUsage()
    const pids = [cluster.processes.pid('chain'), ...cluster.nodes.map((node) => cluster.pid(node))]
    return pids.reduce((sum: number, pid) => sum + ((pid && processorSeconds(pid)) || 0), (user + system) / 1e6)
  }
  for (const node of cluster.nodes) cluster.start(node)
  const [begun, busyBefore, ownBefore] = [performance.now(), machineSeconds(), own()]
  const timer = setInterval(look, 20)
  let metrics: string[]
  try {
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, last, 60 * MINUTE)))
    look()
    metrics = await Promise.all(cluster.nodes.map(async (node) => (await fetch(`${node.monitoring}/metrics`)).text()))
  } finally {
    clearInterval(timer)
  }
  const busy = busyBefore === null ? null : machineSeconds()! - busyBefore - (own() - ownBefore)
  const others = busy === null ? null : Math.max(0, busy / ((performance.now() - begun) / 1000))
  for (const node of cluster.nodes) await cluster.stop(node)

  const measured = Array.from({ length: rounds }, (_, i) => i + FIRST)
  const spans = [...samples].flatMap(([name, list]) =>
    list.slice(1).map((next, i) => ({
      name,
      state: list[i]!.state,
      round: list[i]!.round,
      seconds: next.at - list[i]!.at,
      processor: next.processor - list[i]!.processor,
    })),
  )
  const ofRounds = spans.filter(({ round }) => measured.includes(round))
  const phases = new Map(
    PHASES.map((phase) => {
      const found = ofRounds.filter(({ state }) => state === phase)
      const total = (what: 'processor' | 'seconds') => found.reduce((sum, span) => sum + span[what], 0)
      return [
        phase.toLowerCase(),
        { processor: total('processor') / keepers / rounds, seconds: total('seconds') / keepers / rounds },
      ]
    }),
  )
  const idle = ofRounds.filter(({ state, name, round }) => state === 'Decrypt' && !drafted.get(name)!.has(round))
  const sumOfSpans = (what: 'processor' | 'seconds', of: typeof spans) => of.reduce((sum, span) => sum + span[what], 0)
  const counts = metrics.map((text) => counters([text]))
  // The middle keeper: one that did not get an update at once counts those again that it has by then.
  const bytes = (direction: string) => {
    const of = (kind: string, per: string | null) =>
      median(
        counts.map(
          (of) =>
            sumOf(of, `cohort_${direction}_bytes_total`, kind) /
            (per === null ? 1 : Math.max(1, sumOf(of, 'cohort_steps_total', per))),
        ),
      )
    return new Map([
      ['update', of('update', 'attest')],
      ['decryption share', of('decryption share', direction === 'fetched' ? 'vote' : 'submitShare')],
      ['key', of('key index', null) + of('sealed share', null)],
    ])
  }
  const sliceEvents = cluster.lines.filter(({ event }) => event === 'slices' || event === 'slices disagree')
  return {
    keepers,
    slices,
    phases,
    waiting: sumOfSpans('processor', idle) / Math.max(1e-9, sumOfSpans('seconds', idle)),
    processor: sumOfSpans('processor', ofRounds) / keepers / rounds,
    seconds: sumOfSpans('seconds', ofRounds) / keepers / rounds,
    fetched: bytes('fetched'),
    published: bytes('published'),
    gas: new Map([...gasByPhase(cluster.lines, measured)].map(([phase, total]) => [phase, total / rounds / keepers])),
    again: cluster.lines.filter(({ event }) => event === 'update left out').length,
    sliced: { sums: sliceEvents.filter(({ event }) => event === 'slices').length, of: sliceEvents.length },
    others,
  }
}

/** The rows of a run. */
export function recordRun(context: Pick<BenchContext, 'record'>, run: MeasuredRun): void {
  const subject = `scale.measured.${run.keepers}.${run.slices ? 'slices' : 'full'}`
  const record = (what: string, value: number, unit: string, note?: string): void =>
    context.record({ ...{ metric: `${subject}.${what}`, value, unit }, ...(note === undefined ? {} : { note }) })
  record('processor', run.processor, 's', 'of a keeper and round')
  for (const [phase, { processor }] of run.phases) record(`processor.${phase}`, processor, 's')
  record('waiting', run.waiting, 's', 'processor time a second, of a keeper that waits')
  record('seconds', run.seconds, 's', 'all keepers on this machine')
  record('fetched.update', run.fetched.get('update')!, 'bytes', 'a keeper and round, its own left out')
  record('fetched.share', run.fetched.get('decryption share')!, 'bytes', 'a keeper and round, its own left out')
  record('fetched.key', run.fetched.get('key')!, 'bytes', 'once an epoch')
  record(
    'gas',
    [...run.gas.values()].reduce((a, b) => a + b, 0),
    'gas',
    'a keeper and round',
  )
  if (run.slices) record('sliced', run.sliced.sums / Math.max(1, run.sliced.of), 'ratio', 'sums made together')
  record('again', run.again, 'count', 'updates that a keeper did not get at once')
  if (run.others !== null) record('others', run.others, 'count', 'processors that others kept busy meanwhile')
}
