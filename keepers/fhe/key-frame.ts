// SPDX-License-Identifier: GPL-3.0-or-later
// The common frame of every step of key generation, and one member's dealing to another, read from public bytes.
import { equalBytes } from './encoding.ts'
import type { Engine } from './engine.ts'
import { FheError } from './errors.ts'
import { contextBytes } from './header.ts'
import {
  type Dealing,
  decodeDealing,
  decodeSealedShare,
  type KeyGenerationFrame,
  sealedShareBinding,
  sealedShareDigest,
} from './key-messages.ts'
import { checkIndex, rosterHash } from './members.ts'
import type { KeyGenerationGround } from './types.ts'

/** Throws `FheError('invalid-argument')` for members, context, reference string or an index that cannot be. */
export function frameOf(engine: Engine, ground: KeyGenerationGround, self: number, field = 'self'): KeyGenerationFrame {
  const { plan } = engine
  const { members, context, crs } = ground
  if (members.length !== plan.members) {
    throw new FheError('invalid-argument', `${members.length} members are given, the plan is for ${plan.members}`, {
      field: 'members',
    })
  }
  checkIndex(self, plan.members, field)
  contextBytes(context)
  if (!(crs instanceof Uint8Array) || crs.length !== 32) {
    throw new FheError('invalid-argument', 'crs must be 32 bytes', { field: 'crs' })
  }
  return { plan, context, rosterHash: rosterHash(members), crs }
}

/** A sealed share from one member to another, not opened yet. */
export type Dealt = { readonly dealing: Dealing; readonly sealed: Uint8Array; readonly binding: Uint8Array }

/**
 * Reads a dealing and one of its sealed shares as far as everybody can. Throws 'sealed-share-mismatch' for bytes that the dealing does not name,
 * or the named error of the dealer's mistake.
 */
export function readDealt(
  frame: KeyGenerationFrame,
  of: {
    readonly dealer: number
    readonly receiver: number
    readonly dealing: Uint8Array
    readonly sealedShare: Uint8Array
  },
): Dealt {
  const { dealer, receiver, sealedShare } = of
  const dealing = decodeDealing(frame, dealer, of.dealing)
  if (!equalBytes(dealing.digests[receiver]!, sealedShareDigest(sealedShare))) {
    throw new FheError(
      'sealed-share-mismatch',
      `these bytes are not the share that member ${dealer} sealed to member ${receiver}; fetch them again`,
      { sender: dealer },
    )
  }
  const sealed = decodeSealedShare(frame, dealer, receiver, sealedShare)
  return { dealing, sealed, binding: sealedShareBinding(frame, dealer, receiver) }
}
