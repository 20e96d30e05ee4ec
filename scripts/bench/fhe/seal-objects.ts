// SPDX-License-Identifier: GPL-3.0-or-later
// SEAL with one key, in the ring of a core: the peer of single ciphertexts.
import type { Core } from '../../../keepers/fhe/core.ts'
import { disposing, type sealModule } from '../../../keepers/fhe/seal.ts'

type SealModule = Awaited<ReturnType<typeof sealModule>>

/** Everything that the bench times. The caller deletes each. */
export function sealObjects(core: Core, seal: SealModule) {
  const { context } = core.seal
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
