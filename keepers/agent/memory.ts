// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps a process that runs for months at the size of its first day.
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** The last major version of V8 that has the flag below. */
const LAST_WITH_PHASES = 13

/**
 * With `separate_gc_phases`, V8 postpones young-generation collections while marking; the young space then exceeds its limit (about
 * 25 MiB, one keeper in five over 50 rounds) and never shrinks. Call this once, at start.
 */
export function keepYoungSpaceBound(): void {
  if (Number.parseInt(process.versions.v8, 10) <= LAST_WITH_PHASES) setFlagsFromString('--no-separate-gc-phases')
}

/** Bytes of garbage that may accumulate, and for how many rounds. One collection of a keeper's heap takes 60 ms of CPU time in each of two threads. */
const SPARED_BYTES = 24 << 20
const SPARED_ROUNDS = 8

/** Collects the garbage of rounds once there is enough of it, or after some rounds. It would otherwise pile up over hundreds of rounds. */
export class RoundGarbage {
  readonly #used: () => number
  readonly #collect: () => void
  /** After the last collection: bytes in use, and rounds since then. */
  #left: { readonly bytes: number; rounds: number } | null = null

  constructor(used: () => number = bytesInUse, collect: () => void = collectGarbage) {
    this.#used = used
    this.#collect = collect
  }

  /** Call this once per round, while nothing is due. */
  round(): void {
    const left = this.#left
    if (left !== null && ++left.rounds < SPARED_ROUNDS && this.#used() < left.bytes + SPARED_BYTES) return
    this.#collect()
    this.#left = { bytes: this.#used(), rounds: 0 }
  }
}

/** Bytes that this thread uses for objects and for typed arrays. */
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

/** V8's collector for a keeper that runs without --expose-gc, such as an installed one: contexts made after the flag is set have `gc`. */
function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/** Bytes. Smaller arrays may lie in a shared pool, or belong to a store. */
const LARGE_BYTES = 1 << 20

/**
 * Frees the memory of a large array at once and leaves the array empty. Does nothing to a small array, or to one that is a part of a buffer.
 * Without this, several such arrays would stay in memory until V8 collects.
 */
export function dropBytes({ buffer, byteLength }: Uint8Array | Float64Array): void {
  if (byteLength >= LARGE_BYTES && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
