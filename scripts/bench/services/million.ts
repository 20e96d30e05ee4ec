// SPDX-License-Identifier: GPL-3.0-or-later
// A million parameters in a service of four keepers: real processes, three rounds, time and peak memory of each.
import { readFileSync } from 'node:fs'
import { head, type ModelSpec, sequentialSpec } from '../../../keepers/learning/index.ts'
import { draftService, readSample, type Sample } from '../../../keepers/services/index.ts'
import { Cluster } from '../../cluster.ts'
import type { BenchContext } from '../harness.ts'
import { median } from '../harness.ts'
import { counters, roundSeconds, sumOf } from '../round/figures.ts'

const KEEPERS = 4
const ROUNDS = 3
/** 784 → 1,000 → 220 → 10: 1,007,430 parameters. */
const HIDDEN = [1_000, 220] as const
/** Digits of one keeper. */
const SAMPLES = 500
const MINUTE = 60_000
/** Long enough never to pass: every state ends when all have acted. */
const WINDOWS = {
  keyWindow: 900,
  trainingWindow: 900,
  revealWindow: 600,
  aggregateWindow: 900,
  decryptWindow: 900,
  voteWindow: 900,
}

export async function measureMillion(context: BenchContext): Promise<void> {
  const { sample, spec } = await subject(context.dataDir)
  const started = performance.now()
  const { manifest, report } = await draftService({
    ...{ name: 'million', spec, sample, rounds: 2, total: KEEPERS * SAMPLES },
    ...{ keepers: KEEPERS, decryptionsPerEpoch: 100 },
    onProgress: (text) => context.progress(`million: ${text}`),
  })
  const note = `${report.parameters} parameters, ${KEEPERS} keepers on this machine`
  context.record({ metric: 'services.million.draft', value: (performance.now() - started) / 1000, unit: 's', note })
  context.record({ metric: 'services.million.constraints', value: report.proof.constraints, unit: 'constraints' })
  await using cluster = await Cluster.create({
    keepers: KEEPERS,
    manifest,
    windows: WINDOWS,
    values: () => ({
      'data.limit': SAMPLES,
      'network.fetchSeconds': 120,
      ...(context.dataDir === null ? {} : { 'data.path': context.dataDir }),
    }),
  })
  for (const node of cluster.nodes) cluster.start(node)
  for (let round = 1; round <= ROUNDS; round++) {
    await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round, 20 * MINUTE)))
    const peaks = cluster.nodes.map((node) => peakBytes(cluster.pid(node)))
    context.progress(
      `million: round ${round} of ${ROUNDS}, peaks ${peaks.map((peak) => (peak / 2 ** 20).toFixed(0)).join(', ')} MiB`,
    )
  }
  const peaks = cluster.nodes.map((node) => peakBytes(cluster.pid(node)))
  const processor = cluster.nodes.map((node) => processorSeconds(cluster.pid(node)))
  const counts = counters(
    await Promise.all(cluster.nodes.map(async (node) => (await fetch(`${node.monitoring}/metrics`)).text())),
  )
  const states = cluster.lines.filter((line) => line.node === cluster.nodes[0]!.name && line.event === 'state')
  const seconds = Array.from({ length: ROUNDS - 1 }, (_, i) => roundSeconds(states, i + 2)).filter(
    (value) => value !== null,
  )
  context.record({ metric: 'services.million.round', value: median(seconds), unit: 's', note: 'after the first' })
  context.record({
    metric: 'services.million.processor',
    value: median(processor),
    unit: 's',
    note: `a keeper, ${ROUNDS} rounds and the key`,
  })
  context.record({
    metric: 'services.million.resident',
    value: median(peaks),
    unit: 'bytes',
    note: 'a keeper’s peak (VmHWM)',
  })
  context.record({ metric: 'services.million.resident.worst', value: Math.max(...peaks), unit: 'bytes' })
  const updates = sumOf(counts, 'cohort_steps_total', 'commitUpdate')
  for (const kind of ['update', 'decryption share'] as const) {
    const value = sumOf(counts, 'cohort_published_bytes_total', kind) / updates
    context.record({
      metric: `services.million.${kind.replace(' ', '-')}`,
      value,
      unit: 'bytes',
      note: 'per keeper and round',
    })
  }
  const lost = (await cluster.events()).filter(({ name }) => name === 'UpdateIncomplete' || name === 'Penalised')
  context.record({
    metric: 'services.million.faults',
    value: lost.length,
    unit: 'count',
    note: 'lost rounds and penalties',
  })
}

async function subject(dataDir: string | null): Promise<{ spec: ModelSpec; sample: Sample }> {
  const all = await readSample(dataDir)
  const sample = { ...all, train: head(all.train, KEEPERS * SAMPLES), test: head(all.test, 500) }
  const dense = (name: string, units: number, activation: string) => ({
    class_name: 'Dense',
    config: { name, trainable: true, units, activation, use_bias: true },
  })
  const layers = [
    { class_name: 'Flatten', config: { name: 'flatten', trainable: true, batch_input_shape: [null, 28, 28, 1] } },
    ...HIDDEN.map((units, i) => dense(`hidden_${i}`, units, 'relu')),
    dense('classes', 10, 'softmax'),
  ]
  const topology = { class_name: 'Sequential', config: { name: 'million', layers } }
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
