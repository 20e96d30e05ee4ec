// SPDX-License-Identifier: GPL-3.0-or-later
// The proof that an update is short, made by its sender: w = c0 + a·f(0), which the members share since key generation, is
// projected by a challenge J to 144 integers, each hidden by a mask from the pads that were dealt for this round. README,
// "Short updates", has the argument.
import { ByteStream } from './byte-stream.ts'
import { hash } from './encoding.ts'
import { type Engine, eachOf } from './engine.ts'
import { FheError } from './errors.ts'
import type { Block, Kernel } from './kernel/kernel.ts'
import { leafOf, pathOf, treeOf } from './merkle.ts'
import { type Coefficients, chunksOf, coefficientsIn, readChunk } from './message-source.ts'
import { type OwnDealing, ownDifferences } from './own-dealing.ts'
import { partOf } from './packing.ts'
import type { Plan } from './plan.ts'
import { type ClaimSums, weighShare } from './projection.ts'
import { CANDIDATE_BITS } from './proof-budget.ts'
import { combinationOf, combineRows, encodeProof, projectionSeed, type ShortnessProof } from './shortness-format.ts'
import { CLAIM_REPEATS, extraResidues, PROJECTION_ROWS, projectionBytes, vectorShape } from './sizes.ts'
import type { Threads } from './threads.ts'
import type { Progress, RoundContext } from './types.ts'

/** How often fresh masks are drawn before a caller is told that something is wrong: each time, one of them does in 19 of 20. */
const MAX_DRAWINGS = 64

/** Which of a key's pads a round uses up. Rounds of an epoch follow each other, so no two of `roundsPerKey` have the same. */
export function padOf(plan: Plan, context: RoundContext): number {
  return context.round % plan.roundsPerKey
}

/** Residues of the pads `pad` modulo prime `l` within the dealt bytes. */
export function padsIn(plan: Plan, dealt: Uint8Array, pad: number, l: number): DataView {
  const from = plan.bytes.polynomial + 8 * (extraResidues(plan.roundsPerKey) * l + PROJECTION_ROWS * pad)
  return new DataView(dealt.buffer, dealt.byteOffset + from, 8 * PROJECTION_ROWS)
}

/**
 * The proof's bytes for the ciphertexts of an update. The product of their encryption must still be open on the threads.
 * `noiseSeed` gives the masks, so the same update has the same proof. Throws 'invalid-argument' for ciphertexts that are not
 * of an honest norm.
 */
export async function proveShort(
  engine: Engine,
  threads: Threads,
  of: {
    readonly context: RoundContext
    readonly prefix: Uint8Array
    readonly ciphertexts: Uint8Array
    readonly own: OwnDealing
    readonly noiseSeed: Uint8Array
    readonly roundSeed: Uint8Array
    readonly progress: Progress
  },
): Promise<Uint8Array> {
  const { plan, kernel } = engine
  const pad = padOf(plan, of.context)
  for (let drawing = 0; drawing < MAX_DRAWINGS; drawing++) {
    const seed = hash('masks of a proof', of.noiseSeed, Uint8Array.of(drawing))
    const masks = new Candidates(kernel, plan, seed, of.own, pad)
    try {
      const projection = projectionSeed(of.prefix, of.ciphertexts, masks.root)
      const shift = await projected(engine, threads, projection, of.ciphertexts, of.progress)
      const found = masks.choose(shift)
      if (found === null) continue
      const rho = combinationOf(kernel, plan, projection, found)
      const seeds = { projection, round: of.roundSeed, rho }
      const ciphertexts = coefficientsIn(of.ciphertexts, plan.wire.width)
      const sums = await sumClaim(engine, threads, seeds, ciphertexts, of.progress)
      const differences = differencesOf(kernel, plan, of.own, pad, rho, sums)
      return encodeProof(plan, { ...found, differences })
    } finally {
      masks.wipe()
    }
  }
  throw new FheError('invalid-argument', 'no mask hides this update: its norm exceeds the bound of the plan', {
    field: 'vector',
  })
}

