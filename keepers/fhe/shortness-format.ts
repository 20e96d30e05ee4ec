// SPDX-License-Identifier: GPL-3.0-or-later
// The proof at the end of an update: its bytes, and its hashed parts.

import { ByteStream } from './byte-stream.ts'
import { ByteReader, ByteWriter, HASH_BYTES, hash } from './encoding.ts'
import { FheError } from './errors.ts'
import type { Kernel } from './kernel/kernel.ts'
import { leafOf, rootOf } from './merkle.ts'
import { dataPrimes } from './parameters.ts'
import type { Plan } from './plan.ts'
import { CANDIDATE_BITS } from './proof-budget.ts'
import { CLAIM_REPEATS, PROJECTION_ROWS, projectionBytes } from './sizes.ts'

/** The parts of an update besides its ciphertexts. */
export type ShortnessProof = {
  /** Which of the masks that the tree holds. */
  readonly candidate: number
  /** δ = ŷ − u(0): 144 residues for each data prime, which make the round's pads u the masks ŷ. */
  readonly corrections: Uint8Array
  /** From the hash of the corrections to the root. */
  readonly path: Uint8Array
  /** z = ŷ + J·w, 144 integers within ±β. */
  readonly z: readonly bigint[]
  /** Forward differences of H at 0 from the first on, by repeat, then by data prime; the zeroth is ⟨ρ, z⟩. */
  readonly differences: readonly (readonly bigint[])[]
}

/** candidate u16 · corrections · path · z, signed · differences of H */
export function encodeProof(plan: Plan, proof: ShortnessProof): Uint8Array {
  const writer = new ByteWriter().u16(proof.candidate).bytes(proof.corrections).bytes(proof.path)
  writer.bytes(encodeProjection(plan, proof.z))
  for (const difference of proof.differences) for (const residue of difference) writer.u64(residue)
  return writer.finish()
}

/** Throws `FheError('proof-malformed' | 'coefficient-out-of-range' | 'update-too-long')`. */
export function decodeProof(plan: Plan, sender: number, bytes: Uint8Array): ShortnessProof {
  const what = `proof of member ${sender}`
  const reader = new ByteReader(bytes, what)
  const primes = dataPrimes(plan.set)
  const candidate = reader.u16('candidate')
  if (candidate >= 1 << CANDIDATE_BITS) {
    throw new FheError('proof-malformed', `${what} names candidate ${candidate} of ${1 << CANDIDATE_BITS}`, { sender })
  }
  const corrections = reader.bytes(8 * PROJECTION_ROWS * primes.length, 'corrections')
  const residues = new DataView(corrections.buffer, corrections.byteOffset, corrections.length)
  for (let i = 0; i < PROJECTION_ROWS * primes.length; i++) {
    const l = Math.floor(i / PROJECTION_ROWS)
    if (residues.getBigUint64(8 * i, true) < primes[l]!) continue
    throw new FheError('coefficient-out-of-range', `${what}: correction ${i} is not below prime ${l}`, { sender })
  }
  const path = reader.bytes(HASH_BYTES * CANDIDATE_BITS, 'path')
  const width = projectionBytes(plan.set)
  const { limit } = plan.proof
  const z = Array.from({ length: PROJECTION_ROWS }, (_, row) => {
    const value = signedInteger(reader.bytes(width, `row ${row}`))
    if (value <= limit && value >= -limit) return value
    throw new FheError(
      'update-too-long',
      `${what}: row ${row} of its projection is beyond what the norm bound of an update allows`,
      { sender, row },
    )
  })
  const differences = Array.from({ length: plan.threshold - 1 }, (_, k) =>
    Array.from({ length: CLAIM_REPEATS * primes.length }, (_, column) => {
      const residue = reader.u64(`coefficient ${k + 1} of H`)
      if (residue < primes[column % primes.length]!) return residue
      const which = `coefficient ${k + 1} of H, column ${column}`
      throw new FheError('coefficient-out-of-range', `${what}: ${which}, is not below its prime`, { sender })
    }),
  )
  reader.end()
  return { candidate, corrections, path, z, differences }
}

