// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's requests to its RPC provider on a chain of slow blocks: per minute, during rounds and while idle.
import { setTimeout as wait } from 'node:timers/promises'
import type { KeeperNode } from '../demo/keeper-nodes.ts'
import type { Bench, BenchContext } from './harness.ts'
import {
  CONFIRMATIONS,
  completed,
  KEEPERS,
  leftAlone,
  MINUTE,
  mostRequests,
  SLOT_SECONDS,
  slowCluster,
} from './rpc/slow-cluster.ts'

const ROUNDS = 3

export const bench: Bench = {
  area: 'rpc',
  summary:
    'requests a minute of a keeper to its RPC endpoint, at blocks of 12 s: in rounds, and in a quiet service (20 min)',
  async run(context) {
    await using cluster = await slowCluster()
    const rounds = context.quick ? 1 : ROUNDS
    context.progress(`blocks of ${SLOT_SECONDS} s; the first round, and then ${rounds}`)
    await completed(cluster, 1)
    const start = performance.now()
    await measure(context, cluster.nodes, 'round', () => completed(cluster, 1 + rounds))
    context.record({
      metric: 'rpc.round.seconds',
      value: (performance.now() - start) / 1000 / rounds,
      unit: 's',
      note: `a round of ${KEEPERS} keepers, blocks of ${SLOT_SECONDS} s, ${CONFIRMATIONS} confirmations`,
    })
    context.progress('one keeper left alone: quiet after minutes without an event')
    const last = await leftAlone(cluster)
    await measure(context, [last], 'quiet', () => wait(context.quick ? 2 * MINUTE : 5 * MINUTE))
  },
}

/** Records the requests per minute of the busiest keeper while `body` runs, in total and by method. */
async function measure(
  context: BenchContext,
  nodes: readonly KeeperNode[],
  subject: string,
  body: () => Promise<unknown>,
): Promise<void> {
  const { all, methods, minutes } = await mostRequests(nodes, body)
  const note = `the busiest of ${nodes.length}, over ${minutes.toFixed(1)} min, blocks of ${SLOT_SECONDS} s`
  context.record({ metric: `rpc.${subject}.requests`, value: all, unit: 'per minute', note })
  for (const [method, count] of methods) {
    if (count > 0) context.record({ metric: `rpc.${subject}.${method}`, value: count, unit: 'per minute' })
  }
}
