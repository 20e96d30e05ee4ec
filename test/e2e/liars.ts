// SPDX-License-Identifier: GPL-3.0-or-later
import { reasonText } from '../../keepers/agent/convictions.ts'
import { startOf } from '../../scripts/bootstrap/program.mjs'
import type { Cluster, Line, ServiceEvent } from '../../scripts/cluster.ts'
import { type KeeperNode, keeperEnvironment } from '../../scripts/demo/keeper-nodes.ts'
import type { Lie, Lies } from './liar.ts'

/** A keeper's stake before anything is taken from it, wei. */
export const STAKE = 1000n * 10n ** 18n

/**
 * Starts a node's process as one that lies: by round, or by `epoch <number>`.
 * @param then lies of the rounds after all of those, each in every round until it was told, the last for good
 */
export function startLiar(cluster: Cluster, node: KeeperNode, lies: Lies, then: readonly Lie[] = []): void {
  const script = startOf('test/e2e/liar.ts')
  const child = cluster.processes.start(node.name, [script, node.folder, JSON.stringify(lies), JSON.stringify(then)], {
    env: keeperEnvironment(),
    onLine: (text) => {
      if (text.startsWith('{')) cluster.hear(node, JSON.parse(text))
    },
  })
  cluster.adopt(node, child)
}

/** The penalties for a reason. */
export function penaltiesFor(events: readonly ServiceEvent[], reason: string): ServiceEvent[] {
  return events.filter(({ name, args }) => name === 'Penalised' && reasonText(args.reason) === reason)
}

/** Waits for a node's first lie of that kind; returns its round. */
export async function lieTold(cluster: Cluster, node: KeeperNode, lie: Lie, timeout?: number): Promise<number> {
  const isIt = (line: Line): boolean => line.node === node.name && line.event === 'lied' && line.lie === lie
  return Number((await cluster.line(`lie: ${lie}`, isIt, timeout)).round)
}

/** Waits until everything up to the end of a round is on record. */
export async function roundOver(cluster: Cluster, round: number, timeout?: number): Promise<void> {
  const isOver = ({ name, args }: ServiceEvent): boolean =>
    (name === 'Transitioned' && Number(args.round) > round) ||
    (name === 'UpdateCompleted' && Number(args.round) >= round)
  await cluster.event(`end of round ${round}`, isOver, timeout)
}