/** z as two's complement integers, little-endian. */
export function encodeProjection(plan: Plan, z: readonly bigint[]): Uint8Array {
  const limbs = projectionBytes(plan.set) / 8
  const out = new DataView(new ArrayBuffer(8 * limbs * z.length))
  for (const [row, value] of z.entries()) {
    for (let limb = 0; limb < limbs; limb++) {
      out.setBigUint64(8 * (limbs * row + limb), BigInt.asUintN(64, value >> BigInt(64 * limb)), true)
    }
  }
  return new Uint8Array(out.buffer)
}

function signedInteger(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let value = 0n
  for (let at = bytes.length - 8; at >= 0; at -= 8) value = (value << 64n) | view.getBigUint64(at, true)
  return BigInt.asIntN(8 * bytes.length, value)
}

/**
 * The input of J: the update's beginning (place, moment, sender, plan and key), all of its ciphertexts, and the root over the candidate
 * masks.
 */
export function projectionSeed(prefix: Uint8Array, ciphertexts: Uint8Array, root: Uint8Array): Uint8Array {
  return projectionSeedOf(prefix, hash(PROJECTED, ciphertexts), root)
}

/** Domain of the hash of an update's ciphertexts. */
export const PROJECTED = 'projected'

/** The same from the hash of the ciphertexts. */
export function projectionSeedOf(prefix: Uint8Array, ciphertextsHash: Uint8Array, root: Uint8Array): Uint8Array {
  return hash('projection', hash(PROJECTED, prefix), ciphertextsHash, root)
}

/** The root that a proof's own candidate leads to. */
export function rootOfProof(proof: Pick<ShortnessProof, 'candidate' | 'corrections' | 'path'>): Uint8Array {
  return rootOf(leafOf(proof.corrections), proof.candidate, proof.path)
}

/**
 * ρ, expanded from J's seed and all that was chosen since: 144 residues for each repeat and data prime, the repeats' primes in
 * turn, read as those of a round polynomial are.
 */
export function combinationOf(
  kernel: Kernel,
  plan: Plan,
  projection: Uint8Array,
  proof: Pick<ShortnessProof, 'candidate' | 'corrections' | 'z'>,
): Uint8Array {
  const { dataPrimeCount, calls } = kernel
  const head = new ByteWriter().bytes(projection).u16(proof.candidate).bytes(proof.corrections)
  const seed = hash('combination of rows', head.bytes(encodeProjection(plan, proof.z)).finish())
  const words = 2 * PROJECTION_ROWS
  const stream = new ByteStream(seed, 8 * words, 'public')
  return kernel.borrow([8 * words, 8 * PROJECTION_ROWS], (room, out) => {
    const parts = Array.from({ length: CLAIM_REPEATS * dataPrimeCount }, (_, column) => {
      stream.read(column, kernel.view(room!))
      const record = kernel.records[column % dataPrimeCount]!
      const found = calls.uniformResidues(record, out!.at, room!.at, words, PROJECTION_ROWS)
      if (found < PROJECTION_ROWS) throw new Error('the stream of a combination ran out of words')
      return kernel.read(out!)
    })
    return new Uint8Array(Buffer.concat(parts))
  })
}

/** ⟨ρ, values⟩ for each repeat and data prime; `values(row, l)` is congruent to a row's value modulo prime l. */
export function combineRows(kernel: Kernel, rho: Uint8Array, values: (row: number, l: number) => bigint): bigint[] {
  const view = new DataView(rho.buffer, rho.byteOffset, rho.length)
  return Array.from({ length: CLAIM_REPEATS * kernel.dataPrimeCount }, (_, column) => {
    const l = column % kernel.dataPrimeCount
    const p = kernel.primes[l]!
    let sum = 0n
    for (let row = 0; row < PROJECTION_ROWS; row++) {
      sum += view.getBigUint64(8 * (PROJECTION_ROWS * column + row), true) * values(row, l)
    }
    return ((sum % p) + p) % p
  })
}
