// SPDX-License-Identifier: GPL-3.0-or-later
// A million parameters, or ten, in a service of four keepers: real processes, a few rounds, time and peak memory of each.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { head, type ModelSpec, sequentialSpec } from '../../../keepers/learning/index.ts'
import { draftService, readSample, type Sample } from '../../../keepers/services/index.ts'
import { Cluster } from '../../cluster.ts'
import type { BenchContext } from '../harness.ts'
import { median } from '../harness.ts'
import { counters, roundSeconds, sumOf } from '../round/figures.ts'

const MINUTE = 60_000

type Large = {
  readonly keepers: number
  /** Units of the hidden layers between 784 inputs and 10 classes. */
  readonly hidden: readonly number[]
  /** Rounds cover the layers in so many groups. */
  readonly layerGroups?: number
  /** Digits of one keeper, and those that judge the draft. */
  readonly samples: number
  readonly judging: number
  readonly rounds: number
  /** Seconds of every state: long enough never to pass, for each ends when all have acted. */
  readonly window: number
  readonly fetchSeconds: number
}

export const LARGE_SUBJECTS: Readonly<Record<string, Large>> = {
  /** 1,007,430 parameters. */
  million: { keepers: 4, hidden: [1_000, 220], samples: 500, judging: 500, rounds: 3, window: 900, fetchSeconds: 120 },
  /** 1,013,578 parameters in four layers of a quarter each, and the last one. */
  'million-deep': {
    ...{ keepers: 4, hidden: [320, 784, 320, 784], samples: 500, judging: 500, rounds: 3, window: 900 },
    fetchSeconds: 120,
  },
  /** The same; a round covers 259,514 of them at most. */
  'million-groups': {
    ...{ keepers: 4, hidden: [320, 784, 320, 784], samples: 500, judging: 500, rounds: 4, window: 900 },
    ...{ fetchSeconds: 120, layerGroups: 4 },
  },
  /** 10,002,573 parameters. The round is measured, and not the learning: few samples will do. */
  'ten-million': {
    ...{ keepers: 3, hidden: [3_100, 2_433], samples: 100, judging: 60, rounds: 1, window: 3_600 },
    fetchSeconds: 600,
  },
}

const WINDOWS = ['keyWindow', 'trainingWindow', 'revealWindow', 'aggregateWindow', 'decryptWindow', 'voteWindow']

/** @param name One of {@link LARGE_SUBJECTS}; metrics are `services.<name>.*`. */
export async function measureLarge(context: BenchContext, name: string): Promise<void> {
  const large = LARGE_SUBJECTS[name]!
  const { sample, spec } = await subject(context.dataDir, name, large)
  const started = performance.now()
  const { manifest, report } = await draftService({
    ...{ name, spec, sample, rounds: large.layerGroups === undefined ? 2 : 1, total: large.keepers * large.samples },
    ...{ keepers: large.keepers, decryptionsPerEpoch: 100 },
    ...(large.layerGroups === undefined ? {} : { layerGroups: large.layerGroups }),
    onProgress: (text) => context.progress(`${name}: ${text}`),
  })
  const record = (what: string, value: number, unit: string, note?: string): void =>
    context.record({ metric: `services.${name}.${what}`, value, unit, ...(note === undefined ? {} : { note }) })
  const note = `${report.parameters} parameters, ${large.keepers} keepers on this machine`
  record('draft', (performance.now() - started) / 1000, 's', note)
  record('constraints', report.proof.constraints, 'constraints')
  await using cluster = await Cluster.create({
    keepers: large.keepers,
    manifest,
    windows: Object.fromEntries(WINDOWS.map((state) => [state, large.window])),
    values: () => ({
      'data.limit': large.samples,
      'network.fetchSeconds': large.fetchSeconds,
      ...(context.dataDir === null ? {} : { 'data.path': context.dataDir }),
    }),
  })
  for (const node of cluster.nodes) cluster.start(node)
  const peaks = new PeaksByState(cluster)
  cluster.onLine(({ node, event, state }) => {
    if (event === 'state' && node === cluster.nodes[0]!.name) context.progress(`${name}: ${state}; ${peaks.text()}`)
  })
  for (let round = 1; round <= large.rounds; round++) {
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round, 40 * MINUTE)))
    context.progress(`${name}: round ${round} of ${large.rounds}; ${peaks.text()}`)
  }
  const processor = cluster.nodes.map((node) => processorSeconds(cluster.pid(node)))
  const counts = counters(
    await Promise.all(cluster.nodes.map(async (node) => (await fetch(`${node.monitoring}/metrics`)).text())),
  )
  const states = cluster.lines.filter((line) => line.node === cluster.nodes[0]!.name && line.event === 'state')
  // The first round has a start of its own, and goes by where there are others.
  const first = large.rounds === 1 ? 1 : 2
  const seconds = Array.from({ length: large.rounds + 1 - first }, (_, i) => roundSeconds(states, i + first)).filter(
    (value) => value !== null,
  )
  const load = `load average ${loadavg()[1]!.toFixed(1)} on ${cpus().length} cores`
  record('round', median(seconds), 's', `${first === 1 ? '' : 'after the first; '}${load}`)
  record('processor', median(processor), 's', `a keeper, ${large.rounds} rounds and the key`)
  const most = cluster.nodes.map((node) => peaks.of(node.name))
  record('resident', median(most), 'bytes', 'a keeper’s peak (VmHWM)')
  record('resident.worst', Math.max(...most), 'bytes')
  for (const [state, bytes] of peaks.worst()) {
    record(`resident.${state.toLowerCase()}`, bytes, 'bytes', 'worst peak of a keeper in that state')
  }
  const updates = sumOf(counts, 'cohort_steps_total', 'commitUpdate')
  for (const kind of ['update', 'decryption share'] as const) {
    const value = sumOf(counts, 'cohort_published_bytes_total', kind) / updates
    record(kind.replace(' ', '-'), value, 'bytes', 'per keeper and round')
  }
  const lost = (await cluster.events()).filter(({ name }) => name === 'UpdateIncomplete' || name === 'Penalised')
  record('faults', lost.length, 'count', 'lost rounds and penalties')
}

