// SPDX-License-Identifier: GPL-3.0-or-later
// The quadratic arithmetic program of an r1cs at a secret point (Groth 2016, section 3). For every variable it computes the values
// of its A, B and C polynomials at τ through the Lagrange basis, and from them the exponents of the proving key.
import { FIELD_BYTES, SCALAR_FIELD, SCALAR_FIELD_TWO_ADICITY } from '../bn254.ts'
import { constraintBatches, visitTerms } from './constraint-batches.ts'
import { bytesToField, type CurveMemory, fieldToBytes } from './curve-memory.ts'
import { SetupError } from './errors.ts'
import type { R1cs, R1csHeader } from './r1cs.ts'
import type { SetupSecrets } from './secrets.ts'

/** Exponents of the proving key's points, 32 bytes little endian each. All are secret: they determine τ. */
export type KeyExponents = {
  /** A_s(τ) and B_s(τ) for every variable. */
  readonly a: Uint8Array<ArrayBuffer>
  readonly b: Uint8Array<ArrayBuffer>
  /** (βA_s + αB_s + C_s)/γ for the constant one and the public signals. */
  readonly ic: Uint8Array<ArrayBuffer>
  /** (βA_s + αB_s + C_s)/δ for the private variables that no commitment holds. */
  readonly c: Uint8Array<ArrayBuffer>
  /** The same over the commitment's own δ for the first private variables; empty without a commitment. */
  readonly commitment: Uint8Array<ArrayBuffer>
  /** The odd Lagrange polynomials of the doubled domain at τ, over δ: snarkjs keeps the H query in this form. */
  readonly h: Uint8Array<ArrayBuffer>
}

/** The private variables that a proof commits to first, and the secret that their part of the key is divided by. */
export type CommitmentSecret = { readonly firstRound: number; readonly delta: Uint8Array }

/** Kernel batches take scratch space by themselves, within the headroom of the memory. */
const BATCH = 4096

/** log2 of the evaluation domain: room for every constraint, and one row for each public signal and the constant. */
export function domainPower(header: R1csHeader): number {
  const rows = header.constraints + header.publicSignals + 1
  const power = 32 - Math.clz32(rows - 1)
  // The H query needs roots of unity of twice the size.
  if (power + 1 > SCALAR_FIELD_TWO_ADICITY) {
    throw new SetupError('r1cs-unsupported', `${header.constraints} constraints: the curve serves fewer than 2^27`)
  }
  return power
}

/** A primitive 2^power-th root of unity: the one that ffjavascript uses, a power of the non-residue 5. */
export function rootOfUnity(power: number): bigint {
  return modPow(5n, (SCALAR_FIELD - 1n) >> BigInt(power))
}

/** Evaluates the program. `memory` is wiped of everything secret before this returns. */
export function evaluateKeyExponents(
  memory: CurveMemory,
  r1cs: R1cs,
  secrets: SetupSecrets,
  commitment: CommitmentSecret | null = null,
): KeyExponents {
  const mark = memory.mark()
  try {
    return evaluate(memory, r1cs, secrets, commitment)
  } finally {
    memory.release(mark)
  }
}

