// SPDX-License-Identifier: GPL-3.0-or-later
import type { MemberKey } from '../../fhe/index.ts'
import type { AgentContext } from '../context.ts'
import { type EpochFrame, loadKey } from '../epoch.ts'
import { AgentError } from '../errors.ts'

/** Milliseconds without use after which the key is wiped: the next update may take minutes to come. */
const IDLE_MS = 500

/**
 * The member's key of an epoch, for checking several updates one after the other. It contains a share of every member's secret, so opening it
 * takes longer than most checks, and longer with more members. It is in memory only while updates are checked.
 */
export class HeldKey implements Disposable {
  readonly #open: () => MemberKey | null
  #key: MemberKey | null = null
  #users = 0
  #timer: NodeJS.Timeout | undefined

  constructor({ store, log }: Pick<AgentContext, 'store' | 'log'>, frame: EpochFrame) {
    this.#open = () => loadKey(store, frame, log)
  }

  /** @throws AgentError DATA without a key of this epoch. */
  async use<T>(body: (key: MemberKey) => Promise<T>): Promise<T> {
    clearTimeout(this.#timer)
    this.#key ??= this.#open()
    if (this.#key === null) throw new AgentError('DATA', 'the store has no key of this epoch')
    this.#users += 1
    try {
      return await body(this.#key)
    } finally {
      this.#users -= 1
      if (this.#users === 0) this.#timer = setTimeout(() => this[Symbol.dispose](), IDLE_MS).unref()
    }
  }

  /** Wipes the key. The next use opens it again. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#key?.material.dispose()
    this.#key = null
  }
}
