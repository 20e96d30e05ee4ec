// SPDX-License-Identifier: GPL-3.0-or-later
// Keepers as on a public chain, with blocks that are twelve seconds apart, and what each asks of its endpoint.
import { setTimeout as wait } from 'node:timers/promises'
import { Cluster, clusterManifest } from '../../cluster.ts'
import type { KeeperNode } from '../../demo/keeper-nodes.ts'

export const KEEPERS = 4
/** Ethereum's. */
export const SLOT_SECONDS = 12
export const CONFIRMATIONS = 3
export const MINUTE = 60_000
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

/** Keepers with the settings of a public chain, all of them started, and blocks at their time from then on. */
export async function slowCluster(): Promise<Cluster> {
  const cluster = await Cluster.create({
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
  try {
    for (const node of cluster.nodes) cluster.start(node)
    await Promise.all(
      cluster.nodes.map((node) => cluster.line('start', (line) => line.node === node.name && line.event === 'started')),
    )
    await cluster.provider.send('evm_setAutomine', [false])
    await cluster.provider.send('evm_setIntervalMining', [SLOT_SECONDS * 1000])
    return cluster
  } catch (error) {
    await cluster[Symbol.asyncDispose]()
    throw error
  }
}

/** Resolves when every keeper has the model of a round. */
export async function completed(cluster: Cluster, round: number): Promise<void> {
  await Promise.all(cluster.nodes.map((node) => cluster.accepted(node, round, 60 * MINUTE)))
}

/** Stops all keepers but one, in whose service nothing happens then, and returns that one when it has noticed. */
export async function leftAlone(cluster: Cluster): Promise<KeeperNode> {
  const [last, ...others] = cluster.nodes as [KeeperNode, ...KeeperNode[]]
  for (const node of others) await cluster.stop(node)
  await wait(QUIET_MS)
  return last
}

export type Requests = {
  /** A minute, of all methods. */
  readonly all: number
  /** A minute, by method, the most frequent first. */
  readonly methods: readonly (readonly [method: string, count: number])[]
  readonly minutes: number
}

/** The requests of the busiest of these keepers while `body` runs, as its own metrics count them. */
export async function mostRequests(nodes: readonly KeeperNode[], body: () => Promise<unknown>): Promise<Requests> {
  const before = await Promise.all(nodes.map(requests))
  const start = performance.now()
  await body()
  const minutes = (performance.now() - start) / MINUTE
  const after = await Promise.all(nodes.map(requests))
  const asked = after.map((counts, i) => ({
    all: (total(counts) - total(before[i]!)) / minutes,
    methods: [...counts]
      .map(([method, count]) => [method, (count - (before[i]!.get(method) ?? 0)) / minutes] as const)
      .sort(([, a], [, b]) => b - a),
    minutes,
  }))
  return asked.reduce((most, keeper) => (keeper.all > most.all ? keeper : most))
}

async function requests(node: KeeperNode): Promise<Map<string, number>> {
  const text = await (await fetch(`${node.monitoring}/metrics`)).text()
  const lines = [...text.matchAll(/^cohort_rpc_requests_total\{method="(\w+)"\} (\S+)$/gm)]
  return new Map(lines.map(([, method, count]) => [method!, Number(count)]))
}

const total = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0)
