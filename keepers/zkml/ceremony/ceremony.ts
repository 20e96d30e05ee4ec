// SPDX-License-Identifier: GPL-3.0-or-later
// Phase 2 of the set-up of one circuit, by snarkjs: a folder with the transcript and the latest key goes from one
// contributor to the next. Proofs cannot be forged if a single contributor forgot their secret.
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { sha256, sha256File } from '../setup/metadata.ts'
import { parseR1cs } from '../setup/r1cs.ts'
import { recordedContributions } from './contributions.ts'
import { CeremonyError } from './errors.ts'
import { checkPowersOfTau } from './ptau.ts'
import { captureMessages, withSnarkjs } from './snarkjs-calls.ts'
import { type CeremonyStep, readTranscript, stepPath, type Transcript, writeTranscript } from './transcript.ts'

export type CeremonyOptions = {
  readonly signal?: AbortSignal
  /** A line about what is being done; snarkjs gives no finer measure. */
  readonly onProgress?: (message: string) => void
}

/** snarkjs keeps 64 characters of a name. */
const MAX_NAME = 64

/**
 * Begins a ceremony in a new or empty folder. The initial key takes minutes for 2^15 constraints.
 * Throws CeremonyError `ptau-refused` unless the powers are published or `allowUnpublishedPtau` is set.
 */
export async function startCeremony(
  input: {
    readonly r1cs: string
    readonly ptau: string
    readonly folder: string
    readonly allowUnpublishedPtau?: boolean
  },
  options: CeremonyOptions = {},
): Promise<Transcript> {
  const { r1cs, ptau, folder, allowUnpublishedPtau = false } = input
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (present.length > 0) {
    throw new CeremonyError('wrong-state', `${folder} is not empty; a ceremony begins in a folder of its own`)
  }
  const file = await readFile(r1cs)
  const { constraints, variables, publicSignals } = parseR1cs(file, r1cs).header
  options.onProgress?.('hashing the powers of tau')
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  const powersOfTau = await checkPowersOfTau(ptau, { allowUnpublished: allowUnpublishedPtau, ...signal })
  if (constraints + publicSignals + 1 > 2 ** powersOfTau.power) {
    throw new CeremonyError(
      'ptau-refused',
      `${ptau}: 2^${powersOfTau.power} is too small for ${constraints} constraints and ${publicSignals + 1} public rows`,
    )
  }
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
  const transcript: Transcript = {
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
  // Never empty: snarkjs would ask on the terminal.
  const entropy = `${randomBytes(64).toString('hex')}${input.entropy ?? ''}`
  return addStep(input.folder, 'contribution', name, options, (before, after, logger) =>
    withSnarkjs(({ zKey }) => zKey.contribute(before, after, name, entropy, logger)),
  )
}

/** Adds the beacon: public randomness from after the last contribution. Only finalising may follow. */
export async function applyBeacon(
  input: {
    readonly folder: string
    /** Hexadecimal, 1 to 255 bytes. */
    readonly value: string
    /** 10 to 63. */
    readonly iterationsExponent: number
    readonly source: string
  },
  options: CeremonyOptions = {},
): Promise<CeremonyStep> {
  const { folder, iterationsExponent, source } = input
  const value = input.value.replace(/^0x/, '').toLowerCase()
  if (!/^([0-9a-f]{2}){1,255}$/.test(value)) {
    throw new CeremonyError('invalid-option', `beacon '${input.value}' is not 1 to 255 bytes of hexadecimal`)
  }
  if (!Number.isInteger(iterationsExponent) || iterationsExponent < 10 || iterationsExponent > 63) {
    throw new CeremonyError('invalid-option', `2^${iterationsExponent} iterations; the exponent is 10 to 63`)
  }
  const { steps } = await readTranscript(folder)
  if (steps.length === 0) throw new CeremonyError('wrong-state', 'a beacon alone is not a ceremony; contribute first')
  const beacon = { value, iterationsExponent, source }
  return addStep(
    folder,
    'beacon',
    'beacon',
    options,
    (before, after, logger) =>
      withSnarkjs(({ zKey }) => zKey.beacon(before, after, 'beacon', value, iterationsExponent, logger)),
    beacon,
  )
}

type Advance = (before: string, after: string, logger: ReturnType<typeof captureMessages>['logger']) => Promise<unknown>

async function addStep(
  folder: string,
  kind: CeremonyStep['kind'],
  name: string,
  { signal, onProgress }: CeremonyOptions,
  advance: Advance,
  beacon?: CeremonyStep['beacon'],
): Promise<CeremonyStep> {
  const transcript = await readTranscript(folder)
  if (transcript.final !== undefined || transcript.steps.at(-1)?.kind === 'beacon') {
    throw new CeremonyError('wrong-state', 'the beacon was applied: nothing may follow but finalize')
  }
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
  const step: CeremonyStep = {
    kind,
    name,
    contributionHash: contributions.at(-1)!.hash,
    zkeySha256: await sha256File(after),
    at: new Date().toISOString(),
    ...(beacon === undefined ? {} : { beacon }),
  }
  await writeTranscript(folder, { ...transcript, steps: [...transcript.steps, step] })
  return step
}

/** Throws CeremonyError `transcript-mismatch` unless the latest key is the one that the transcript names. */
export async function checkLatestKey(folder: string, transcript: Transcript): Promise<string> {
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

function checkedName(name: string): string {
  if (name.trim() === '' || name.length > MAX_NAME) {
    throw new CeremonyError(
      'invalid-option',
      `a contributor's name has 1 to ${MAX_NAME} characters, not ${name.length}`,
    )
  }
  return name
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
