// SPDX-License-Identifier: GPL-3.0-or-later
// Computes a proving key with fresh secrets and writes it, for plain Groth16 and for two rounds.
import { BASE_FIELD, FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { coefficientCount, encodeCoefficients } from './coefficients.ts'
import { CurveMemory, concatenate, fieldToBytes, loadCurveImage } from './curve-memory.ts'
import { FixedBasePool } from './fixed-base-pool.ts'
import { domainPower, evaluateKeyExponents, type KeyExponents } from './qap.ts'
import type { R1cs } from './r1cs.ts'
import { drawSecrets, drawTwoRoundSecrets, eraseSecrets, type SetupSecrets } from './secrets.ts'
import { SectionFileWriter } from './section-file.ts'
import type { TwoRoundShape } from './two-round-shape.ts'
import { TWO_ROUND_SECTION } from './two-round-zkey.ts'
import { GROTH16_PROTOCOL, LOCAL_SETUP_MARK, TWO_ROUND_PROTOCOL, ZKEY_SECTION } from './zkey.ts'

export type SetupProgress = {
  readonly stage: 'evaluate' | 'points' | 'write'
  readonly done: number
  readonly total: number
}

export type LocalSetupOptions = {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: SetupProgress) => void
  /** Worker threads; the machine's parallelism when absent. */
  readonly threads?: number
}

export type KeyJob = {
  readonly r1cs: R1cs
  readonly r1csSha256: string
  readonly zkeyPath: string
  /** Null for plain Groth16. */
  readonly shape: TwoRoundShape | null
  /** Runs while threads compute points, and throws where there must be no key: for two rounds, whether the second is determined. */
  readonly check?: () => void
  readonly options: LocalSetupOptions
}

/**
 * Draws secrets, writes the key whole or not at all, and overwrites the secrets.
 * @param draw the secrets of two rounds; only tests give their own.
 */
export async function writeKey(job: KeyJob, draw = drawTwoRoundSecrets): Promise<void> {
  const { r1cs, shape, options } = job
  const { signal, onProgress } = options
  const memory = await CurveMemory.create(await loadCurveImage())
  onProgress?.({ stage: 'evaluate', done: 0, total: 1 })
  const inTwoRounds = shape === null ? null : draw()
  const secrets = inTwoRounds ?? drawSecrets()
  try {
    const commitment =
      shape === null || inTwoRounds === null ? null : { firstRound: shape.firstRound, delta: inTwoRounds.deltaFirst }
    const exponents = evaluateKeyExponents(memory, r1cs, secrets, commitment)
    try {
      onProgress?.({ stage: 'evaluate', done: 1, total: 1 })
      signal?.throwIfAborted()
      await writePoints(job, memory, secrets, inTwoRounds?.deltaFirst ?? null, exponents)
    } finally {
      for (const secret of Object.values(exponents)) secret.fill(0)
    }
  } finally {
    eraseSecrets(secrets)
  }
}

async function writePoints(
  job: KeyJob,
  memory: CurveMemory,
  secrets: SetupSecrets,
  deltaFirst: Uint8Array | null,
  exponents: KeyExponents,
): Promise<void> {
  const { r1cs, shape } = job
  const { signal, onProgress, threads } = job.options
  const { header } = r1cs
  const inG1 = [exponents.a, exponents.b, exponents.ic, exponents.commitment, exponents.c, exponents.h]
  const total = (inG1.reduce((sum, bytes) => sum + bytes.byteLength, 0) + exponents.b.byteLength) / FIELD_BYTES
  let done = 0
  const onBatch = (count: number) => {
    done += count
    onProgress?.({ stage: 'points', done, total })
  }

  const sections = shape === null ? ZKEY_SECTION : TWO_ROUND_SECTION
  const deltas = deltaFirst === null ? [secrets.delta] : [deltaFirst, secrets.delta]
  const g2Count = header.variables
  const pool = new FixedBasePool(memory.image, { g1: total - g2Count, g2: g2Count }, threads)
  const writer = await SectionFileWriter.create(job.zkeyPath, 'zkey', 1, Object.keys(sections).length)
  const abort = () => pool.fail(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  // Everything is queued at once, in the order of writing; a failure rejects all, and the first await throws it.
  const b2 = pool.multiply('g2', exponents.b.slice(), onBatch)
  const b1 = pool.multiply('g1', exponents.b, onBatch)
  const points = {
    header: Promise.all([
      pool.multiply('g1', concatenate([secrets.alpha, secrets.beta, ...deltas])),
      pool.multiply('g2', concatenate([secrets.beta, secrets.gamma, ...deltas])),
    ]),
    ic: pool.multiply('g1', exponents.ic, onBatch),
    a: pool.multiply('g1', exponents.a, onBatch),
    commitment: pool.multiply('g1', exponents.commitment, onBatch),
    c: pool.multiply('g1', exponents.c, onBatch),
    h: pool.multiply('g1', exponents.h, onBatch),
    b1,
    b2,
  }
  for (const part of Object.values(points)) part.catch(() => undefined)
  try {
    job.check?.()
    await writer.section(ZKEY_SECTION.protocol, [words(shape === null ? GROTH16_PROTOCOL : TWO_ROUND_PROTOCOL)])
    const coefficients = encodeCoefficients(memory, r1cs, signal)
    await writer.section(ZKEY_SECTION.coefficients, prepend(words(coefficientCount(r1cs)), coefficients))
    await writer.section(ZKEY_SECTION.header, headerPieces(job, await points.header))
    for (const name of ['b2', 'b1', 'ic', 'a', 'c', 'h'] as const) {
      await writer.section(ZKEY_SECTION[name], await points[name])
    }
    if (shape !== null) await writer.section(TWO_ROUND_SECTION.commitment, await points.commitment)
    const circuit = Buffer.from(job.r1csSha256.slice(2), 'hex')
    await writer.section(ZKEY_SECTION.contributions, [Buffer.from(LOCAL_SETUP_MARK, 'latin1'), circuit, words(0)])
    signal?.throwIfAborted()
    onProgress?.({ stage: 'write', done: 1, total: 1 })
    await writer.commit()
  } catch (error) {
    pool.fail(error)
    await writer.abandon()
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
    await pool.close()
  }
}

function* headerPieces(
  { r1cs, shape }: KeyJob,
  [g1, g2]: readonly [Uint8Array[], Uint8Array[]],
): Generator<Uint8Array> {
  const { variables, publicSignals } = r1cs.header
  const wires = shape === null ? [publicSignals] : [shape.publicSignals, shape.challenges, shape.firstRound]
  yield words(FIELD_BYTES)
  yield fieldToBytes(BASE_FIELD)
  yield words(FIELD_BYTES)
  yield fieldToBytes(SCALAR_FIELD)
  yield words(variables, ...wires, 2 ** domainPower(r1cs.header))
  const [inG1, inG2] = [concatenate(g1), concatenate(g2)]
  const point1 = (index: number) => inG1.subarray(index * 64, (index + 1) * 64)
  const point2 = (index: number) => inG2.subarray(index * 128, (index + 1) * 128)
  // alpha1, beta1, beta2, gamma2, then each δ in both groups
  yield* [point1(0), point1(1), point2(0), point2(1), point1(2), point2(2)]
  if (shape !== null) yield* [point1(3), point2(3)]
}

async function* prepend(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}

/** Little-endian 32-bit words. */
function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true)
  return bytes
}
