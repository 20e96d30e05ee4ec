// SPDX-License-Identifier: GPL-3.0-or-later
// A key that nobody holds: Mouchet, Troncoso-Pastoriza, Bossuat, Hubaux (PETS 2021) for the collective public key,
// Mouchet, Bertrand, Hubaux (ePrint 2022/780) for t out of n.
import { randomFillSync } from 'node:crypto'
import { collectiveKeyOf, commonPolynomial } from './collective-key.ts'
import { equalBytes } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { isKeyOf, openSealed, sealTo } from './envelope.ts'
import { blaming, FheError } from './errors.ts'
import { contextBytes } from './header.ts'
import type { Block, Kernel } from './kernel/kernel.ts'
import {
  commitmentDigest,
  decodeCommitment,
  decodePublicKeyShare,
  decodeSealedShare,
  encodeCommitment,
  encodePublicKeyShare,
  encodeSealedShare,
  type KeyGenerationFrame,
  sealedShareBinding,
  sealedShareDigest,
} from './key-messages.ts'
import { checkIndex, rosterHash } from './members.ts'
import { makeSecretShare } from './secret-share.ts'
import { deal } from './shamir.ts'
import type {
  KeyGenerationMessages,
  KeyGenerationOutcome,
  KeyGenerationOutcomeRequest,
  KeyGenerationRequest,
} from './types.ts'

/** Six bytes make 21 pairs of coins. */
const ERROR_BYTES = 6

/**
 * Draws the caller's secret s_i, makes its share of the public key, deals s_i to all members, and forgets it. What is
 * left is public ciphertext: `finishKeyGeneration` needs nothing but the messages and the caller's X25519 key.
 */
export async function startKeyGeneration(
  engine: Engine,
  request: KeyGenerationRequest,
): Promise<KeyGenerationMessages> {
  const frame = frameOf(engine, request)
  const { kernel, plan } = engine
  const { self, members } = request
  const envelopes = await engine.exclusive(async () => {
    const keyBytes = plan.bytes.keyPolynomial
    const blocks = [keyBytes, keyBytes, keyBytes].map((length) => kernel.allocate(length))
    const [secret, error, a] = blocks as [Block, Block, Block]
    try {
      sampleSecret(kernel, secret)
      sampleError(kernel, error)
      kernel.write(a, commonPolynomial(kernel, frame))
      const b = kernel.borrow([keyBytes], (out) => {
        for (const [l, record] of kernel.records.entries()) {
          const at = (block: Block) => kernel.residues(block, l)
          kernel.calls.negativeProductSum(record, at(out!), at(a), at(secret), at(error), kernel.degree)
        }
        return kernel.read(out!)
      })
      const sealedShares: Uint8Array[] = []
      // The data primes come first, so the secret over them is the beginning of the secret over all primes.
      const bindings = members.map((_, j) => sealedShareBinding(frame, self, j))
      const shares: Uint8Array[] = []
      try {
        deal(kernel, secret, plan.members, plan.threshold, (_, share) => shares.push(share.slice()))
        await eachOf(plan.members, 1, request, (j) => {
          const sealed = sealTo(members[j]!.encryptionKey, shares[j]!, bindings[j]!)
          shares[j]!.fill(0)
          sealedShares[j] = encodeSealedShare(bindings[j]!, sealed)
        })
      } finally {
        for (const share of shares) share.fill(0)
      }
      return { b, sealedShares }
    } finally {
      for (const block of blocks) kernel.release(block)
    }
  })
  const publicKeyShare = encodePublicKeyShare(frame, self, envelopes.sealedShares, envelopes.b)
  return {
    commitment: encodeCommitment(frame, self, publicKeyShare),
    publicKeyShare,
    sealedShares: envelopes.sealedShares,
  }
}

/**
 * Checks every member's messages against each other, opens the shares sealed to the caller and adds them up, and adds up
 * the collective key. Throws a named error whose `detail.sender` is the member at fault: 'commitment-mismatch',
 * 'sealed-share-mismatch', 'sealed-share-unreadable', 'coefficient-out-of-range', or one of the binding errors.
 * A dealer can still deal inconsistent shares: the trial decryption is what shows that.
 */