/** J·w as integers of least size. */
export async function projected(
  engine: Engine,
  threads: Threads,
  projection: Uint8Array,
  ciphertexts: Uint8Array,
  progress: Progress,
): Promise<bigint[]> {
  const { kernel, plan } = engine
  const rows = new Array<bigint>(PROJECTION_ROWS * kernel.dataPrimeCount).fill(0n)
  const signal = progress.signal === undefined ? {} : { signal: progress.signal }
  await eachOf(plan.ciphertexts, threads.size, signal, async (index) => {
    const c0 = partOf(plan.set, ciphertexts, plan.wire.width, index)
    const part = await threads.project(index, c0, projection)
    const view = new DataView(part.buffer, part.byteOffset, part.length)
    for (let i = 0; i < rows.length; i++) rows[i] = rows[i]! + view.getBigUint64(8 * i, true)
    part.fill(0)
  })
  return centred(kernel, rows)
}

/** Integers within ±Q/2 from their residues, prime by prime: Garner's mixed radix, balanced at the end. */
function centred(kernel: Kernel, residues: readonly bigint[]): bigint[] {
  const primes = kernel.primes.slice(0, kernel.dataPrimeCount)
  const Q = primes.reduce((product, p) => product * p, 1n)
  const factors = primes.map((p) => (Q / p) * modInverse(Q / p, p))
  return Array.from({ length: PROJECTION_ROWS }, (_, row) => {
    const value = factors.reduce((sum, factor, l) => sum + factor * residues[PROJECTION_ROWS * l + row]!, 0n) % Q
    return value > Q / 2n ? value - Q : value
  })
}

function modInverse(a: bigint, p: bigint): bigint {
  let [r0, r1, s0, s1] = [p, a % p, 0n, 1n]
  while (r1 !== 0n) {
    const quotient = r0 / r1
    ;[r0, r1, s0, s1] = [r1, r0 - quotient * r1, s1, s0 - quotient * s1]
  }
  return ((s0 % p) + p) % p
}

/** The sums of a claim over all ciphertexts: one for each thread. */
export async function sumClaim(
  engine: Engine,
  threads: Threads,
  seeds: { readonly projection: Uint8Array; readonly round: Uint8Array; readonly rho: Uint8Array },
  ciphertexts: Coefficients,
  progress: Progress,
): Promise<readonly ClaimSums[]> {
  const { set, vectorLength } = engine.plan
  const signal = progress.signal === undefined ? {} : { signal: progress.signal }
  await threads.openClaim(seeds)
  try {
    for (const chunk of chunksOf(set, vectorShape(set, vectorLength))) {
      const bytes = await readChunk(ciphertexts, chunk, 'update')
      await eachOf(chunk.count, threads.size, signal, (i) =>
        threads.addToClaim(chunk.first + i, partOf(set, bytes, ciphertexts.width, i)),
      )
    }
  } catch (error) {
    await threads.closeClaim()
    throw error
  }
  return threads.closeClaim()
}

/** ⟨ρ, u(α)⟩ + ⟨Jᵀρ, a·f(α)⟩ for the dealt values at a point, or for one of their differences; by repeat, then by data prime. */
export function claimOf(
  kernel: Kernel,
  plan: Plan,
  dealt: Uint8Array,
  pad: number,
  rho: Uint8Array,
  sums: readonly ClaimSums[],
): bigint[] {
  const pads = Array.from({ length: kernel.dataPrimeCount }, (_, l) => padsIn(plan, dealt, pad, l))
  const ofPads = combineRows(kernel, rho, (row, l) => pads[l]!.getBigUint64(8 * row, true))
  const ofShares = sums.map((part) => weighShare(kernel, part, dealt))
  return ofPads.map((value, column) => {
    const p = kernel.primes[column % kernel.dataPrimeCount]!
    return ofShares.reduce((sum, part) => sum + part[column]!, value) % p
  })
}

/** The differences of H from the first on. */
function differencesOf(
  kernel: Kernel,
  plan: Plan,
  own: OwnDealing,
  pad: number,
  rho: Uint8Array,
  sums: readonly ClaimSums[],
): bigint[][] {
  const all: bigint[][] = []
  ownDifferences(kernel, plan, own, plan.threshold, (k, difference) => {
    if (k > 0) all.push(claimOf(kernel, plan, difference, pad, rho, sums))
  })
  return all
}

/** The masks that one drawing gives a proof to choose from, and the tree over their corrections. */
export class Candidates {
  readonly #kernel: Kernel
  readonly #plan: Plan
  readonly #masks: Block
  readonly #levels: readonly (readonly Uint8Array[])[]
  readonly #corrections: Uint8Array[] = []

