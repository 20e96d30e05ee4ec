// SPDX-License-Identifier: GPL-3.0-or-later
// Rules for every ceremony, for either system: it begins in an empty folder, the powers are large enough, contributions come before the
// beacon, and nothing comes after it.
import { readdir } from 'node:fs/promises'
import { sha256 } from '../setup/metadata.ts'
import { parseR1cs, type R1cs, type R1csHeader } from '../setup/r1cs.ts'
import { CeremonyError } from './errors.ts'
import { checkPowersOfTau, type PowersOfTau } from './ptau.ts'
import type { CeremonyStep, Transcript } from './transcript.ts'
import { MAX_NAME, MAX_SOURCE, PRINTABLE } from './transcript-fields.ts'

export type CeremonyOptions = {
  readonly signal?: AbortSignal
  /** A line of progress. */
  readonly onProgress?: (message: string) => void
}

export type StartInput = {
  readonly r1cs: string
  readonly ptau: string
  readonly folder: string
  readonly allowUnpublishedPtau?: boolean
}

export type CeremonyFiles = StartInput

export type BeaconInput = {
  readonly folder: string
  /** Hexadecimal, 1 to 255 bytes. */
  readonly value: string
  /** 10 to 63. */
  readonly iterationsExponent: number
  readonly source: string
}

export async function requireEmpty(folder: string): Promise<void> {
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (present.length > 0) {
    throw new CeremonyError('wrong-state', `${folder} is not empty; a ceremony begins in a folder of its own`)
  }
}

/** Accepts powers by their hash, and only those that hold the circuit. */
export async function powersFor(
  { constraints, publicSignals }: R1csHeader,
  { ptau, allowUnpublishedPtau = false }: StartInput,
  { signal, onProgress }: CeremonyOptions,
): Promise<PowersOfTau> {
  onProgress?.('hashing the powers of tau')
  const powers = await checkPowersOfTau(ptau, {
    allowUnpublished: allowUnpublishedPtau,
    ...(signal === undefined ? {} : { signal }),
  })
  if (constraints + publicSignals + 1 > 2 ** powers.power) {
    throw new CeremonyError(
      'ptau-refused',
      `${ptau}: 2^${powers.power} is too small for ${constraints} constraints and ${publicSignals + 1} public rows`,
    )
  }
  return powers
}

/** The circuit that a ceremony is for. Returns it read. */
export function requireSameCircuit({ circuit }: Transcript, file: Uint8Array, name: string): R1cs {
  const mismatch = (what: string) => new CeremonyError('transcript-mismatch', `${name} ${what}`)
  const found = sha256(file)
  if (found !== circuit.r1csSha256) throw mismatch(`has SHA-256 ${found}, the ceremony is for ${circuit.r1csSha256}`)
  const r1cs = parseR1cs(file, name)
  const challenges = 'challenges' in circuit ? circuit.challenges : 0
  const expected = { ...circuit, publicSignals: circuit.publicSignals + challenges }
  for (const field of ['constraints', 'variables', 'publicSignals'] as const) {
    if (r1cs.header[field] !== expected[field])
      throw mismatch(`has ${r1cs.header[field]} ${field}, the transcript says ${expected[field]}`)
  }
  return r1cs
}

/** The powers that a ceremony began from, as its transcript describes them. */
export async function requireSamePowers(
  { powersOfTau }: Transcript,
  { ptau, allowUnpublishedPtau = false }: CeremonyFiles,
  { signal, onProgress }: CeremonyOptions,
): Promise<void> {
  const mismatch = (what: string) => new CeremonyError('transcript-mismatch', what)
  onProgress?.('hashing the powers of tau')
  const powers = await checkPowersOfTau(ptau, {
    allowUnpublished: allowUnpublishedPtau,
    ...(signal === undefined ? {} : { signal }),
  })
  if (powers.blake2b !== powersOfTau.blake2b) throw mismatch(`${ptau} is not the file the ceremony began from`)
  if (powers.power !== powersOfTau.power)
    throw mismatch(`${ptau} is of power ${powers.power}, the transcript says ${powersOfTau.power}`)
  if (powers.published !== powersOfTau.published)
    throw mismatch('the transcript is wrong on whether the powers are published')
}

export function checkedName(name: string): string {
  if (name.trim() === '' || name.length > MAX_NAME || !PRINTABLE.test(name)) {
    throw new CeremonyError(
      'invalid-option',
      `a contributor's name has 1 to ${MAX_NAME} characters on one line, without control characters; found ${JSON.stringify(name)}`,
    )
  }
  return name
}

export function checkedBeacon({ value: given, iterationsExponent, source }: BeaconInput) {
  const value = given.replace(/^0x/, '').toLowerCase()
  if (!/^([0-9a-f]{2}){1,255}$/.test(value)) {
    throw new CeremonyError('invalid-option', `beacon '${given}' is not 1 to 255 bytes of hexadecimal`)
  }
  if (!Number.isInteger(iterationsExponent) || iterationsExponent < 10 || iterationsExponent > 63) {
    throw new CeremonyError('invalid-option', `2^${iterationsExponent} iterations; the exponent is 10 to 63`)
  }
  if (source.length > MAX_SOURCE || !PRINTABLE.test(source)) {
    throw new CeremonyError(
      'invalid-option',
      `a beacon's source has at most ${MAX_SOURCE} characters on one line, without control characters; found ${JSON.stringify(source)}`,
    )
  }
  return { value, iterationsExponent, source }
}

/** Throws where a step follows a beacon: its maker knew the beacon. */
export function requireBeaconLast({ steps }: Transcript): void {
  const found = steps.findIndex(({ kind }, i) => kind === 'beacon' && i + 1 < steps.length)
  if (found >= 0)
    throw new CeremonyError('invalid-contribution', `step ${found + 2} (${steps[found + 1]!.name}) follows the beacon`)
}

/** Throws where a transcript that was finalised before names another key than the one that follows from it. */
export function requireSameFinal({ final }: Transcript, zkeySha256: string, vkHash: string): void {
  if (final === undefined || (final.zkeySha256 === zkeySha256 && final.vkHash === vkHash)) return
  throw new CeremonyError(
    'transcript-mismatch',
    `the transcript's final key has SHA-256 ${final.zkeySha256} and verification key ${final.vkHash}, from its steps follow ` +
      `${zkeySha256} and ${vkHash}`,
  )
}

export function requireContributed({ steps }: Transcript): void {
  if (steps.length === 0) throw new CeremonyError('wrong-state', 'a beacon alone is not a ceremony; contribute first')
}

/** Throws once the beacon was applied. */
export function requireOpen({ final, steps }: Transcript): void {
  const last: CeremonyStep | undefined = steps.at(-1)
  if (final !== undefined || last?.kind === 'beacon') {
    throw new CeremonyError('wrong-state', 'the beacon was applied: nothing may follow but finalize')
  }
}

/** Throws unless there was a contribution, and a beacon after all. */
export function requireComplete({ steps }: Transcript): void {
  const kinds = steps.map(({ kind }) => kind)
  if (!kinds.includes('contribution')) {
    throw new CeremonyError('wrong-state', 'nobody has contributed: the secrets of the initial key are known to all')
  }
  if (kinds.at(-1) !== 'beacon') {
    throw new CeremonyError('wrong-state', 'the last contributor could have chosen the key; apply a beacon first')
  }
}
