// SPDX-License-Identifier: GPL-3.0-or-later
// The share-once rule, in memory. A keeper implements the same interface over its journal.
import { toHex } from './encoding.ts'
import { FheError } from './errors.ts'
import type { ShareClaim, ShareGuard } from './types.ts'

/** What a guard throws when a c1 is on record for another request. */
export function shareAlreadyGiven(index: number): FheError {
  return new FheError(
    'share-already-given',
    `a share for ciphertext ${index} was given to another request; a second one would leak the key, so the round must be abandoned and retrained`,
    { index },
  )
}

/** For tests and single-process use: forgets with the process, which a keeper must not. */
export class MemoryShareGuard implements ShareGuard {
  readonly #requests = new Map<string, string>()

  claim(claim: ShareClaim): void {
    const request = toHex(claim.requestHash)
    const keys = claim.c1Hashes.map(toHex)
    for (const [index, key] of keys.entries()) {
      const recorded = this.#requests.get(key)
      if (recorded !== undefined && recorded !== request) throw shareAlreadyGiven(index)
    }
    for (const key of keys) this.#requests.set(key, request)
  }
}
