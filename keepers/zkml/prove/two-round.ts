// SPDX-License-Identifier: GPL-3.0-or-later
// Our prover for Groth16 in two rounds (MIRAGE, ePrint 2020/278, section 4), on the same threads as plain Groth16:
//   C₁ = Σ over the first round w·K/δ₁ + κ·δ₂; the challenges are hashes of C₁ and the statement;
//   A = α + Σ w·A + r·δ₂, B = β + Σ w·B + s·δ₂, C₂ = Σ over the second round w·K/δ₂ + Σ h·H + s·A + r·B₁ − rs·δ₂ − κ·δ₁.
// κ makes C₁ a uniform point: without it, anyone who guesses the first round can recognise it (CVE-2024-45040).
import { FIELD_BYTES } from '../bn254.ts'
import type { Part } from '../parts.ts'
import { loadCurve, POINT_BYTES } from '../setup/curve-memory.ts'
import { drawFieldElement } from '../setup/secrets.ts'
import { bordersOf, type TwoRoundShape } from '../setup/two-round-shape.ts'
import { parseTwoRoundZkey, TWO_ROUND_POINTS_OFFSET, type TwoRoundZkey } from '../setup/two-round-zkey.ts'
import { challengesOf, twoRoundKeyHash, twoRoundKeyOf } from '../verifier/two-round-key.ts'
import type { G1Point } from '../verifier/verification-key.ts'
import { type KeySource, openKey, type ProveOptions } from './backend.ts'
import { ProveError } from './errors.ts'
import { affine, type BlindingPoints, blindProof, total } from './groth16.ts'
import { KeyThreads, type WasmBackendOptions } from './key-threads.ts'
import type { PartialSums } from './requests.ts'
import { type KeyTables, withTables } from './tables.ts'
import type { TwoRoundProofWithSignals } from './two-round-proof.ts'
import { firstPass, secondPass, type TwoPassWitness } from './two-round-witness.ts'
import { publicValues } from './witness-file.ts'

/** A proving key that has been read once and is kept ready. */
export interface TwoRoundProver {
  readonly variables: number
  readonly shape: TwoRoundShape
  /** Of the verification key that the proofs are for. */
  readonly vkHash: string
  /**
   * Proves for a witness in two passes. Calls may overlap; they are served in order, each with randomness of its own.
   * Throws ProveError `circuit-mismatch` or `malformed` for a witness of another circuit, `invalid-witness` when the passes
   * contradict each other. A witness that breaks a constraint gives a proof that does not verify.
   */
  prove(witness: TwoPassWitness, options?: ProveOptions): Promise<TwoRoundProofWithSignals>
  close(): Promise<void>
}

/**
 * Reads a key and starts the threads. Throws SetupError `zkey-malformed`, for a key of plain Groth16 too.
 * @param draw κ, r and s of a proof: 32 bytes little endian, uniform below r. Only tests give their own: one that is known, or
 *   serves two inputs, gives the witness away.
 */
export async function openTwoRound(
  key: KeySource,
  options: WasmBackendOptions & ProveOptions = {},
  draw = drawFieldElement,
): Promise<TwoRoundProver> {
  const opened = await openKey(key)
  try {
    const zkey = parseTwoRoundZkey(opened.file, opened.name)
    return await withTables(key, opened.file, options, (tables) => startTwoRound(zkey, tables, options, draw))
  } finally {
    opened.close()
  }
}

async function startTwoRound(
  zkey: TwoRoundZkey<Part>,
  tables: KeyTables,
  options: WasmBackendOptions & ProveOptions,
  draw: () => Uint8Array,
): Promise<TwoRoundProver> {
  options.signal?.throwIfAborted()
  const vkHash = twoRoundKeyHash(await twoRoundKeyOf(zkey))
  const points = headerPoints(zkey)
  const { header, sections, shape } = zkey
  const borders = bordersOf(shape)
  const threads = await KeyThreads.start(
    {
      variables: header.variables,
      domainSize: header.domainSize,
      sections,
      firstOfC: borders.secondRound,
      commitment: { points: sections.commitment, firstVariable: borders.firstRound },
      tables,
    },
    options,
  )
  const prover = new TwoRoundWasmProver(header.variables, shape, vkHash, points, threads, draw)
  if (options.signal?.aborted) {
    await prover.close()
    options.signal.throwIfAborted()
  }
  return prover
}