/**
 * The most memory that keepers take in each state. Linux keeps a peak for a process, and forgets it when told (proc(5), clear_refs): that
 * is done at each keeper's first line of a state, so that the next state's peak is its own.
 */
class PeaksByState {
  readonly #cluster: Cluster
  /** By node: the state it is in, and the peaks of those before. */
  readonly #states = new Map<string, string>()
  readonly #peaks = new Map<string, Map<string, number>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    cluster.onLine((line) => {
      if (line.event !== 'state') return
      this.#look(line.node)
      this.#states.set(line.node, String(line.state))
    })
  }

  /** The peak of a keeper over all states, bytes. */
  of(name: string): number {
    this.#look(name)
    return Math.max(...this.#peaks.get(name)!.values())
  }

  /** By state, the largest peak of any keeper, bytes. */
  worst(): Map<string, number> {
    const worst = new Map<string, number>()
    for (const { name } of this.#cluster.nodes) this.#look(name)
    for (const peaks of this.#peaks.values()) {
      for (const [state, bytes] of peaks) worst.set(state, Math.max(bytes, worst.get(state) ?? 0))
    }
    return worst
  }

  text(): string {
    return [...this.worst()].map(([state, bytes]) => `${state} ${(bytes / 2 ** 20).toFixed(0)} MiB`).join(', ')
  }

  #look(name: string): void {
    const node = this.#cluster.nodes.find((each) => each.name === name)!
    const state = this.#states.get(name) ?? 'Start'
    const peaks = this.#peaks.get(name) ?? new Map<string, number>()
    this.#peaks.set(name, peaks)
    const pid = this.#cluster.pid(node)
    peaks.set(state, Math.max(peakBytes(pid), peaks.get(state) ?? 0))
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  }
}

async function subject(
  dataDir: string | null,
  name: string,
  { keepers, hidden, samples, judging }: Large,
): Promise<{ spec: ModelSpec; sample: Sample }> {
  const all = await readSample(dataDir)
  const sample = { ...all, train: head(all.train, keepers * samples), test: head(all.test, judging) }
  const dense = (name: string, units: number, activation: string) => ({
    class_name: 'Dense',
    config: { name, trainable: true, units, activation, use_bias: true },
  })
  const layers = [
    { class_name: 'Flatten', config: { name: 'flatten', trainable: true, batch_input_shape: [null, 28, 28, 1] } },
    ...hidden.map((units, i) => dense(`hidden_${i}`, units, 'relu')),
    dense('classes', 10, 'softmax'),
  ]
  const topology = { class_name: 'Sequential', config: { name, layers } }
  return { spec: sequentialSpec(topology, [28, 28, 1]), sample }
}

/** Most bytes that a process has had in memory at a time. */
function peakBytes(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1024
}

/** User and system time of a process, all threads; the kernel counts in hundredths of a second. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
