// SPDX-License-Identifier: GPL-3.0-or-later
// How each fault begins and ends.
import { execFile, execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Cluster } from '../cluster.ts'
import { LIES, type UnrulyEndpoint } from './endpoint.ts'
import type { Fault, FaultKind } from './plan.ts'
import type { Subnet } from './subnet.ts'

/** Seconds by which a clock jumps. */
const JUMPS = [-3600, -240, -10, 10, 240, 3600] as const
/** Milliseconds before each answer, at most. */
const SLOWEST = 3_000
/** Most of a hundred packets that are lost. */
const MOST_LOSS = 30
/** Of a plan that is used up: requests in ten seconds, and blocks of one request for logs. */
const LIMITS = { requests: 10, blocks: 10 } as const

/** The things that can break. */
export type Ground = {
  readonly cluster: Cluster
  /** Two endpoints of each keeper. */
  readonly endpoints: readonly (readonly [UnrulyEndpoint, UnrulyEndpoint])[]
  /** File with the offset of each keeper's clock. */
  readonly clockOf: (keeper: number) => string
  /** Null where the machine permits none. */
  readonly subnet: Subnet | null
}

/** Kinds that this machine cannot do, and why. */
export function impossibleFaults(subnet: Subnet | string): Map<FaultKind, string> {
  const reasons = new Map<FaultKind, string>()
  if (typeof subnet === 'string') for (const kind of ['partition', 'loss'] as const) reasons.set(kind, subnet)
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' })
  } catch {
    reasons.set('disk', 'no prlimit here')
  }
  return reasons
}

/** Begins a fault. Returns what was done, for the report, and what ends it. */
export async function beginFault(
  { kind, keeper, degree }: Fault,
  ground: Ground,
): Promise<{ readonly what: string; readonly end: () => Promise<void> | void }> {
  const { cluster, subnet } = ground
  const node = cluster.nodes[keeper]!
  const endpoints = ground.endpoints[keeper]!
  const bothAgain = async (): Promise<void> => {
    for (const endpoint of endpoints) await endpoint.behave({ kind: 'ok' })
  }
  switch (kind) {
    case 'kill':
      await cluster.kill(node)
      return { what: 'killed', end: () => cluster.start(node) }
    case 'pause':
      cluster.signal(node, 'SIGSTOP')
      return { what: 'paused', end: () => cluster.signal(node, 'SIGCONT') }
    case 'clock': {
      const seconds = JUMPS[Math.floor(degree * JUMPS.length)]!
      writeFileSync(ground.clockOf(keeper), String(seconds))
      return { what: `${seconds} s`, end: () => writeFileSync(ground.clockOf(keeper), '0') }
    }
    case 'disk': {
      // Fails as a write to a full disk does, with EFBIG in place of ENOSPC, and needs no right to mount one.
      await limitFiles(cluster.pid(node), '1')
      return { what: 'full', end: () => limitFiles(cluster.pid(node), 'unlimited') }
    }
    case 'lie': {
      const lie = LIES[Math.floor(degree * LIES.length)]!
      await endpoints[0].behave({ kind: 'lie', lie })
      return { what: lie, end: bothAgain }
    }
    case 'lag': {
      const milliseconds = Math.round(SLOWEST * (0.1 + 0.9 * degree))
      for (const endpoint of endpoints) await endpoint.behave({ kind: 'lag', milliseconds })
      return { what: `${milliseconds} ms`, end: bothAgain }
    }
    case 'limit':
      for (const endpoint of endpoints) await endpoint.behave({ kind: 'limit', ...LIMITS })
      return { what: `${LIMITS.requests} requests in 10 s`, end: bothAgain }
    case 'outage':
      for (const endpoint of endpoints) await endpoint.behave({ kind: 'outage' })
      return { what: 'both endpoints', end: bothAgain }
    case 'partition': {
      const others = cluster.nodes.map((_, i) => i).filter((i) => i !== keeper)
      const lost = others.slice(0, 1 + Math.floor(degree * others.length))
      subnet!.cut(keeper, lost)
      return { what: `from ${lost.length} keepers`, end: () => subnet!.heal(keeper) }
    }
    case 'loss': {
      const part = (MOST_LOSS / 100) * (0.2 + 0.8 * degree)
      subnet!.lose(keeper, part)
      return { what: `${Math.round(100 * part)} %`, end: () => subnet!.heal(keeper) }
    }
  }
}

/** A process that has ended by itself has no limits any more. */
async function limitFiles(pid: number, bytes: string): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`]).catch(() => undefined)
}
