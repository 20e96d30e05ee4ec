// SPDX-License-Identifier: GPL-3.0-or-later
// The input commitment `signed`: a publisher signed the content. The proof shows the publisher's key and the question, and nothing
// of the content itself. The gadget is circuits/lib/signed_commitment.circom.
import { SCALAR_FIELD } from '../bn254.ts'
import { requireField } from './commitment.ts'
import { type BabyPoint, type EddsaSignature, eddsaPublicKey, eddsaSign, isEddsaSignature } from './eddsa.ts'
import { CircuitError } from './errors.ts'
import { poseidon } from './poseidon.ts'

export const TAG_BITS = 64n

/** A prover needs these from the publisher, besides the content and the salt of its commitment. */
export type ContentSignature = {
  /** 0 ≤ tag < 2^64: the purpose of the signature. The consumer of the proof chooses it. */
  readonly tag: bigint
  readonly publicKey: BabyPoint
  readonly signature: EddsaSignature
}

/** The message that a publisher signs: Poseidon(commitment to the content, tag). @throws CircuitError `wrong-input` */
export function signedMessage(commitment: bigint, tag: bigint): bigint {
  return poseidon([requireField(commitment, 'commitment'), requireTag(tag)])
}

/**
 * Signs content for one tag.
 * @param commitment `commitInput` of the content under a salt that the prover gets with it
 * @throws CircuitError `wrong-input`; no message has the seed
 */
export function signContent(seed: Uint8Array, commitment: bigint, tag: bigint): ContentSignature {
  const message = signedMessage(commitment, tag)
  return { tag, publicKey: eddsaPublicKey(seed), signature: eddsaSign(seed, message) }
}

/** Whether the content of this commitment is signed, by the key and for the tag that `signed` names. */
export function isSignedContent(commitment: bigint, { tag, publicKey, signature }: ContentSignature): boolean {
  return isEddsaSignature(publicKey, signedMessage(commitment, tag), signature)
}

/**
 * The second public signal: y + tag in the field, as PublisherRegistry.signedCommitment computes it. For whoever knows key and
 * tag it names them; why nobody else's key and tag have the same sum: signed_commitment.circom.
 */
export function signedCommitment([, y]: BabyPoint, tag: bigint): bigint {
  return (requireField(y, 'y') + requireTag(tag)) % SCALAR_FIELD
}

function requireTag(tag: bigint): bigint {
  if (tag < 0n || tag >= 1n << TAG_BITS) throw new CircuitError('wrong-input', `tag ${tag} must be 0 ≤ tag < 2^64`)
  return tag
}