  constructor(kernel: Kernel, plan: Plan, seed: Uint8Array, own: OwnDealing, pad: number) {
    this.#kernel = kernel
    this.#plan = plan
    const count = 1 << CANDIDATE_BITS
    const bytes = PROJECTION_ROWS * projectionBytes(plan.set)
    this.#masks = kernel.allocate(bytes * count)
    const { calls, dataPrimeCount } = kernel
    const limbs = bytes / (8 * PROJECTION_ROWS)
    const { mask: gamma } = plan.proof
    const span = 2n * gamma + 1n
    const spanBits = span.toString(2).length
    // At least half of the values are kept: 144 of 512 are there but for once in 2^70.
    const trials = 512
    const room = 8 * limbs * trials
    const stream = new ByteStream(seed, room, 'secret')
    seed.fill(0)
    kernel.borrow([room, 8 * limbs, 16 * PROJECTION_ROWS * dataPrimeCount], (words, spanAt, residues) => {
      const view = new DataView(calls.memory.buffer, spanAt!.at)
      for (let limb = 0; limb < limbs; limb++) {
        view.setBigUint64(8 * limb, BigInt.asUintN(64, span >> BigInt(64 * limb)), true)
      }
      const size = 8 * PROJECTION_ROWS * dataPrimeCount
      // u(0) after the room for the residues.
      ownDifferences(kernel, plan, own, 1, (_, dealt) => {
        for (let l = 0; l < dataPrimeCount; l++) {
          const { buffer, byteOffset, byteLength } = padsIn(plan, dealt, pad, l)
          const at = residues!.at + size + 8 * PROJECTION_ROWS * l
          kernel.write({ at, length: byteLength }, new Uint8Array(buffer, byteOffset, byteLength))
        }
      })
      for (let k = 0; k < count; k++) {
        const at = this.#masks.at + bytes * k
        stream.read(k, kernel.view(words!))
        const found = calls.boxValues(at, words!.at, trials, PROJECTION_ROWS, spanAt!.at, spanBits, limbs)
        if (found < PROJECTION_ROWS) throw new Error('the stream of masks ran out of words')
        for (let l = 0; l < dataPrimeCount; l++) {
          const record = kernel.records[l]!
          const out = residues!.at + 8 * PROJECTION_ROWS * l
          calls.boxResidues(record, out, at, limbs, gamma % kernel.primes[l]!, PROJECTION_ROWS)
          calls.subtractFrom(record, out, out + size, PROJECTION_ROWS)
        }
        this.#corrections.push(kernel.read(residues!, size))
      }
    })
    stream.close()
    this.#levels = treeOf(this.#corrections.map(leafOf))
  }

  get root(): Uint8Array {
    return this.#levels.at(-1)![0]!
  }

  /**
   * The first candidate whose ŷ + J·w is within ±β, or null. z is then uniform there for every J·w within ±τ. The whole zero-knowledge
   * argument rests on this, so a shift beyond τ must not be answered.
   */
  choose(shift: readonly bigint[]): Omit<ShortnessProof, 'differences'> | null {
    const { mask: gamma, shift: tau, limit } = this.#plan.proof
    if (shift.some((value) => value > tau || value < -tau)) return null
    const count = 1 << CANDIDATE_BITS
    const limbs = projectionBytes(this.#plan.set) / 8
    const view = new DataView(this.#kernel.calls.memory.buffer, this.#masks.at, this.#masks.length)
    for (let candidate = 0; candidate < count; candidate++) {
      const z: bigint[] = []
      for (const [row, value] of shift.entries()) {
        let mask = 0n
        const at = 8 * limbs * (PROJECTION_ROWS * candidate + row)
        for (let limb = limbs - 1; limb >= 0; limb--) mask = (mask << 64n) | view.getBigUint64(at + 8 * limb, true)
        const sum = mask - gamma + value
        if (sum > limit || sum < -limit) break
        z.push(sum)
      }
      if (z.length < shift.length) continue
      const corrections = this.#corrections[candidate]!
      return { candidate, corrections, path: pathOf(this.#levels, candidate), z }
    }
    return null
  }

  wipe(): void {
    this.#kernel.release(this.#masks)
  }
}

/** Scalars of a claim as bytes: 8 each, little-endian. */
export function scalarBytes(values: readonly bigint[]): Uint8Array {
  const out = new DataView(new ArrayBuffer(8 * values.length))
  for (const [i, value] of values.entries()) out.setBigUint64(8 * i, value, true)
  return new Uint8Array(out.buffer)
}

/** Columns of a claim: repeats × data primes. */
export function claimColumns(plan: Plan): number {
  return CLAIM_REPEATS * (plan.set.primes.length - 1)
}
