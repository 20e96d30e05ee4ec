// SPDX-License-Identifier: GPL-3.0-or-later
// A key that nobody holds: every member has a secret of its own and deals it to all (Mouchet, Bertrand, Hubaux, ePrint
// 2022/780). The key of a sum is the sum of its contributors' secrets; it exists nowhere, and any t members can use it.
import { randomFillSync } from 'node:crypto'
import { complainable } from './complaints.ts'
import { checkDealt, proveDealing } from './dealing-check.ts'
import { type Engine, eachOf } from './engine.ts'
import { isKeyOf, openSealed, sealTo } from './envelope.ts'
import { FheError } from './errors.ts'
import { frameOf, readDealt } from './key-frame.ts'
import {
  encodeDealing,
  encodeMemberSecret,
  encodeSealedShare,
  keyHashOf,
  openMemberSecret,
  sealedShareBinding,
  sealedShareDigest,
} from './key-messages.ts'
import { derivePairKeys } from './masks.ts'
import { makeMemberKey } from './member-key.ts'
import { deal } from './shamir.ts'
import { DEALING_SEED_BYTES, extraResidues } from './sizes.ts'
import { sampleSecret } from './ternary.ts'
import type { KeyGenerationMessages, KeyGenerationOutcomeRequest, KeyGenerationRequest, MemberKey } from './types.ts'

/**
 * Draws the caller's secret s_i and deals it to all members. Every call draws a new one: store the first call's results, `secret` included,
 * before publishing anything.
 */
export async function startKeyGeneration(
  engine: Engine,
  request: KeyGenerationRequest,
): Promise<KeyGenerationMessages> {
  const frame = frameOf(engine, request, request.self)
  const { kernel, plan } = engine
  const { self, members } = request
  return engine.exclusive(async () => {
    const [digits, s] = [kernel.allocate(kernel.degree), kernel.allocate(plan.bytes.polynomial)]
    const seed = randomFillSync(new Uint8Array(DEALING_SEED_BYTES))
    const shares: Uint8Array[] = []
    try {
      sampleSecret(kernel, digits, s)
      const extras = extraResidues(plan.roundsPerKey)
      const of = { secret: s, seed, extras, members: plan.members, threshold: plan.threshold }
      deal(kernel, of, (_, share) => shares.push(share.slice()))
      const sealedShares: Uint8Array[] = []
      await eachOf(plan.members, 1, request, (j) => {
        const binding = sealedShareBinding(frame, self, j)
        const sealed = sealTo(members[j]!.encryptionKey, shares[j]!, binding)
        shares[j]!.fill(0)
        sealedShares[j] = encodeSealedShare(binding, sealed)
      })
      const digests = sealedShares.map(sealedShareDigest)
      const h = proveDealing(kernel, frame, self, digests, of)
      const dealing = encodeDealing(frame, self, { digests, h })
      return { dealing, sealedShares, secret: encodeMemberSecret(kernel.view(digits), seed, dealing) }
    } finally {
      seed.fill(0)
      for (const share of shares) share.fill(0)
      kernel.release(digits)
      kernel.release(s)
    }
  })
}

/**
 * Checks every member's messages against each other, opens the shares sealed to the caller, and checks each against its dealing. Throws a
 * named error whose `detail.sender` is the member at fault, and whose `detail.complain` says how others can be shown: 'evidence'
 * ('sealed-share-unreadable', 'coefficient-out-of-range', 'dealing-inconsistent': `openComplaint`), 'public' (a dealing or a sealed share
 * that is malformed or bound to something else, 'ephemeral-key-invalid': everybody sees it), 'fetch' ('sealed-share-mismatch': not the
 * bytes that the dealing names).
 */
export async function finishKeyGeneration(engine: Engine, request: KeyGenerationOutcomeRequest): Promise<MemberKey> {
  const frame = frameOf(engine, request, request.self)
  const { kernel, plan } = engine
  const { self, members, context } = request
  for (const field of ['dealings', 'sealedShares'] as const) {
    if (request[field].length !== plan.members) {
      throw new FheError(
        'invalid-argument',
        `${field} has ${request[field].length} entries for ${plan.members} members`,
        { field },
      )
    }
  }
  const own = { publicKey: members[self]!.encryptionKey, secretKey: request.encryptionKey }
  if (own.secretKey.length !== 32 || !isKeyOf(own.secretKey, own.publicKey)) {
    throw new FheError('invalid-argument', `encryptionKey is not the secret key of member ${self}’s public key`, {
      field: 'encryptionKey',
    })
  }
  return engine.exclusive(async () => {
    const size = plan.bytes.dealt
    const dealt = new Uint8Array(size * plan.members)
    const room = kernel.allocate(size)
    try {
      const takeIn = (i: number) => {
        const of = { dealer: i, receiver: self, dealing: request.dealings[i]!, sealedShare: request.sealedShares[i]! }
        const { dealing, sealed, binding } = readDealt(frame, of)
        openSealed(own, sealed, binding, (share) => {
          checkDealt(kernel, frame, { dealer: i, receiver: self, dealing }, share, room)
          dealt.set(share, size * i)
        })
      }
      await eachOf(plan.members, 1, request, (i) => complainable(i, () => takeIn(i)))
      const keyHash = keyHashOf(frame, request.dealings)
      const pairKeys = await derivePairKeys({ members, self, keyHash }, own.secretKey, request.signal)
      try {
        return openMemberSecret(frame, request.secret, request.dealings[self]!, (mine) =>
          makeMemberKey({ context, self, keyHash }, mine, dealt, pairKeys, own.secretKey),
        )
      } finally {
        pairKeys.fill(0)
      }
    } finally {
      dealt.fill(0)
      kernel.release(room)
    }
  })
}