function evaluate(
  memory: CurveMemory,
  r1cs: R1cs,
  secrets: SetupSecrets,
  commitment: CommitmentSecret | null,
): KeyExponents {
  const { header } = r1cs
  const power = domainPower(header)
  const size = 2 ** power
  const mul = memory.kernel('frm_mul')
  const add = memory.kernel('frm_add')
  const inverse = memory.kernel('frm_inverse')
  const toMontgomery = memory.kernel('frm_toMontgomery')
  const constant = (bytes: Uint8Array) => {
    const address = memory.allocBytes(bytes)
    toMontgomery(address, address)
    return address
  }
  const product = (x: number, y: number) => {
    const address = memory.alloc(FIELD_BYTES)
    mul(x, y, address)
    return address
  }
  const tau = constant(secrets.tau)
  const alpha = constant(secrets.alpha)
  const beta = constant(secrets.beta)
  const gammaInverse = constant(secrets.gamma)
  inverse(gammaInverse, gammaInverse)
  const deltaInverse = constant(secrets.delta)
  inverse(deltaInverse, deltaInverse)
  const commitmentInverse = constant(commitment?.delta ?? secrets.delta)
  inverse(commitmentInverse, commitmentInverse)
  const one = constant(fieldToBytes(1n))

  const vectorBytes = header.variables * FIELD_BYTES
  const [pA, pB, pC] = [memory.alloc(vectorBytes), memory.alloc(vectorBytes), memory.alloc(vectorBytes)]
  for (const vector of [pA, pB, pC]) memory.bytes.fill(0, vector, vector + vectorBytes)
  const sides = [pA, pB, pC] as const

  // A plain coefficient times a Montgomery value is a plain product, so nothing has to be converted.
  const lagrange = lagrangeAt(memory, { tau, scale: one, power, size, shift: 0 })
  const term = memory.alloc(FIELD_BYTES)
  for (const batch of constraintBatches(r1cs)) {
    const inner = memory.mark()
    const base = memory.allocBytes(batch.bytes)
    visitTerms(batch, (side, constraint, variable, offset) => {
      const sum = sides[side] + variable * FIELD_BYTES
      mul(lagrange + constraint * FIELD_BYTES, base + offset, term)
      add(sum, term, sum)
    })
    memory.release(inner)
  }
  // One row 1·s for the constant and each public signal keeps their polynomials independent of the others
  // (libsnark's input consistency; snarkjs does the same).
  memory.bytes.set(fieldToBytes(1n), one)
  for (let s = 0; s <= header.publicSignals; s++) {
    mul(lagrange + (header.constraints + s) * FIELD_BYTES, one, term)
    add(pA + s * FIELD_BYTES, term, pA + s * FIELD_BYTES)
  }

  const combine = (from: number, to: number, divisor: number): Uint8Array<ArrayBuffer> => {
    const [forA, forB] = [product(beta, divisor), product(alpha, divisor)]
    const output = memory.alloc((to - from) * FIELD_BYTES)
    for (let s = from; s < to; s++) {
      const sum = output + (s - from) * FIELD_BYTES
      mul(pC + s * FIELD_BYTES, divisor, sum)
      mul(pA + s * FIELD_BYTES, forA, term)
      add(sum, term, sum)
      mul(pB + s * FIELD_BYTES, forB, term)
      add(sum, term, sum)
    }
    return memory.read(output, (to - from) * FIELD_BYTES)
  }
  const publics = header.publicSignals + 1
  const committed = publics + (commitment?.firstRound ?? 0)
  const odd = lagrangeAt(memory, { tau, scale: deltaInverse, power: power + 1, size, shift: 1 })
  memory.kernel('frm_batchFromMontgomery')(odd, size, odd)
  return {
    a: memory.read(pA, vectorBytes),
    b: memory.read(pB, vectorBytes),
    ic: combine(0, publics, gammaInverse),
    commitment: combine(publics, committed, commitmentInverse),
    c: combine(committed, header.variables, deltaInverse),
    h: memory.read(odd, size * FIELD_BYTES),
  }
}

/**
 * scale · L_k(τ) for the Lagrange polynomials of the domain of 2^power roots of unity ω^k, where k = shift, shift + step,
 * … with the step that covers 2^power in `size` values. L_k(τ) = (τ^N − 1)/N · ω^k/(τ − ω^k). Montgomery form.
 */
function lagrangeAt(
  memory: CurveMemory,
  options: { tau: number; scale: number; power: number; size: number; shift: number },
): number {
  const { tau, scale, power, size, shift } = options
  const mul = memory.kernel('frm_mul')
  const sub = memory.kernel('frm_sub')
  const toMontgomery = memory.kernel('frm_toMontgomery')
  const batchInverse = memory.kernel('frm_batchInverse')
  const constant = (value: bigint) => {
    const address = memory.allocBytes(fieldToBytes(value))
    toMontgomery(address, address)
    return address
  }
  const root = rootOfUnity(power)
  const step = constant(modPow(root, 2n ** BigInt(power) / BigInt(size)))
  const point = constant(modPow(root, BigInt(shift)))
  const vanishing = memory.allocBytes(memory.read(tau, FIELD_BYTES))
  for (let i = 0; i < power; i++) mul(vanishing, vanishing, vanishing)
  sub(vanishing, constant(1n), vanishing)
  if (memory.kernel('frm_isZero')(vanishing) !== 0) throw new RangeError('τ is a root of unity: draw again')
  mul(vanishing, constant(modPow(2n ** BigInt(power), SCALAR_FIELD - 2n)), vanishing)
  mul(vanishing, scale, vanishing)

  const output = memory.alloc(size * FIELD_BYTES)
  const differences = memory.alloc(Math.min(size, BATCH) * FIELD_BYTES)
  for (let from = 0; from < size; from += BATCH) {
    const count = Math.min(BATCH, size - from)
    for (let i = 0; i < count; i++) {
      mul(point, vanishing, output + (from + i) * FIELD_BYTES)
      sub(tau, point, differences + i * FIELD_BYTES)
      mul(point, step, point)
    }
    const scratch = memory.mark()
    batchInverse(differences, FIELD_BYTES, count, differences, FIELD_BYTES)
    memory.release(scratch)
    for (let i = 0; i < count; i++) {
      const value = output + (from + i) * FIELD_BYTES
      mul(value, differences + i * FIELD_BYTES, value)
    }
  }
  return output
}

export function modPow(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % SCALAR_FIELD) {
    if (rest & 1n) result = (result * square) % SCALAR_FIELD
  }
  return result
}

/** Reads one exponent; for tests and for the handful of header points. */
export function exponentAt(exponents: Uint8Array, index: number): bigint {
  return bytesToField(exponents, index * FIELD_BYTES)
}
