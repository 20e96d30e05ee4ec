// SPDX-License-Identifier: GPL-3.0-or-later
// Writes a Solidity verifier for one key of Groth16 in two rounds: our own text under MIT, from MIRAGE (ePrint 2020/278) and
// EIP-196/197.
import { BASE_FIELD } from '../bn254.ts'
import {
  commonFields,
  type ExportVerifierOptions,
  fillText,
  hex,
  icTerms,
  icWords,
  negated,
  negatedPair,
  pairConstants,
  pointConstants,
  requireOptions,
} from './solidity.ts'
import { CHALLENGE_TAG, KEY_TAG, TWO_ROUND_SYSTEM, type TwoRoundKey, twoRoundKeyHash } from './two-round-key.ts'
import { TWO_ROUND_BATCH, TWO_ROUND_PRELUDE, TWO_ROUND_SINGLE } from './two-round-text.ts'

/** Of the tag, the shape, alpha, beta, gamma and both deltas. */
const WORDS_BEFORE_IC = 22
/** Points of G2 in the pairs after β's, in order. */
const NEGATED = ['NEG_GAMMA', 'NEG_DELTA1', 'NEG_DELTA2'] as const

/**
 * The source of a contract with `verifyProof`, `verifyBatch`, `vkHash`, `SETUP_KIND` and `SYSTEM`. It computes the challenges itself.
 * Throws RangeError for a name that is not an identifier.
 */
export function exportTwoRoundVerifier(key: TwoRoundKey, options: ExportVerifierOptions): string {
  const { publicSignals, challenges, firstRound } = key.shape
  requireOptions(options, publicSignals)
  return fillText([TWO_ROUND_PRELUDE, TWO_ROUND_SINGLE, TWO_ROUND_BATCH], {
    ...commonFields(options),
    system: TWO_ROUND_SYSTEM,
    rootExponent: hexWord((BASE_FIELD + 1n) / 4n),
    signals: String(publicSignals),
    challenges: String(challenges),
    firstRound: String(firstRound),
    icLength: String(key.ic.length),
    icOfChallenges: String(publicSignals + 1),
    signalBytes: hex(32 * publicSignals),
    signalChecks: signalChecks(publicSignals),
    vkHash: twoRoundKeyHash(key),
    keyTag: hexWord(KEY_TAG),
    challengeTag: hexWord(CHALLENGE_TAG),
    constants: [
      ...pointConstants('NEG_ALPHA', negated(key.alpha)),
      ...pairConstants('BETA', key.beta),
      ...[key.gamma, key.deltaFirst, key.deltaSecond].flatMap((point, i) =>
        pairConstants(NEGATED[i]!, negatedPair(point)),
      ),
      ...key.ic.flatMap((point, index) => pointConstants(`IC${index}`, point)),
    ].join('\n'),
    negatedWords: NEGATED.map((label, i) => negatedWords(label, 10 + 4 * i)).join('\n'),
    icWords: key.ic.map((_, index) => icWords(index, WORDS_BEFORE_IC)).join('\n'),
    hashBytes: hex(32 * (WORDS_BEFORE_IC + 2 * key.ic.length)),
    challengeWords: challengeWords(publicSignals, challenges),
    icSum: key.ic
      .slice(1)
      .map((_, i) => icTerm(i + 1, publicSignals))
      .join('\n'),
    icBatchSum: icTerms(publicSignals + challenges, (index) => `sums[${index}]`),
    keyPairs: ['BETA', ...NEGATED].map(keyPair).join('\n'),
  })
}

function signalChecks(count: number): string {
  const check = (i: number) => `lt(calldataload(${i === 0 ? 'signals' : `add(signals, ${hex(32 * i)})`}), R)`
  const lines = Array.from({ length: count }, (_, i) => `ok := ${i === 0 ? check(0) : `and(ok, ${check(i)})`}`)
  return lines.map((line) => `            ${line}`).join('\n')
}

function challengeWords(publicSignals: number, challenges: number): string {
  const counter = 32 * (4 + publicSignals)
  const lines = Array.from({ length: challenges }, (_, i) => [
    `mstore(add(m, ${hex(counter)}), ${i})`,
    `mstore(${i === 0 ? 'found' : `add(found, ${hex(32 * i)})`}, shr(8, keccak256(m, ${hex(counter + 32)})))`,
  ])
  return lines
    .flat()
    .map((line) => `            ${line}`)
    .join('\n')
}

/** The words of a point that the contract keeps negated. */
function negatedWords(label: string, first: number): string {
  const words = ['X_IM', 'X_RE', 'Y_IM', 'Y_RE'].map((part, i) => {
    const name = `${label}_${part}`
    const value = part.startsWith('Y') ? `mod(sub(Q, ${name}), Q)` : name
    return `            mstore(add(m, ${hex(32 * (first + i))}), ${value})`
  })
  return words.join('\n')
}

/** Adds wire `index` times its IC to the sum at m: EIP-196's multiplication behind it, then its addition. */
function icTerm(index: number, publicSignals: number): string {
  const offset = 32 * (index <= publicSignals ? index - 1 : index - publicSignals - 1)
  const [read, from] = index <= publicSignals ? ['calldataload', 'publicSignals'] : ['mload', 'challenges']
  return [
    `mstore(add(m, 0x40), IC${index}_X)`,
    `mstore(add(m, 0x60), IC${index}_Y)`,
    `mstore(add(m, 0x80), ${read}(${offset === 0 ? from : `add(${from}, ${hex(offset)})`}))`,
    'ok := and(ok, staticcall(gas(), 7, add(m, 0x40), 0x60, add(m, 0x40), 0x40))',
    'ok := and(ok, staticcall(gas(), 6, m, 0x80, m, 0x40))',
  ]
    .map((line) => `            ${line}`)
    .join('\n')
}

/** The point of G2 of pair i. */
function keyPair(label: string, i: number): string {
  return ['X_IM', 'X_RE', 'Y_IM', 'Y_RE']
    .map((part, k) => `            mstore(add(at, ${hex(0xc0 * i + 0x40 + 0x20 * k)}), ${label}_${part})`)
    .join('\n')
}

function hexWord(value: bigint): string {
  return `0x${value.toString(16).padStart(64, '0')}`
}
