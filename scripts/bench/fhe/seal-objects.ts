// SPDX-License-Identifier: GPL-3.0-or-later
// SEAL with one key, in the ring of a plan: the peer of single ciphertexts.
import type { ParameterSet } from '../../../keepers/fhe/index.ts'
import { disposing, SealContext } from '../../../keepers/fhe/seal.ts'

/** Everything that the bench times. The caller deletes each. */
export async function sealObjects(set: ParameterSet) {
  const { seal, context } = await SealContext.open(set)
  const generator = new seal.KeyGenerator(context)
  return disposing((keep) => {
    keep(generator)
    const secretKey = keep(generator.secretKey())
    const publicKey = keep(generator.createPublicKey())
    return {
      encoder: new seal.CKKSEncoder(context),
      encryptor: new seal.Encryptor(context, publicKey),
      decryptor: new seal.Decryptor(context, secretKey),
      evaluator: new seal.Evaluator(context),
      plaintext: new seal.Plaintext(),
      ciphertext: new seal.Ciphertext(),
      sum: new seal.Ciphertext(),
      decrypted: new seal.Plaintext(),
    }
  })
}
