// SPDX-License-Identifier: GPL-3.0-or-later
// A key that nobody holds: every member has a secret of its own and deals it to all (Mouchet, Bertrand, Hubaux, ePrint
// 2022/780). The key of a sum is the sum of its contributors' secrets; it exists nowhere, and any t members can use it.
import { randomFillSync } from 'node:crypto'
import { equalBytes } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { isKeyOf, openSealed, sealTo } from './envelope.ts'
import { blaming, FheError } from './errors.ts'
import { contextBytes } from './header.ts'
import type { Block, Kernel } from './kernel/kernel.ts'
import {
  decodeDealing,
  decodeSealedShare,
  encodeDealing,
  encodeMemberSecret,
  encodeSealedShare,
  type KeyGenerationFrame,
  keyHashOf,
  openMemberSecret,
  sealedShareBinding,
  sealedShareDigest,
} from './key-messages.ts'
import { derivePairKeys } from './masks.ts'
import { makeMemberKey } from './member-key.ts'
import { checkIndex, rosterHash } from './members.ts'
import { deal } from './shamir.ts'
import type { KeyGenerationMessages, KeyGenerationOutcomeRequest, KeyGenerationRequest, MemberKey } from './types.ts'

/**
 * Draws the caller's secret s_i and deals it to all members. Every call draws another one: keep what the first call gave,
 * `secret` with the rest, before anything is published.
 */
export async function startKeyGeneration(
  engine: Engine,
  request: KeyGenerationRequest,
): Promise<KeyGenerationMessages> {
  const frame = frameOf(engine, request)
  const { kernel, plan } = engine
  const { self, members } = request
  return engine.exclusive(async () => {
    const [digits, s] = [kernel.allocate(kernel.degree), kernel.allocate(plan.bytes.polynomial)]
    const shares: Uint8Array[] = []
    try {
      sampleSecret(kernel, digits, s)
      deal(kernel, s, plan.members, plan.threshold, (_, share) => shares.push(share.slice()))
      const sealedShares: Uint8Array[] = []
      await eachOf(plan.members, 1, request, (j) => {
        const binding = sealedShareBinding(frame, self, j)
        const sealed = sealTo(members[j]!.encryptionKey, shares[j]!, binding)
        shares[j]!.fill(0)
        sealedShares[j] = encodeSealedShare(binding, sealed)
      })
      const dealing = encodeDealing(frame, self, sealedShares)
      return { dealing, sealedShares, secret: encodeMemberSecret(kernel.view(digits), dealing) }
    } finally {
      for (const share of shares) share.fill(0)
      kernel.release(digits)
      kernel.release(s)
    }
  })
}

/**
 * Checks every member's messages against each other and opens the shares sealed to the caller. Throws a named error whose
 * `detail.sender` is the member at fault: 'sealed-share-mismatch', 'sealed-share-unreadable', 'coefficient-out-of-range',
 * or one of the binding errors. A dealer can still deal inconsistent shares: that spoils the sums which its own update is
 * in, as a garbage update would, and no others.
 */
export async function finishKeyGeneration(engine: Engine, request: KeyGenerationOutcomeRequest): Promise<MemberKey> {
  const frame = frameOf(engine, request)
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
    const size = plan.bytes.polynomial
    const dealt = new Uint8Array(size * plan.members)
    const room = kernel.allocate(size)
    try {
      const takeIn = (i: number) => {
        const digests = decodeDealing(frame, i, request.dealings[i]!)
        const sealedShare = request.sealedShares[i]!
        const sealed = decodeSealedShare(frame, i, self, sealedShare)
        if (!equalBytes(digests[self]!, sealedShareDigest(sealedShare))) {
          throw new FheError('sealed-share-mismatch', `member ${i} sealed another share to us than its dealing names`, {
            sender: i,
          })
        }
        openSealed(own, sealed, sealedShareBinding(frame, i, self), (share) => {
          kernel.write(room, share)
          dealt.set(share, size * i)
        })
        for (const [l, record] of kernel.records.slice(0, kernel.dataPrimeCount).entries()) {
          if (kernel.calls.allBelow(record, kernel.residues(room, l), kernel.degree)) continue
          throw new FheError('coefficient-out-of-range', `the share dealt by member ${i} is not below prime ${l}`, {
            sender: i,
          })
        }
      }
      await eachOf(plan.members, 1, request, (i) => blaming(i, () => takeIn(i)))
      const keyHash = keyHashOf(frame, request.dealings)
      const pairKeys = await derivePairKeys({ members, self, keyHash }, own.secretKey, request.signal)
      try {
        return openMemberSecret(frame, request.secret, request.dealings[self]!, (digits) =>
          makeMemberKey({ context, self, keyHash }, digits, dealt, pairKeys, own.secretKey),
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

/** Checks what every step of key generation starts from. */
function frameOf(engine: Engine, request: KeyGenerationRequest): KeyGenerationFrame {
  const { plan } = engine
  if (request.members.length !== plan.members) {
    throw new FheError(
      'invalid-argument',
      `${request.members.length} members are given, the plan is for ${plan.members}`,
      {
        field: 'members',
      },
    )
  }
  checkIndex(request.self, plan.members, 'self')
  contextBytes(request.context)
  if (!(request.crs instanceof Uint8Array) || request.crs.length !== 32) {
    throw new FheError('invalid-argument', 'crs must be 32 bytes', { field: 'crs' })
  }
  return { plan, context: request.context, rosterHash: rosterHash(request.members), crs: request.crs }
}

/**
 * s_i, uniform ternary: its digits, and the same over the data primes in NTT form. Drawn here and not by SEAL's
 * KeyGenerator, whose save would leave copies of the secret in a heap that nobody wipes; the distribution is the same (SEAL
 * rlwe.cpp, sample_poly_ternary).
 */
function sampleSecret(kernel: Kernel, digits: Block, s: Block): void {
  const { calls, degree } = kernel
  const count = degree + (degree >> 4)
  kernel.borrow([count], (random) => {
    do randomFillSync(kernel.view(random!))
    while (calls.ternary(digits.at, random!.at, count, degree) < degree)
  })
  for (const [l, record] of kernel.records.slice(0, kernel.dataPrimeCount).entries()) {
    calls.ternaryResidues(record, kernel.residues(s, l), digits.at, degree)
    calls.forward(record, kernel.residues(s, l), kernel.logDegree)
  }
}
