// SPDX-License-Identifier: GPL-3.0-or-later
// Writes a Solidity verifier for one Groth16 key: our own text under MIT, from Groth 2016 section 3 and EIP-196/197.
import { BASE_FIELD, SCALAR_FIELD } from '../bn254.ts'
import type { SetupKind } from '../setup/metadata.ts'
import { VERIFIER_BATCH, VERIFIER_PRELUDE, VERIFIER_SINGLE } from './solidity-text.ts'
import { type G1Point, type G2Point, type VerificationKey, verificationKeyHash } from './verification-key.ts'

export type ExportVerifierOptions = {
  /** Name of the contract: a Solidity identifier. */
  readonly name: string
  /** Where the key came from; a local set-up is stated in the source and in `SETUP_KIND`. */
  readonly setupKind: SetupKind
  /** Free text for the header, such as the circuit's file; one line. */
  readonly subject?: string
}

const SETUP = {
  local: {
    kind: 1,
    notice: [
      'SET-UP: LOCAL. One party computed the proving key alone and, had it kept the secrets, could forge proofs that this',
      'contract accepts. For development and tests; never let it guard value.',
    ],
  },
  ceremony: {
    kind: 2,
    notice: [
      'SET-UP: CEREMONY. Proofs cannot be forged if at least one contributor destroyed their secret; check the transcript',
      'with `cohort ceremony verify`.',
    ],
  },
} as const

/** Of alpha, beta, gamma and delta. */
const WORDS_BEFORE_IC = 14

/** More public signals than this make the contract too large to deploy. */
const MAX_PUBLIC_SIGNALS = 128

/**
 * The source of a contract that implements IGroth16Verifier (when the key has four public signals), `verifyBatch`, `vkHash` and
 * `SETUP_KIND`. Throws RangeError for an invalid identifier or a key without public signals.
 */
export function exportVerifier(key: VerificationKey, options: ExportVerifierOptions): string {
  requireOptions(options, key.publicSignals)
  const fill: Record<string, string> = {
    ...commonFields(options),
    signals: String(key.publicSignals),
    vkHash: verificationKeyHash(key),
    constants: constants(key),
    icSum: icTerms(key.publicSignals, (index) => `publicSignals[${index - 1}]`),
    icBatchSum: icTerms(key.publicSignals, (index) => `sums[${index - 1}]`),
    icWords: key.ic.map((_, index) => icWords(index, WORDS_BEFORE_IC)).join('\n'),
    hashBytes: hex(32 * (WORDS_BEFORE_IC + 2 * key.ic.length)),
  }
  return fillText([VERIFIER_PRELUDE, VERIFIER_SINGLE, VERIFIER_BATCH], fill)
}

/** Throws RangeError for a name that is not an identifier, a subject of several lines, or too few or too many public signals. */
export function requireOptions({ name, subject }: ExportVerifierOptions, publicSignals: number): void {
  if (!/^[A-Za-z_$][A-Za-z0-9_$]{0,63}$/.test(name)) {
    throw new RangeError(`contract name '${name}' is not a Solidity identifier of at most 64 characters`)
  }
  if (publicSignals < 1 || publicSignals > MAX_PUBLIC_SIGNALS) {
    throw new RangeError(`the key has ${publicSignals} public signals, a verifier needs 1 to ${MAX_PUBLIC_SIGNALS}`)
  }
  if (subject !== undefined && /[\r\n\u2028\u2029]/.test(subject)) throw new RangeError('subject must be one line')
}

/** Fields that the texts of both systems have. */
export function commonFields({ name, subject, setupKind }: ExportVerifierOptions): Record<string, string> {
  const setup = SETUP[setupKind]
  return {
    name,
    subject: subject ?? 'a circuit',
    notice: setup.notice.map((line) => `/// ${line}`).join('\n'),
    setupName: setupKind,
    setupKind: String(setup.kind),
    q: `0x${BASE_FIELD.toString(16)}`,
    r: `0x${SCALAR_FIELD.toString(16)}`,
  }
}

export function fillText(parts: readonly string[], fill: Readonly<Record<string, string>>): string {
  return parts.join('\n').replace(/\{\{(\w+)\}\}/g, (_, field: string) => {
    const value = fill[field]
    if (value === undefined) throw new TypeError(`the verifier text names an unknown field ${field}`)
    return value
  })
}

/** The key's points. α, γ and δ are kept negated, so that the equation is a product of pairings that must be one. */
function constants(key: VerificationKey): string {
  return [
    ...pointConstants('NEG_ALPHA', negated(key.alpha)),
    ...pairConstants('BETA', key.beta),
    ...pairConstants('NEG_GAMMA', negatedPair(key.gamma)),
    ...pairConstants('NEG_DELTA', negatedPair(key.delta)),
    ...key.ic.flatMap((point, index) => pointConstants(`IC${index}`, point)),
  ].join('\n')
}

/** Constants of a point of G1. */
export function pointConstants(label: string, [x, y]: G1Point): string[] {
  return [constant(`${label}_X`, x), constant(`${label}_Y`, y)]
}

/** Constants of a point of G2. */
export function pairConstants(label: string, [x, y]: G2Point): string[] {
  return [
    constant(`${label}_X_IM`, x[1]),
    constant(`${label}_X_RE`, x[0]),
    constant(`${label}_Y_IM`, y[1]),
    constant(`${label}_Y_RE`, y[0]),
  ]
}

export function negated([x, y]: G1Point): G1Point {
  return [x, negate(y)]
}

export function negatedPair([x, y]: G2Point): G2Point {
  return [x, [negate(y[0]), negate(y[1])]]
}

function negate(y: bigint): bigint {
  return y === 0n ? 0n : BASE_FIELD - y
}

function constant(name: string, value: bigint): string {
  return `    uint256 private constant ${name} = 0x${value.toString(16).padStart(64, '0')};`
}

/** Σ signal·IC for the public signals, one call each. */
export function icTerms(signals: number, scalar: (index: number) => string): string {
  const lines: string[] = []
  for (let index = 1; index <= signals; index++) {
    lines.push(`        (x, y) = _addMul(x, y, IC${index}_X, IC${index}_Y, ${scalar(index)});`)
  }
  return lines.join('\n')
}

export function icWords(index: number, before: number): string {
  const offset = 32 * (before + 2 * index)
  return `            mstore(add(m, ${hex(offset)}), IC${index}_X)\n            mstore(add(m, ${hex(offset + 32)}), IC${index}_Y)`
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`
}