export async function finishKeyGeneration(
  engine: Engine,
  request: KeyGenerationOutcomeRequest,
): Promise<KeyGenerationOutcome> {
  const frame = frameOf(engine, request)
  const { kernel, plan } = engine
  const { self, members } = request
  for (const field of ['commitments', 'publicKeyShares', 'sealedShares'] as const) {
    if (request[field].length !== plan.members) {
      throw new FheError(
        'invalid-argument',
        `${field} has ${request[field].length} entries for ${plan.members} members`,
        {
          field,
        },
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
    const blocks = [plan.bytes.keyPolynomial, plan.bytes.keyPolynomial, plan.bytes.polynomial, plan.bytes.polynomial]
    const [sumB, inputB, sumX, inputX] = blocks.map((length) => kernel.allocate(length)) as [Block, Block, Block, Block]
    try {
      kernel.view(sumB).fill(0)
      kernel.view(sumX).fill(0)
      const takeIn = (i: number) => {
        const publicKeyShare = request.publicKeyShares[i]!
        if (!equalBytes(decodeCommitment(frame, i, request.commitments[i]!), commitmentDigest(publicKeyShare))) {
          throw new FheError(
            'commitment-mismatch',
            `member ${i} revealed another public key share than it committed to`,
            {
              sender: i,
            },
          )
        }
        const { sealedDigests, b } = decodePublicKeyShare(frame, i, publicKeyShare)
        kernel.write(inputB, b)
        addAll(kernel, sumB, inputB, kernel.records.length, `public key share of member ${i}`, i)

        const sealedShare = request.sealedShares[i]!
        const sealed = decodeSealedShare(frame, i, self, sealedShare)
        if (!equalBytes(sealedDigests[self]!, sealedShareDigest(sealedShare))) {
          throw new FheError('sealed-share-mismatch', `member ${i} sealed another share to us than it committed to`, {
            sender: i,
          })
        }
        openSealed(own, sealed, sealedShareBinding(frame, i, self), (share) => kernel.write(inputX, share))
        addAll(kernel, sumX, inputX, kernel.dataPrimeCount, `share dealt by member ${i}`, i)
      }
      await eachOf(plan.members, 1, request, (i) => blaming(i, () => takeIn(i)))
      const collectiveKey = collectiveKeyOf(kernel, frame, kernel.read(sumB))
      const x = kernel.read(sumX)
      return {
        collectiveKey,
        secretShare: makeSecretShare(request.context, self, collectiveKey.hash, x, own.secretKey),
      }
    } finally {
      for (const block of [sumB, inputB, sumX, inputX]) kernel.release(block)
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
 * s_i, uniform ternary over all primes, in NTT form. Drawn here and not by SEAL's KeyGenerator, whose save would leave
 * copies of the secret in a heap that nobody wipes; the distribution is the same (SEAL rlwe.cpp, sample_poly_ternary).
 */
function sampleSecret(kernel: Kernel, secret: Block): void {
  const { calls, degree } = kernel
  const count = degree + (degree >> 4)
  kernel.borrow([count, degree], (random, digits) => {
    do randomFillSync(kernel.view(random!))
    while (calls.ternary(digits!.at, random!.at, count, degree) < degree)
    for (const [l, record] of kernel.records.entries()) {
      calls.ternaryResidues(record, kernel.residues(secret, l), digits!.at, degree)
      calls.forward(record, kernel.residues(secret, l), kernel.logDegree)
    }
  })
}

/** e_i over all primes, in NTT form. */
function sampleError(kernel: Kernel, error: Block): void {
  kernel.borrow([ERROR_BYTES * kernel.degree], (random) => {
    randomFillSync(kernel.view(random!))
    for (const [l, record] of kernel.records.entries()) {
      kernel.calls.binomialResidues(record, kernel.residues(error, l), random!.at, kernel.degree)
      kernel.calls.forward(record, kernel.residues(error, l), kernel.logDegree)
    }
  })
}

/** sum ← sum + input modulo the first `primes` primes; throws 'coefficient-out-of-range' for what is not a residue. */
function addAll(kernel: Kernel, sum: Block, input: Block, primes: number, what: string, sender: number): void {
  for (let l = 0; l < primes; l++) {
    if (
      !kernel.calls.addChecked(kernel.records[l]!, kernel.residues(sum, l), kernel.residues(input, l), kernel.degree)
    ) {
      throw new FheError('coefficient-out-of-range', `${what} has a coefficient that is not below prime ${l}`, {
        sender,
      })
    }
  }
}
