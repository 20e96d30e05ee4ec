// SPDX-License-Identifier: GPL-3.0-or-later
// Threshold CKKS beside SEAL's single-key CKKS, per ciphertext and for whole vectors.
//
// fhe.ciphertext.{encrypt, partial_decryption, decode, combine_7}, fhe.seal.add      one ciphertext, warm, in memory
// fhe.dealing.{check, judge, evidence_size, h_size}                                  one dealing of (7, 10), pads for 100 rounds
// fhe.keygen_7_10.{per_member, sent_per_member}                                     messages of one, then everyone's
// fhe.vector_{2410, 44426, 1000000}.{encrypt, aggregate_10, partial_decryption, combine_7, update_size, share_size}
// fhe.keygen_{9_16, 43_64}.per_member, fhe.multiparty_<t>_<n>_<parameters>.{encrypt, encrypt_and_prove, share, combine}, processor time, beside Lattigo
// fhe.multiparty_<t>_<n>_44426.share_per_ciphertext                                 the same, masks included, beside SEAL's decrypt
// fhe.sum_64_1000000.{time, peak_memory}                                            all updates of a round, a process of its own
// fhe.sum_10002573.peak_memory_{4, 8}                                               sum and combination in chunks, beside whole messages
// fhe.vector_1000000.{end_to_end, end_to_end_cpu, peak_memory, mean_error}          a process of its own, cold
import { perCiphertext } from './fhe/ciphertext.ts'
import { SIZES } from './fhe/epoch.ts'
import { dealings, keyGeneration } from './fhe/keys.ts'
import { multiparty } from './fhe/multiparty.ts'
import { million, perVector, proofs, sumMemory } from './fhe/vectors.ts'
import type { Bench } from './harness.ts'

export const bench: Bench = {
  area: 'fhe',
  summary: 'threshold CKKS: keys, encryption, aggregation, decryption shares, combination, beside SEAL with one key',
  async run(context) {
    if (context.args.length === 0) {
      await perCiphertext(context)
      await keyGeneration(context)
      await dealings(context)
      for (const size of SIZES.slice(0, 2)) await perVector(context, size)
      for (const size of context.quick ? SIZES.slice(1, 2) : SIZES.slice(1)) await proofs(context, size)
      if (!context.quick) await million(context)
      if (!context.quick) await sumMemory(context)
    }
    await multiparty(context)
  },
}
