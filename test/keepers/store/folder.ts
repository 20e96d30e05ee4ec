// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper's folder that lasts for one test, and the stores opened in it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeeperStore, StoreError } from '../../../keepers/store/index.ts'

export const binding = {
  chainId: 31337n,
  service: '0x00000000000000000000000000000000000000Aa',
  operator: '0x00000000000000000000000000000000000000Bb',
}
export const passphrase = 'correct horse battery staple'
export const bytes = (text: string) => new TextEncoder().encode(text)

export function refusal(body: () => unknown): StoreError {
  try {
    body()
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
  throw new Error('expected a StoreError')
}

/** A new folder before each test of the suite that calls it; afterwards its stores are closed and it is gone. */
export class StoreFolder {
  #path = ''
  readonly #opened: KeeperStore[] = []

  constructor() {
    beforeEach(() => {
      this.#path = mkdtempSync(join(tmpdir(), 'cohort-store-'))
    })
    afterEach(() => {
      this.close()
      rmSync(this.#path, { recursive: true, force: true })
    })
  }

  get path(): string {
    return this.#path
  }

  readonly open = (extra: Record<string, unknown> = {}): KeeperStore => {
    const store = KeeperStore.open({ folder: this.#path, passphrase, binding, log2N: 10, ...extra })
    this.#opened.push(store)
    return store
  }

  /** Closes all that was opened. */
  close(): void {
    for (const store of this.#opened.splice(0)) store.close()
  }
}
