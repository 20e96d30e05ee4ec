// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's requests to its RPC provider on a chain of slow blocks: per minute, during rounds and while idle.
import { setTimeout as wait } from 'node:timers/promises'
import { Cluster, clusterManifest } from '../cluster.ts'
import type { KeeperNode } from '../demo/keeper-nodes.ts'
import type { Bench, BenchContext } from './harness.ts'

const KEEPERS = 4
/** Ethereum's. */
const SLOT_SECONDS = 12
const CONFIRMATIONS = 3
const ROUNDS = 3
const MINUTE = 60_000
/** Until a keeper takes a service for quiet, and a little more. */
const QUIET_MS = 6 * MINUTE

/** Long enough never to pass: every state ends when all have acted, and the service that is left alone stays where it is. */
const WINDOWS = {
  keyWindow: 3_600,
  trainingWindow: 7_200,
  revealWindow: 3_600,
  aggregateWindow: 3_600,
  decryptWindow: 3_600,
  voteWindow: 3_600,
}

export const bench: Bench = {
  area: 'rpc',
  summary:
    'requests a minute of a keeper to its RPC endpoint, at blocks of 12 s: in rounds, and in a quiet service (20 min)',
  async run(context) {
    await using cluster = await Cluster.create({
      keepers: KEEPERS,
      pace: 'punctual',
      windows: WINDOWS,
      manifest: clusterManifest('small-cnn', { rounds: { maxSamples: 2000 } }),
      // A keeper's settings on a public chain: its defaults, and blocks that may be reorganised.
      values: () => ({
        'chain.pollSeconds': 2,
        'chain.confirmations': CONFIRMATIONS,
        'data.limit': 500,
      }),
    })
    for (const node of cluster.nodes) cluster.start(node)
    await Promise.all(
      cluster.nodes.map((node) => cluster.line('start', (line) => line.node === node.name && line.event === 'started')),
    )
    await cluster.provider.send('evm_setAutomine', [false])
    await cluster.provider.send('evm_setIntervalMining', [SLOT_SECONDS * 1000])
    const rounds = context.quick ? 1 : ROUNDS
    context.progress(`blocks of ${SLOT_SECONDS} s; the first round, and then ${rounds}`)
    await accepted(cluster, 1)
    const start = performance.now()
    await measure(context, cluster.nodes, 'round', () => accepted(cluster, 1 + rounds))
    context.record({
      metric: 'rpc.round.seconds',
      value: (performance.now() - start) / 1000 / rounds,
      unit: 's',
      note: `a round of ${KEEPERS} keepers, blocks of ${SLOT_SECONDS} s, ${CONFIRMATIONS} confirmations`,
    })
    context.progress('one keeper left alone: quiet after minutes without an event')
    const [last, ...others] = cluster.nodes as [KeeperNode, ...KeeperNode[]]
    for (const node of others) await cluster.stop(node)
    await wait(QUIET_MS)
    await measure(context, [last], 'quiet', () => wait(context.quick ? 2 * MINUTE : 5 * MINUTE))
  },
}

async function accepted(cluster: Cluster, round: number): Promise<void> {
  await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round, 60 * MINUTE)))
}

/** Records the requests per minute of the busiest keeper while `body` runs, in total and by method. */
async function measure(
  context: BenchContext,
  nodes: readonly KeeperNode[],
  subject: string,
  body: () => Promise<unknown>,
): Promise<void> {
  const before = await Promise.all(nodes.map(requests))
  const start = performance.now()
  await body()
  const minutes = (performance.now() - start) / MINUTE
  const after = await Promise.all(nodes.map(requests))
  const asked = after.map((counts, i) => ({
    all: (total(counts) - total(before[i]!)) / minutes,
    methods: [...counts].map(([method, count]) => ({
      method,
      count: (count - (before[i]!.get(method) ?? 0)) / minutes,
    })),
  }))
  const busiest = asked.reduce((most, keeper) => (keeper.all > most.all ? keeper : most))
  const note = `the busiest of ${nodes.length}, over ${minutes.toFixed(1)} min, blocks of ${SLOT_SECONDS} s`
  context.record({ metric: `rpc.${subject}.requests`, value: busiest.all, unit: 'per minute', note })
  for (const { method, count } of busiest.methods.sort((a, b) => b.count - a.count)) {
    if (count > 0) context.record({ metric: `rpc.${subject}.${method}`, value: count, unit: 'per minute' })
  }
}

async function requests(node: KeeperNode): Promise<Map<string, number>> {
  const text = await (await fetch(`${node.monitoring}/metrics`)).text()
  const lines = [...text.matchAll(/^cohort_rpc_requests_total\{method="(\w+)"\} (\S+)$/gm)]
  return new Map(lines.map(([, method, count]) => [method!, Number(count)]))
}

const total = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0)
