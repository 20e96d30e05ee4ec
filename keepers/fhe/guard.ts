// SPDX-License-Identifier: GPL-3.0-or-later
// The once rules, in memory, and the nonces they are about. A keeper implements the same interface over its journal.
import { ByteWriter, hash, toHex } from './encoding.ts'
import { contextBytes } from './header.ts'
import type { OnceClaim, OnceGuard, RoundContext } from './types.ts'

/** The nonce of a member's one encryption, or one decryption share, in a round: 32 bytes. */
export function onceNonce(
  act: OnceClaim['act'],
  of: { readonly context: RoundContext; readonly keyHash: Uint8Array; readonly self: number },
): Uint8Array {
  return hash(`once/${act}`, new ByteWriter().bytes(contextBytes(of.context)).bytes(of.keyHash).u16(of.self).finish())
}

/** For tests and single-process use: forgets with the process, which a keeper must not. */
export class MemoryOnceGuard implements OnceGuard {
  readonly #digests = new Map<string, string>()

  claim({ nonce, digest }: OnceClaim): boolean {
    const key = toHex(nonce)
    const known = this.#digests.get(key)
    if (known === undefined) this.#digests.set(key, toHex(digest))
    return known === undefined || known === toHex(digest)
  }
}
