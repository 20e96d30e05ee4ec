// SPDX-License-Identifier: GPL-3.0-or-later
// Checking a whole ceremony from its public files, and turning a checked one into a proving key.
import { randomBytes } from 'node:crypto'
import { copyFile, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type KeyMetadata, sha256File, writeKeyMetadata } from '../setup/metadata.ts'
import { parseZkey } from '../setup/zkey.ts'
import { verificationKeyHash, verificationKeyOf } from '../verifier/verification-key.ts'
import { checkLatestKey } from './ceremony.ts'
import { recordedContributions } from './contributions.ts'
import { CeremonyError } from './errors.ts'
import {
  type CeremonyFiles,
  type CeremonyOptions,
  requireBeaconLast,
  requireComplete,
  requireSameCircuit,
  requireSameFinal,
  requireSamePowers,
} from './rules.ts'
import { captureMessages, withSnarkjs } from './snarkjs-calls.ts'
import { type PlainTranscript, readTranscript, type Transcript, transcriptPath, writeTranscript } from './transcript.ts'
import { finalizeTwoRounds } from './two-round/finalize.ts'
import { verifyTwoRounds } from './two-round/verify.ts'

/**
 * Checks that the powers are published, that the initial key follows from them and the circuit, that every step follows from the previous
 * one, and that the transcript agrees with the key's records. Returns the transcript; the `final` key in it is a claim, which
 * finalizeCeremony checks. Throws CeremonyError with the first thing that does not hold.
 */
export async function verifyCeremony(files: CeremonyFiles, options: CeremonyOptions = {}): Promise<Transcript> {
  const transcript = await readTranscript(files.folder)
  requireBeaconLast(transcript)
  if (transcript.version === 2) await verifyTwoRounds(files, transcript, options)
  else await verifyPlain(files, transcript, options)
  return transcript
}

async function verifyPlain(files: CeremonyFiles, transcript: PlainTranscript, options: CeremonyOptions): Promise<void> {
  const { folder, r1cs, ptau } = files
  const { signal, onProgress } = options
  requireSameCircuit(transcript, await readFile(r1cs), r1cs)
  await requireSamePowers(transcript, files, options)
  const key = await checkLatestKey(folder, transcript)
  await checkRecord(key, transcript)
  signal?.throwIfAborted()
  onProgress?.('recomputing the initial key and checking every step')
  const messages = captureMessages()
  // As bytes: of the files that snarkjs opens for verification it leaves some open.
  const [circuit, powersFile, keyFile] = await Promise.all([readFile(r1cs), inMemory(ptau), readFile(key)])
  const valid = await withSnarkjs(({ zKey }) => zKey.verifyFromR1cs(circuit, powersFile, keyFile, messages.logger))
  if (!valid) throw new CeremonyError('invalid-contribution', `${key}: ${messages.lastError()}`)
}

/** Files beyond this are left to snarkjs to read piece by piece. */
const MAX_IN_MEMORY = 2 ** 30

async function inMemory(path: string): Promise<Uint8Array | string> {
  return (await stat(path)).size <= MAX_IN_MEMORY ? readFile(path) : path
}

/** The steps that the key itself records must equal the transcript's. */
async function checkRecord(key: string, transcript: PlainTranscript): Promise<void> {
  const { circuitHash, contributions } = await recordedContributions(await readFile(key))
  const mismatch = (what: string) => new CeremonyError('transcript-mismatch', `${key}: ${what}`)
  if (circuitHash !== transcript.circuitHash) throw mismatch('the circuit hash is not the transcript’s')
  if (contributions.length !== transcript.steps.length) {
    throw mismatch(`the key records ${contributions.length} steps, the transcript ${transcript.steps.length}`)
  }
  for (const [i, step] of transcript.steps.entries()) {
    const found = contributions[i]!
    const same =
      found.hash === step.contributionHash &&
      found.kind === step.kind &&
      found.name === step.name &&
      found.beacon?.value === step.beacon?.value &&
      found.beacon?.iterationsExponent === step.beacon?.iterationsExponent
    if (!same) throw mismatch(`step ${i + 1} (${step.name}) is not the one that the key records`)
  }
}

/**
 * Verifies the ceremony and writes the last key to `zkeyPath`, marked as the result of a ceremony. Refuses one without
 * a contribution or without a beacon.
 */
export async function finalizeCeremony(
  files: CeremonyFiles & { readonly zkeyPath: string },
  options: CeremonyOptions = {},
): Promise<KeyMetadata> {
  const transcript = await verifyCeremony(files, options)
  requireComplete(transcript)
  if (transcript.version === 2) return finalizeTwoRounds(files, transcript, options)
  const source = await checkLatestKey(files.folder, transcript)
  const vkHash = verificationKeyHash(await verificationKeyOf(parseZkey(await readFile(source), source)))
  const zkeySha256 = transcript.steps.at(-1)!.zkeySha256
  requireSameFinal(transcript, zkeySha256, vkHash)
  const at = new Date().toISOString()
  await writeTranscript(files.folder, { ...transcript, final: { zkeySha256, vkHash, at } })
  const temporary = join(dirname(files.zkeyPath), `.${basename(files.zkeyPath)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await copyFile(source, temporary)
    await rename(temporary, files.zkeyPath)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  const metadata: KeyMetadata = {
    format: 'cohort-proving-key',
    version: 1,
    setup: 'ceremony',
    circuit: transcript.circuit,
    zkeySha256,
    vkHash,
    transcriptSha256: await sha256File(transcriptPath(files.folder)),
    createdAt: at,
  }
  await writeKeyMetadata(files.zkeyPath, metadata)
  return metadata
}
