// SPDX-License-Identifier: GPL-3.0-or-later
import type { EventFragment, Interface, Result } from 'ethers'
import type { StoredLog } from './history.ts'

export type ReadEvent = { readonly name: string; readonly args: Result }

const fragments = new WeakMap<Interface, ReadonlyMap<string, EventFragment>>()

/**
 * What a log says; null for one of another kind, or that does not decode. A text in `args` that is not UTF-8 throws when it is read.
 * `Interface.parseLog` hashes the signature of every event for each log, which takes most of its time.
 */
export function readLog(abi: Interface, { topics, data }: Pick<StoredLog, 'topics' | 'data'>): ReadEvent | null {
  let known = fragments.get(abi)
  if (known === undefined) {
    const made = new Map<string, EventFragment>()
    abi.forEachEvent((fragment) => made.set(fragment.topicHash, fragment))
    fragments.set(abi, made)
    known = made
  }
  const fragment = known.get(topics[0] ?? '')
  if (fragment === undefined) return null
  try {
    return { name: fragment.name, args: abi.decodeEventLog(fragment, data, topics) }
  } catch {
    return null
  }
}
