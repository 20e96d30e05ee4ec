// SPDX-License-Identifier: GPL-3.0-or-later
// A dealer that tests can bend: it deals as the library does, except for a test's changes.
import { proveDealing } from '../../../keepers/fhe/dealing-check.ts'
import { sealTo } from '../../../keepers/fhe/envelope.ts'
import type { Engine, KeyGenerationGround } from '../../../keepers/fhe/index.ts'
import { frameOf } from '../../../keepers/fhe/key-frame.ts'
import {
  encodeDealing,
  encodeSealedShare,
  sealedShareBinding,
  sealedShareDigest,
} from '../../../keepers/fhe/key-messages.ts'
import { deal } from '../../../keepers/fhe/shamir.ts'
import { extraResidues } from '../../../keepers/fhe/sizes.ts'

export type Bend = {
  /** Changes the share for member j, before it is sealed. */
  readonly share?: (j: number, share: Uint8Array) => void
  /** Changes the envelope for member j, before its digest is taken. */
  readonly envelope?: (j: number, sealed: Uint8Array, binding: Uint8Array) => Uint8Array
  /** Changes the published check. */
  readonly h?: (h: bigint[][]) => void
  /** Deals with another threshold than the plan's. */
  readonly threshold?: number
}

/** The bent messages of member `self`, with secret zero. */
export function bentDealing(
  engine: Engine,
  ground: KeyGenerationGround,
  self: number,
  bend: Bend = {},
): { dealing: Uint8Array; sealedShares: Uint8Array[] } {
  const { plan, kernel } = engine
  const frame = frameOf(engine, ground, self)
  const extras = extraResidues(plan.roundsPerKey)
  return kernel.borrow([plan.bytes.polynomial], (secret) => {
    kernel.view(secret!).fill(0)
    const of = {
      secret: secret!,
      seed: new Uint8Array(32).fill(77 + self),
      extras,
      members: plan.members,
      threshold: plan.threshold,
    }
    const shares: Uint8Array[] = []
    deal(kernel, { ...of, threshold: bend.threshold ?? plan.threshold }, (_, share) => shares.push(share.slice()))
    const sealedShares = shares.map((share, j) => {
      bend.share?.(j, share)
      const binding = sealedShareBinding(frame, self, j)
      const sealed = sealTo(ground.members[j]!.encryptionKey, share, binding)
      return encodeSealedShare(binding, bend.envelope?.(j, sealed, binding) ?? sealed)
    })
    const digests = sealedShares.map(sealedShareDigest)
    const h = proveDealing(kernel, frame, self, digests, of).map((row) => [...row])
    bend.h?.(h)
    return { dealing: encodeDealing(frame, self, { digests, h }), sealedShares }
  })
}

/** Adds 1 to the residue at byte `at` of a share. */
export function bump(share: Uint8Array, at: number): void {
  const view = new DataView(share.buffer, share.byteOffset)
  view.setBigUint64(at, (view.getBigUint64(at, true) + 1n) % (1n << 59n), true)
}
