// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps a process that runs for months at the size of its first day.
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** From its 14th version on, V8 has no such choice. */
const LAST_WITH_PHASES = 13

/**
 * With `separate_gc_phases`, V8 postpones young-generation collections while marking; the young space then exceeds its limit (about
 * 25 MiB, one keeper in five over 50 rounds) and never shrinks. Call this once, at start.
 */
export function keepYoungSpaceBound(): void {
  if (Number.parseInt(process.versions.v8, 10) <= LAST_WITH_PHASES) setFlagsFromString('--no-separate-gc-phases')
}

/** Bytes of garbage that may lie about, and rounds for which they may. Looking through a keeper's heap takes 60 ms of the processor, in each of two threads. */
const SPARED_BYTES = 24 << 20
const SPARED_ROUNDS = 8

/** Collects the garbage of rounds, which would otherwise pile up over hundreds of rounds: once there is enough of it, or after some rounds. */
export class RoundGarbage {
  readonly #used: () => number
  readonly #collect: () => void
  /** After the last collection: bytes in use, and rounds since then. */
  #left: { readonly bytes: number; rounds: number } | null = null

  constructor(used: () => number = bytesInUse, collect: () => void = collectGarbage) {
    this.#used = used
    this.#collect = collect
  }

  /** To be called once a round, while nothing is due. */
  round(): void {
    const left = this.#left
    if (left !== null && ++left.rounds < SPARED_ROUNDS && this.#used() < left.bytes + SPARED_BYTES) return
    this.#collect()
    this.#left = { bytes: this.#used(), rounds: 0 }
  }
}

/** Of this thread: objects, and the memory of typed arrays. */
function bytesInUse(): number {
  const { used_heap_size: objects, external_memory: arrays } = getHeapStatistics()
  return objects + arrays
}

/** Collects all garbage of this thread now. */
export function collectGarbage(): void {
  if (globalThis.gc !== undefined) void globalThis.gc()
  else {
    exposed ??= exposedCollector()
    exposed()
  }
}

let exposed: (() => void) | undefined

/** For a keeper that nobody started with --expose-gc, such as an installed one: contexts made after the flag is set have it. */
function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/** Smaller ones may lie in a pool, or belong to a store. */
const LARGE_BYTES = 1 << 20

/**
 * Gives the memory of a large array back at once, and the array is empty afterwards; not of one that is part of another. Otherwise a few of
 * them wait until V8 collects.
 */
export function dropBytes({ buffer, byteLength }: Uint8Array | Float64Array): void {
  if (byteLength >= LARGE_BYTES && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
