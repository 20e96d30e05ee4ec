// SPDX-License-Identifier: GPL-3.0-or-later
// The proving key at the end of a ceremony in two rounds: the last step's points, and everything that no secret of the ceremony touches
// computed anew from circuit and powers. The same files always give the same key, bit for bit.
import { readFile, rm } from 'node:fs/promises'
import { BASE_FIELD, FIELD_BYTES, SCALAR_FIELD } from '../../bn254.ts'
import { coefficientCount, encodeCoefficients } from '../../setup/coefficients.ts'
import { fieldToBytes, loadCurve } from '../../setup/curve-memory.ts'
import { type KeyMetadata, sha256File, writeKeyMetadata } from '../../setup/metadata.ts'
import { domainPower } from '../../setup/qap.ts'
import type { R1cs } from '../../setup/r1cs.ts'
import { SectionFileWriter } from '../../setup/section-file.ts'
import { bordersOf } from '../../setup/two-round-shape.ts'
import { parseTwoRoundZkey, TWO_ROUND_SECTION } from '../../setup/two-round-zkey.ts'
import { TWO_ROUND_PROTOCOL } from '../../setup/zkey.ts'
import { twoRoundKeyHash, twoRoundKeyOf } from '../../verifier/two-round-key.ts'
import { type CeremonyFiles, type CeremonyOptions, requireSameCircuit, requireSameFinal } from '../rules.ts'
import { transcriptPath, writeTranscript } from '../transcript.ts'
import { toFileForm } from './encoding.ts'
import { type LagrangePoints, readLagrangePoints } from './lagrange.ts'
import { newMemory } from './memory.ts'
import { sourcesOfK } from './points.ts'
import { type StepPoints, words } from './points-file.ts'
import { readNamedPoints } from './steps.ts'
import type { TwoRoundTranscript } from './transcript.ts'
import { wirePoints, wireTerms } from './wire-terms.ts'

/** Writes the key of a ceremony that was verified, and its metadata. */
export async function finalizeTwoRounds(
  files: CeremonyFiles & { readonly zkeyPath: string },
  transcript: TwoRoundTranscript,
  { signal, onProgress }: CeremonyOptions,
): Promise<KeyMetadata> {
  const { folder, zkeyPath } = files
  const r1cs = requireSameCircuit(transcript, await readFile(files.r1cs), files.r1cs)
  const points = await readNamedPoints(folder, transcript, transcript.steps.length)
  onProgress?.('computing the proving key')
  const wanted = ['alpha', 'beta', 'beta2', 'tau', 'alphaTau', 'betaTau', 'tau2'] as const
  const powers = await readLagrangePoints(files.ptau, domainPower(r1cs.header), wanted)
  await writeTwoRoundKey(zkeyPath, r1cs, points, powers, recordOfCeremony(transcript), signal)

  const zkeySha256 = await sha256File(zkeyPath)
  const vkHash = twoRoundKeyHash(await twoRoundKeyOf(parseTwoRoundZkey(await readFile(zkeyPath), zkeyPath)))
  try {
    requireSameFinal(transcript, zkeySha256, vkHash)
  } catch (error) {
    await rm(zkeyPath, { force: true })
    throw error
  }
  const at = new Date().toISOString()
  await writeTranscript(folder, { ...transcript, final: { zkeySha256, vkHash, at } })
  const { challenges, firstRound, ...circuit } = transcript.circuit
  const metadata: KeyMetadata = {
    format: 'cohort-proving-key',
    version: 1,
    setup: 'ceremony',
    circuit,
    rounds: { challenges, firstRound },
    zkeySha256,
    vkHash,
    transcriptSha256: await sha256File(transcriptPath(folder)),
    createdAt: at,
  }
  await writeKeyMetadata(zkeyPath, metadata)
  return metadata
}

/** Circuit hash, number of steps, and the hash of each: so that a key names its ceremony. */
function recordOfCeremony({ circuitHash, steps }: TwoRoundTranscript): Uint8Array {
  const hash = (hex: string) => Buffer.from(hex.slice(2), 'hex')
  return Buffer.concat([
    hash(circuitHash),
    words(steps.length),
    ...steps.map(({ contributionHash }) => hash(contributionHash)),
  ])
}

async function writeTwoRoundKey(
  target: string,
  r1cs: R1cs,
  points: StepPoints,
  powers: LagrangePoints,
  record: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { variables } = r1cs.header
  const memory = await newMemory()
  const own = await newMemory()
  const [a, b] = wireTerms(r1cs)
  const [tau, tau2] = [memory.allocBytes(powers.tau), memory.allocBytes(powers.tau2)]
  const all = [0, variables] as const
  const section = TWO_ROUND_SECTION
  const writer = await SectionFileWriter.create(target, 'zkey', 1, Object.keys(section).length)
  const until = function* (pieces: Iterable<Uint8Array>) {
    for (const piece of pieces) {
      signal?.throwIfAborted()
      yield piece
    }
  }
  try {
    await writer.section(section.protocol, [words(TWO_ROUND_PROTOCOL)])
    const coefficients = encodeCoefficients(own, r1cs, signal)
    await writer.section(section.coefficients, prepend(words(coefficientCount(r1cs)), coefficients))
    await writer.section(section.header, await headerPieces(points, powers))
    const ic = wirePoints(memory, 'g1', sourcesOfK(memory, r1cs, powers), [0, bordersOf(points.size.shape).firstRound])
    await writer.section(section.ic, until(ic))
    await writer.section(section.a, until(wirePoints(memory, 'g1', [{ terms: a, points: tau }], all)))
    await writer.section(section.b1, until(wirePoints(memory, 'g1', [{ terms: b, points: tau }], all)))
    await writer.section(section.b2, until(wirePoints(memory, 'g2', [{ terms: b, points: tau2 }], all)))
    await writer.section(section.commitment, [points.commitment])
    await writer.section(section.c, [points.c])
    await writer.section(section.h, [points.h])
    await writer.section(section.contributions, [record])
    await writer.commit()
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

async function headerPieces({ size, deltas }: StepPoints, powers: LagrangePoints): Promise<Uint8Array[]> {
  const { publicSignals, challenges, firstRound } = size.shape
  const { G2 } = await loadCurve()
  // γ is 1, as in every ceremony after Bowe, Gabizon and Miers.
  const gamma = await toFileForm('G2', G2.g)
  return [
    words(FIELD_BYTES),
    fieldToBytes(BASE_FIELD),
    words(FIELD_BYTES),
    fieldToBytes(SCALAR_FIELD),
    words(size.variables, publicSignals, challenges, firstRound, size.domainSize),
    ...[powers.alpha, powers.beta, powers.beta2, gamma],
    ...deltas.flatMap(({ g1, g2 }) => [g1, g2]),
  ]
}

async function* prepend(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}
