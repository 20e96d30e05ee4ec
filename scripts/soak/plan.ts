// SPDX-License-Identifier: GPL-3.0-or-later
// Plans which faults happen in which round. The seed alone decides, so that a run can be repeated.
import { SeededRandom } from '../../keepers/learning/index.ts'

/** Faults of a machine, of its RPC endpoints, and of the network between keepers. */
export const FAULTS = [
  /** SIGKILL, and a new process after a while. */
  'kill',
  /** SIGSTOP, and SIGCONT after a while. */
  'pause',
  /** The process's clock jumps, and jumps back. */
  'clock',
  /** Every write to a file fails. */
  'disk',
  /** The first of two endpoints gives false answers. */
  'lie',
  /** Both endpoints are slow. */
  'lag',
  /** Both refuse most requests, and requests for logs of more than a few blocks. */
  'limit',
  /** Neither answers. */
  'outage',
  /** Some other keepers are out of reach. */
  'partition',
  /** Part of all packets is lost, those to the endpoints too. */
  'loss',
] as const
export type FaultKind = (typeof FAULTS)[number]

export type Fault = {
  readonly round: number
  readonly keeper: number
  readonly kind: FaultKind
  /** Seconds after the round begins, when the keeper has no other fault. */
  readonly after: number
  readonly lasts: number
  /** In [0, 1): the severity or the variant, which each kind of fault interprets in its own way. */
  readonly degree: number
}

/** Most faults that begin in a round; fewer than the keepers that a decryption needs. */
const MOST = 3
/** Seconds. A round of a few keepers takes about as long. */
const LATEST = 10
const SHORTEST = 2
const LONGEST = 20

/** The faults of a round, each of another keeper. The same arguments give the same faults. */
export function faultsOf(
  seed: number,
  round: number,
  { keepers, kinds }: { readonly keepers: number; readonly kinds: readonly FaultKind[] },
): Fault[] {
  const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) + round)
  const idle = Array.from({ length: keepers }, (_, i) => i)
  const count = Math.min(1 + random.below(MOST), Math.max(1, Math.floor((keepers - 1) / 2)))
  return Array.from({ length: count }, () => {
    const [keeper] = idle.splice(random.below(idle.length), 1) as [number]
    const tenths = (from: number, to: number): number => from + random.below((to - from) * 10) / 10
    return {
      ...{ round, keeper, kind: kinds[random.below(kinds.length)]! },
      ...{ after: tenths(0, LATEST), lasts: tenths(SHORTEST, LONGEST), degree: random.uniform() },
    }
  })
}
