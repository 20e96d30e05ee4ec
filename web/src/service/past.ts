// SPDX-License-Identifier: GPL-3.0-or-later
// A service as of a block of the past: its state from an endpoint that kept it, else from the log alone.
import type { Connection } from '../chain/connection.ts'
import { type Round, type ServiceStory, tellStory } from './events.ts'
import { replayStanding } from './replay.ts'
import { readStanding, type Standing } from './standing.ts'

export type Past = {
  readonly standing: Standing
  /** Why the state is from the log; null when the endpoint gave it. */
  readonly fromLog: string | null
  /** Unix seconds of the block. */
  readonly timestamp: number
  readonly story: ServiceStory
}

/** The last block in which a round had all its steps: before its result, or before the next round began; null for the one that runs. */
export function blockOf(rounds: readonly Round[], { round, resultBlock }: Round): number | null {
  if (resultBlock !== null) return resultBlock - 1
  const next = rounds.find((one) => one.round > round)
  return next === undefined ? null : next.block - 1
}

/** @throws Error for a block that is not there yet, or before the deployment */
export async function readPast(connection: Connection, service: string, block: number): Promise<Past> {
  const { provider, site } = connection
  const { fromBlock } = site.deployment
  const found = await provider.getBlock(block)
  if (found === null || block < fromBlock) {
    throw new Error(`there is no block ${block} of this deployment: choose one from ${fromBlock} on`)
  }
  const history = connection.history(service)
  await history.step()
  const logs = history.logs.filter((log) => log.block <= block)
  const story = tellStory({ settled: logs, recent: [] })
  const { timestamp } = found
  try {
    return { standing: await readStanding(connection, service, block), fromLog: null, timestamp, story }
  } catch (error) {
    const why = (error as Error).message.split('\n')[0]!.slice(0, 160)
    return { standing: replayStanding(logs, block), fromLog: why, timestamp, story }
  }
}