/** δ is δ₂ here; δ₁ only blinds against κ. */
export type TwoRoundPoints = BlindingPoints & { readonly deltaFirst: Uint8Array }

export function headerPoints({ sections: { header } }: TwoRoundZkey<Part>): TwoRoundPoints {
  const [g1, g2] = [POINT_BYTES.g1.affine, POINT_BYTES.g2.affine]
  let at = TWO_ROUND_POINTS_OFFSET
  const take = (length: number) => {
    at += length
    return header.slice(at - length, at)
  }
  const [alpha1, beta1, beta2] = [take(g1), take(g1), take(g2)]
  take(g2) // γ is of no use to a prover
  const deltaFirst = take(g1)
  take(g2)
  return { alpha1, beta1, beta2, deltaFirst, delta1: take(g1), delta2: take(g2) }
}

class TwoRoundWasmProver implements TwoRoundProver {
  readonly variables: number
  readonly shape: TwoRoundShape
  readonly vkHash: string
  readonly #points: TwoRoundPoints
  readonly #threads: KeyThreads
  readonly #draw: () => Uint8Array
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(
    variables: number,
    shape: TwoRoundShape,
    vkHash: string,
    points: TwoRoundPoints,
    threads: KeyThreads,
    draw: () => Uint8Array,
  ) {
    this.variables = variables
    this.shape = shape
    this.vkHash = vkHash
    this.#points = points
    this.#threads = threads
    this.#draw = draw
  }

  prove(witness: TwoPassWitness, { signal }: ProveOptions = {}): Promise<TwoRoundProofWithSignals> {
    const run = this.#queue.then(() => this.#prove(witness, signal))
    this.#queue = run.catch(() => undefined)
    return run
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#threads.close()
  }

  async #prove(witness: TwoPassWitness, signal: AbortSignal | undefined): Promise<TwoRoundProofWithSignals> {
    if (this.#closed) throw new ProveError('backend-failed', 'this prover was closed')
    signal?.throwIfAborted()
    const first = firstPass(witness.first, this.shape, this.variables)
    const publicSignals = publicValues(first, this.shape.publicSignals)
    const { commitment, correction } = await blindCommitment(
      this.#points,
      await this.#threads.commit(first),
      this.#draw(),
    )
    signal?.throwIfAborted()
    const challenges = challengesOf(this.vkHash, this.shape.challenges, commitment, publicSignals)
    const all = secondPass(await witness.finish(challenges), first, this.shape, challenges)
    const sums = await this.#threads.sum(all, signal)
    const { a, b, c } = await blindProof(this.#points, sums, this.#draw(), this.#draw(), correction)
    return { proof: { a, b, commitment, c }, publicSignals }
  }
}

/** C₁ = Σ + κ·δ₂, and −κ·δ₁ for C₂. κ is overwritten. */
export async function blindCommitment(
  points: TwoRoundPoints,
  parts: readonly PartialSums[],
  kappa: Uint8Array,
): Promise<{ commitment: G1Point; correction: Uint8Array }> {
  const { G1, Fr } = await loadCurve()
  const factor = Fr.fromRprLE(kappa, 0, FIELD_BYTES)
  const blinded = G1.add(total(G1, parts), G1.timesFr(G1.fromRprLEM(points.delta1, 0), factor))
  const correction = G1.timesFr(G1.fromRprLEM(points.deltaFirst, 0), Fr.neg(factor))
  for (const secret of [kappa, factor]) secret.fill(0)
  return { commitment: affine(G1, blinded), correction }
}
