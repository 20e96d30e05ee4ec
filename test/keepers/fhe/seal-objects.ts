// SPDX-License-Identifier: GPL-3.0-or-later
// SEAL's own objects from our bytes and back, for tests only, such as a secret key in one piece.
import { ByteWriter } from '../../../keepers/fhe/encoding.ts'
import type { ParameterSet } from '../../../keepers/fhe/index.ts'
import { SealContext } from '../../../keepers/fhe/seal.ts'
import { parmsId } from '../../../keepers/fhe/seal-format.ts'

function header(size: number): Uint8Array {
  return new ByteWriter().u16(0xa15e).u8(16).u8(4).u8(1).u8(0).u16(0).u64(size).finish()
}

/** SEAL Plaintext or SecretKey: header · parms_id · coeff_count · scale · array header · count · residues. */
function plaintextBytes(set: ParameterSet, primes: readonly bigint[], scale: number, residues: Uint8Array): Uint8Array {
  return new ByteWriter()
    .bytes(header(88 + residues.length))
    .bytes(parmsId(set.degree, primes))
    .u64(residues.length / 8)
    .f64(scale)
    .bytes(header(24 + residues.length))
    .u64(residues.length / 8)
    .bytes(residues)
    .finish()
}

export function secretKeyBytes(set: ParameterSet, residues: Uint8Array): Uint8Array {
  return plaintextBytes(set, set.primes, 1, residues)
}

/** A SEAL of one's own, with everything that these tests ask of it. Not freed one by one: it ends with the process. */
export async function openSeal(set: ParameterSet) {
  const wrapper = await SealContext.open(set)
  const { seal, context } = wrapper
  const none = seal.ComprModeType.none
  return {
    seal,
    context,
    encoder: new seal.CKKSEncoder(context),
    evaluator: new seal.Evaluator(context),
    publicKey(bytes: Uint8Array) {
      const key = new seal.PublicKey()
      key.loadFromArray(context, bytes)
      return key
    },
    secretKey(bytes: Uint8Array) {
      const key = new seal.SecretKey()
      key.loadFromArray(context, bytes)
      return key
    },
    ciphertext(bytes?: Uint8Array) {
      const ciphertext = new seal.Ciphertext()
      if (bytes !== undefined) ciphertext.loadFromArray(context, bytes)
      return ciphertext
    },
    plaintext(bytes?: Uint8Array) {
      const plaintext = new seal.Plaintext()
      if (bytes !== undefined) plaintext.loadFromArray(context, bytes)
      return plaintext
    },
    save(object: { saveToArray(mode: typeof none): unknown }): Uint8Array {
      return (object.saveToArray(none) as Uint8Array).slice()
    },
  }
}
