// SPDX-License-Identifier: GPL-3.0-or-later
// A Groth16 proving key straight from the r1cs, by one party with fresh secrets: seconds where the generic path over
// powers of tau takes many minutes, because the secrets are known while the exponents are computed. Whoever ran it
// could have kept the secrets and forged proofs, so the key is marked local wherever it shows.
import { readFile } from 'node:fs/promises'
import { BASE_FIELD, FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { verificationKeyHash, verificationKeyOf } from '../verifier/verification-key.ts'
import { coefficientCount, encodeCoefficients } from './coefficients.ts'
import { CurveMemory, concatenate, fieldToBytes, loadCurveImage } from './curve-memory.ts'
import { FixedBasePool } from './fixed-base-pool.ts'
import { type KeyMetadata, sha256, sha256File, writeKeyMetadata } from './metadata.ts'
import { domainPower, evaluateKeyExponents } from './qap.ts'
import { parseR1cs, type R1cs } from './r1cs.ts'
import { drawSecrets, eraseSecrets, type SetupSecrets } from './secrets.ts'
import { SectionFileWriter } from './section-file.ts'
import { GROTH16_PROTOCOL, LOCAL_SETUP_MARK, parseZkey, ZKEY_SECTION } from './zkey.ts'

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

/**
 * Computes a proving key for the circuit in `r1csPath` and writes `zkeyPath` and then its metadata file, each whole
 * or not at all; a key without matching metadata is refused where it is loaded. The secrets are overwritten at the end.
 *
 * Throws SetupError for a circuit that cannot be served, or the signal's reason.
 */
export async function setupLocal(
  r1csPath: string,
  zkeyPath: string,
  options: LocalSetupOptions = {},
): Promise<KeyMetadata> {
  const { signal, onProgress } = options
  signal?.throwIfAborted()
  const file = await readFile(r1csPath)
  const r1cs = parseR1cs(file, r1csPath)
  const r1csSha256 = sha256(file)
  const image = await loadCurveImage()
  const memory = await CurveMemory.create(image)

  onProgress?.({ stage: 'evaluate', done: 0, total: 1 })
  const secrets = drawSecrets()
  try {
    const exponents = evaluateKeyExponents(memory, r1cs, secrets)
    try {
      onProgress?.({ stage: 'evaluate', done: 1, total: 1 })
      signal?.throwIfAborted()
      await writeKey({ r1cs, r1csSha256, zkeyPath, memory, secrets, exponents, options })
    } finally {
      for (const secret of Object.values(exponents)) secret.fill(0)
    }
  } finally {
    eraseSecrets(secrets)
  }

  const vkey = await verificationKeyOf(parseZkey(await readFile(zkeyPath), zkeyPath))
  const { constraints, variables, publicSignals } = r1cs.header
  const metadata: KeyMetadata = {
    format: 'cohort-proving-key',
    version: 1,
    setup: 'local',
    circuit: { r1csSha256, constraints, variables, publicSignals },
    zkeySha256: await sha256File(zkeyPath),
    vkHash: verificationKeyHash(vkey),
    createdAt: new Date().toISOString(),
  }
  await writeKeyMetadata(zkeyPath, metadata)
  return metadata
}

async function writeKey(job: {
  readonly r1cs: R1cs
  readonly r1csSha256: string
  readonly zkeyPath: string
  readonly memory: CurveMemory
  readonly secrets: SetupSecrets
  readonly exponents: ReturnType<typeof evaluateKeyExponents>
  readonly options: LocalSetupOptions
}): Promise<void> {
  const { r1cs, memory, secrets, exponents } = job
  const { signal, onProgress, threads } = job.options
  const { header } = r1cs
  const inG1 = [exponents.a, exponents.b, exponents.ic, exponents.c, exponents.h]
  const total = (inG1.reduce((sum, bytes) => sum + bytes.byteLength, 0) + exponents.b.byteLength) / FIELD_BYTES
  let done = 0
  const onBatch = (count: number) => {
    done += count
    onProgress?.({ stage: 'points', done, total })
  }

  const g2Count = header.variables
  const pool = new FixedBasePool(memory.image, { g1: total - g2Count, g2: g2Count }, threads)
  const writer = await SectionFileWriter.create(job.zkeyPath, 'zkey', 1, Object.keys(ZKEY_SECTION).length)
  const abort = () => pool.fail(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  // Everything is queued at once, in the order of writing; a failure rejects all, and the first await throws it.
  const b2 = pool.multiply('g2', exponents.b.slice(), onBatch)
  const b1 = pool.multiply('g1', exponents.b, onBatch)
  const points = {
    header: Promise.all([
      pool.multiply('g1', concatenate([secrets.alpha, secrets.beta, secrets.delta])),
      pool.multiply('g2', concatenate([secrets.beta, secrets.gamma, secrets.delta])),
    ]),
    ic: pool.multiply('g1', exponents.ic, onBatch),
    a: pool.multiply('g1', exponents.a, onBatch),
    c: pool.multiply('g1', exponents.c, onBatch),
    h: pool.multiply('g1', exponents.h, onBatch),
    b1,
    b2,
  }
  for (const part of Object.values(points)) part.catch(() => undefined)
  try {
    await writer.section(ZKEY_SECTION.protocol, [words(GROTH16_PROTOCOL)])
    const coefficients = encodeCoefficients(memory, r1cs, signal)
    await writer.section(ZKEY_SECTION.coefficients, prepend(words(coefficientCount(r1cs)), coefficients))
    await writer.section(ZKEY_SECTION.header, headerPieces(r1cs, await points.header))
    for (const name of ['b2', 'b1', 'ic', 'a', 'c', 'h'] as const) {
      await writer.section(ZKEY_SECTION[name], await points[name])
    }
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

function* headerPieces(r1cs: R1cs, [g1, g2]: readonly [Uint8Array[], Uint8Array[]]): Generator<Uint8Array> {
  const { variables, publicSignals } = r1cs.header
  yield words(FIELD_BYTES)
  yield fieldToBytes(BASE_FIELD)
  yield words(FIELD_BYTES)
  yield fieldToBytes(SCALAR_FIELD)
  yield words(variables, publicSignals, 2 ** domainPower(r1cs.header))
  const [inG1, inG2] = [concatenate(g1), concatenate(g2)]
  const point1 = (index: number) => inG1.subarray(index * 64, (index + 1) * 64)
  const point2 = (index: number) => inG2.subarray(index * 128, (index + 1) * 128)
  // alpha1, beta1, beta2, gamma2, delta1, delta2
  yield* [point1(0), point1(1), point2(0), point2(1), point1(2), point2(2)]
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
