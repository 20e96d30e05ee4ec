// SPDX-License-Identifier: GPL-3.0-or-later
// Plain Groth16 and Groth16 in two rounds behind one set of functions, for whoever holds a key or a proof of either.
import type { Part } from '../parts.ts'
import { type Proof, type PublicSignals, parseProof, proofToJson } from '../prove/proof.ts'
import { parseTwoRoundProof, type TwoRoundProof, twoRoundProofToJson } from '../prove/two-round-proof.ts'
import { parseTwoRoundKey, verifyTwoRound } from '../prove/two-round-verify.ts'
import { parseVerificationKey, verifyProof } from '../prove/verify.ts'
import { parseTwoRoundZkey } from '../setup/two-round-zkey.ts'
import { parseZkey } from '../setup/zkey.ts'
import { type ExportVerifierOptions, exportVerifier } from '../verifier/solidity.ts'
import {
  TWO_ROUND_SYSTEM,
  type TwoRoundKey,
  twoRoundKeyHash,
  twoRoundKeyOf,
  twoRoundKeyToJson,
} from '../verifier/two-round-key.ts'
import { exportTwoRoundVerifier } from '../verifier/two-round-solidity.ts'
import {
  type VerificationKey,
  verificationKeyHash,
  verificationKeyOf,
  verificationKeyToJson,
} from '../verifier/verification-key.ts'

export const PROOF_SYSTEMS = ['groth16', TWO_ROUND_SYSTEM] as const
export type ProofSystem = (typeof PROOF_SYSTEMS)[number]

export type AnyKey = VerificationKey | TwoRoundKey
export type AnyProof = Proof | TwoRoundProof
export type AnyProofWithSignals = { readonly proof: AnyProof; readonly publicSignals: PublicSignals }

export function isTwoRoundKey(key: AnyKey): key is TwoRoundKey {
  return 'shape' in key
}

export function isTwoRoundProof(proof: AnyProof): proof is TwoRoundProof {
  return 'commitment' in proof
}

/** A verification key's JSON, of the system that it names. Throws a ZodError that names the field. */
export function parseKey(json: unknown): AnyKey {
  return namesTwoRounds(json) ? parseTwoRoundKey(json) : parseVerificationKey(json)
}

export function keyToJson(key: AnyKey): object {
  return isTwoRoundKey(key) ? twoRoundKeyToJson(key) : verificationKeyToJson(key)
}

/** The result of `vkHash()` in the Solidity verifier. */
export function keyHash(key: AnyKey): string {
  return isTwoRoundKey(key) ? twoRoundKeyHash(key) : verificationKeyHash(key)
}

/**
 * The verification key that a proving key contains, and whether it bears the mark of a local set-up. Throws SetupError for a key of
 * the other system.
 */
export async function readZkey(
  system: ProofSystem,
  zkey: Part,
  name = 'zkey',
): Promise<{ readonly key: AnyKey; readonly local: boolean }> {
  if (system === 'groth16') {
    const parsed = parseZkey(zkey, name)
    return { key: await verificationKeyOf(parsed), local: parsed.local }
  }
  const parsed = parseTwoRoundZkey(zkey, name)
  return { key: await twoRoundKeyOf(parsed), local: parsed.local }
}

/** A proof's JSON, of the system that it names. Throws ProveError `malformed`. */
export function parseAnyProof(json: unknown): AnyProof {
  return namesTwoRounds(json) ? parseTwoRoundProof(json) : parseProof(json)
}

export function anyProofToJson(proof: AnyProof): object {
  return isTwoRoundProof(proof) ? twoRoundProofToJson(proof) : proofToJson(proof)
}

/** Whether the proof holds; one of another system than the key's does not. Throws ProveError `circuit-mismatch`. */
export async function verifyAny(key: AnyKey, proof: AnyProof, publicSignals: PublicSignals): Promise<boolean> {
  if (isTwoRoundKey(key)) return isTwoRoundProof(proof) && verifyTwoRound(key, proof, publicSignals)
  return !isTwoRoundProof(proof) && verifyProof(key, proof, publicSignals)
}

function namesTwoRounds(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'protocol' in json && json.protocol === TWO_ROUND_SYSTEM
}

/** The Solidity verifier of a key; both kinds have the functions of IGroth16Verifier. */
export function exportAnyVerifier(key: AnyKey, options: ExportVerifierOptions): string {
  return isTwoRoundKey(key) ? exportTwoRoundVerifier(key, options) : exportVerifier(key, options)
}
