// SPDX-License-Identifier: GPL-3.0-or-later
// The masks of a share, worked out a second time: plain, slow, and with Node's own cryptography.
import { createCipheriv, createHash, hkdfSync } from 'node:crypto'
import { contextBytes } from '../../../keepers/fhe/header.ts'
import type { MemberKey, Plan, RoundContext } from '../../../keepers/fhe/index.ts'
import type { Kernel } from '../../../keepers/fhe/kernel/kernel.ts'
import { toBitmap } from '../../../keepers/fhe/members.ts'
import { add, fromWords, subtract } from './arithmetic.ts'

export type Request = {
  readonly plan: Plan
  readonly context: RoundContext
  readonly keyHash: Uint8Array
  readonly contributors: readonly number[]
  readonly activeSet: readonly number[]
}

/** K_jk as it lies in j's material. */
export function pairKeyIn(plan: Plan, key: MemberKey, peer: number): Uint8Array {
  const from = plan.set.degree + 32 + plan.members * plan.bytes.dealt + 32 * peer
  return key.material.reveal((material) => material.slice(from, from + 32))
}

/** The mask that j and `peer` have in common for one request, without its sign, from what j holds. NTT form. */
export function maskBetween(kernel: Kernel, key: MemberKey, peer: number, request: Request): Uint8Array {
  const { plan, context, keyHash, contributors, activeSet } = request
  const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
  const salt = sha(
    sha(Buffer.from('cohort/fhe/common share request')),
    Uint8Array.of(4),
    contextBytes(context),
    plan.hash,
    keyHash,
    toBitmap(contributors),
    toBitmap(activeSet),
  )
  const seed = Buffer.from(hkdfSync('sha256', pairKeyIn(plan, key, peer), salt, 'cohort/fhe/mask seed/1', 32))
  const words = kernel.degree + kernel.degree / 64
  const length = 8 * words * kernel.dataPrimeCount
  const stream = createCipheriv('aes-256-ctr', seed, Buffer.alloc(16)).update(Buffer.alloc(length))
  const values = new BigUint64Array(stream.buffer.slice(stream.byteOffset, stream.byteOffset + length))
  const residues = kernel.primes.slice(0, kernel.dataPrimeCount).map((p, l) =>
    Array.from(values.subarray(l * words, (l + 1) * words), (word) => word & ((1n << 60n) - 1n))
      .filter((word) => word < p)
      .slice(0, kernel.degree),
  )
  return fromWords(residues.flat())
}

/** Everything that j's masks add to its key share, or those with `peers` alone. NTT form. */
export function masksOf(
  kernel: Kernel,
  key: MemberKey,
  request: Request,
  peers: readonly number[] = request.activeSet,
): Uint8Array {
  const nothing: Uint8Array = new Uint8Array(kernel.polynomialBytes)
  return peers
    .filter((peer) => peer !== key.self)
    .reduce((sum, peer) => {
      const mask = maskBetween(kernel, key, peer, request)
      return peer > key.self ? add(kernel, sum, mask) : subtract(kernel, sum, mask)
    }, nothing)
}
