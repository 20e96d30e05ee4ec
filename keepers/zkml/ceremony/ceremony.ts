// SPDX-License-Identifier: GPL-3.0-or-later
// Phase 2 of the set-up of one circuit, by snarkjs: a folder with the transcript and the latest key goes from one
// contributor to the next. Proofs cannot be forged if a single contributor forgot their secret.
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { sha256, sha256File } from '../setup/metadata.ts'
import { parseR1cs } from '../setup/r1cs.ts'
import { recordedContributions } from './contributions.ts'
import { CeremonyError } from './errors.ts'
import {
  type BeaconInput,
  type CeremonyOptions,
  checkedBeacon,
  checkedName,
  powersFor,
  requireContributed,
  requireEmpty,
  requireOpen,
  type StartInput,
} from './rules.ts'
import { captureMessages, withSnarkjs } from './snarkjs-calls.ts'
import {
  type CeremonyStep,
  type PlainStep,
  type PlainTranscript,
  readTranscript,
  stepPath,
  type Transcript,
  writeTranscript,
} from './transcript.ts'
import { applyBeaconInTwoRounds, contributeInTwoRounds, type Rounds, startTwoRounds } from './two-round/steps.ts'

/**
 * Begins a ceremony in a new or empty folder. The initial key takes minutes for 2^15 constraints.
 * With `rounds` the key is for Groth16 in two rounds. Throws CeremonyError `ptau-refused` unless the powers are published or `allowUnpublishedPtau` is set.
 */
export async function startCeremony(
  input: StartInput & { readonly rounds?: Rounds },
  options: CeremonyOptions = {},
): Promise<Transcript> {
  const { r1cs, ptau, folder, rounds } = input
  await requireEmpty(folder)
  if (rounds !== undefined) return startTwoRounds({ ...input, rounds }, options)
  const file = await readFile(r1cs)
  const { header } = parseR1cs(file, r1cs)
  const { constraints, variables, publicSignals } = header
  const powersOfTau = await powersFor(header, input, options)
  options.signal?.throwIfAborted()
  options.onProgress?.('computing the initial key')
  await mkdir(folder, { recursive: true })
  const target = stepPath(folder, 0)
  await writeVia(target, async (temporary) => {
    const messages = captureMessages()
    const hash = await withSnarkjs(({ zKey }) => zKey.newZKey(r1cs, ptau, temporary, messages.logger))
    if (!(hash instanceof Uint8Array)) throw new CeremonyError('ptau-refused', messages.lastError())
  })
  const { circuitHash } = await recordedContributions(await readFile(target))
  const transcript: PlainTranscript = {
    format: 'cohort-ceremony',
    version: 1,
    circuit: { r1csSha256: sha256(file), constraints, variables, publicSignals },
    powersOfTau,
    circuitHash,
    initialZkeySha256: await sha256File(target),
    startedAt: new Date().toISOString(),
    steps: [],
  }
  await writeTranscript(folder, transcript)
  return transcript
}

/**
 * Adds a contribution whose secret comes from the system's generator, mixed with `entropy` if any is given; the
 * secret is forgotten with the process. Returns the step: the contributor announces its hash.
 */
export async function contribute(
  input: { readonly folder: string; readonly name: string; readonly entropy?: string },
  options: CeremonyOptions = {},
): Promise<CeremonyStep> {
  const name = checkedName(input.name)
  const transcript = await readTranscript(input.folder)
  if (transcript.version === 2) return contributeInTwoRounds(transcript, { ...input, name }, options)
  // Never empty: snarkjs would ask on the terminal.
  const entropy = `${randomBytes(64).toString('hex')}${input.entropy ?? ''}`
  return addStep(input.folder, transcript, { kind: 'contribution', name }, options, (before, after, logger) =>
    withSnarkjs(({ zKey }) => zKey.contribute(before, after, name, entropy, logger)),
  )
}

/** Adds the beacon: public randomness from after the last contribution. Only finalising may follow. */
export async function applyBeacon(input: BeaconInput, options: CeremonyOptions = {}): Promise<CeremonyStep> {
  const beacon = checkedBeacon(input)
  const { value, iterationsExponent } = beacon
  const transcript = await readTranscript(input.folder)
  requireContributed(transcript)
  if (transcript.version === 2) return applyBeaconInTwoRounds(transcript, input.folder, beacon, options)
  return addStep(
    input.folder,
    transcript,
    { kind: 'beacon', name: 'beacon', beacon },
    options,
    (before, after, logger) =>
      withSnarkjs(({ zKey }) => zKey.beacon(before, after, 'beacon', value, iterationsExponent, logger)),
  )
}

type Advance = (before: string, after: string, logger: ReturnType<typeof captureMessages>['logger']) => Promise<unknown>

async function addStep(
  folder: string,
  transcript: PlainTranscript,
  made: Pick<PlainStep, 'kind' | 'name' | 'beacon'>,
  { signal, onProgress }: CeremonyOptions,
  advance: Advance,
): Promise<CeremonyStep> {
  requireOpen(transcript)
  const before = stepPath(folder, transcript.steps.length)
  await checkLatestKey(folder, transcript)
  signal?.throwIfAborted()
  onProgress?.(`computing step ${transcript.steps.length + 1}`)
  const after = stepPath(folder, transcript.steps.length + 1)
  await writeVia(after, async (temporary) => {
    const messages = captureMessages()
    const hash = await advance(before, temporary, messages.logger)
    if (!(hash instanceof Uint8Array)) throw new CeremonyError('invalid-contribution', messages.lastError())
  })
  const { contributions } = await recordedContributions(await readFile(after))
  const step: PlainStep = {
    ...made,
    contributionHash: contributions.at(-1)!.hash,
    zkeySha256: await sha256File(after),
    at: new Date().toISOString(),
  }
  await writeTranscript(folder, { ...transcript, steps: [...transcript.steps, step] })
  return step
}

/** Throws CeremonyError `transcript-mismatch` unless the latest key is the one that the transcript names. */
export async function checkLatestKey(folder: string, transcript: PlainTranscript): Promise<string> {
  const path = stepPath(folder, transcript.steps.length)
  const expected = transcript.steps.at(-1)?.zkeySha256 ?? transcript.initialZkeySha256
  const found = await sha256File(path).catch((error: Error) => {
    throw new CeremonyError('transcript-mismatch', `the latest key is missing: ${error.message}`, { cause: error })
  })
  if (found !== expected) {
    throw new CeremonyError('transcript-mismatch', `${path} has SHA-256 ${found}, the transcript says ${expected}`)
  }
  return path
}

/** Lets `write` fill a temporary file and gives it its name only when that succeeded. */
async function writeVia(target: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    await write(temporary)
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
