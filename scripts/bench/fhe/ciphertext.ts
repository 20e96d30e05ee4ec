// SPDX-License-Identifier: GPL-3.0-or-later
// One ciphertext through threshold CKKS, beside SEAL with one key.
import { Core } from '../../../keepers/fhe/core.ts'
import { combine, openEngine } from '../../../keepers/fhe/index.ts'
import { partOf } from '../../../keepers/fhe/packing.ts'
import { sumWords } from '../../../keepers/fhe/wire-format.ts'
import { type BenchContext, time, timeBeside } from '../harness.ts'
import { ACTIVE, makeEpoch, oneRound, planFor, ROUND, THRESHOLD } from './epoch.ts'
import { sealObjects } from './seal-objects.ts'

/** A whole ciphertext. */
const VALUES = 8191

/** One ciphertext at a time, in memory, ours and SEAL's turn by turn. */
export async function perCiphertext(context: BenchContext): Promise<void> {
  const runs = context.quick ? 40 : 200
  const warmup = 100
  const agreed = planFor(VALUES)
  const core = await Core.open(agreed)
  const engine = await openEngine(agreed)
  const epoch = await makeEpoch(engine)
  const { aggregated, shares } = await oneRound(engine, epoch, VALUES)
  const values = Float64Array.from({ length: agreed.set.degree }, (_, i) => 8 * Math.sin(i))
  const slots = values.slice(0, agreed.set.degree / 2)
  const sumBytes = 8 * sumWords(agreed.wire)
  const sums = partOf(agreed.set, aggregated.bytes.subarray(-sumBytes * agreed.carried), sumBytes, 0)
  const out = new Uint8Array(agreed.wire.width * agreed.carried)
  const secret = new Uint8Array(agreed.bytes.polynomial).map((_, i) => (i % 8 === 7 ? 0 : (i * 151) & 255))
  const seeds = { noiseSeed: new Uint8Array(32).fill(7), roundSeed: new Uint8Array(32).fill(8) }
  core.openProduct({ secret, factors: [3n, 5n], ...seeds })

  const timings = await (async () => {
    const objects = await sealObjects(agreed.set)
    const { encoder, encryptor, decryptor, evaluator, plaintext, ciphertext, sum, decrypted } = objects
    const scale = 2 ** agreed.scaleBits
    try {
      const encrypt = await timeBeside(
        () => core.encrypt(1, values, out),
        () => {
          encoder.encode(slots, scale, plaintext)
          encryptor.encrypt(plaintext, ciphertext)
        },
        { warmup: 20, runs: context.quick ? 20 : 60 },
      )
      encoder.encode(slots, scale, plaintext)
      encryptor.encrypt(plaintext, ciphertext)
      const share = await timeBeside(
        () => core.share(1, out),
        () => decryptor.decrypt(ciphertext, decrypted),
        { warmup, runs },
      )
      core.closeProduct()
      const decode = await timeBeside(
        () => core.decode(sums, aggregated.contributors.length),
        () => encoder.decodeFloat64(decrypted),
        { warmup, runs },
      )
      const add = await time(() => evaluator.add(ciphertext, ciphertext, sum), { warmup, runs })
      return { encrypt, share, decode, add }
    } finally {
      for (const object of Object.values(objects)) object.delete()
    }
  })()
  const { encrypt, share, decode, add } = timings
  const peer = 'SEAL, one key'
  context.record({
    metric: 'fhe.ciphertext.encrypt',
    value: encrypt.ours.median,
    unit: 'ms',
    peer: `${peer}: encode + encrypt, half as many values`,
    peerValue: encrypt.peer.median,
    spread: encrypt.ours.spread,
  })
  context.record({
    metric: 'fhe.ciphertext.partial_decryption',
    value: share.ours.median,
    unit: 'ms',
    peer: `${peer}: decrypt`,
    peerValue: share.peer.median,
    spread: share.ours.spread,
    note: 'flooding and the round’s polynomial included; at most 3',
  })
  context.record({
    metric: 'fhe.ciphertext.decode',
    value: decode.ours.median,
    unit: 'ms',
    peer: `${peer}: decode, half as many values`,
    peerValue: decode.peer.median,
    spread: decode.ours.spread,
  })
  context.record({ metric: 'fhe.seal.add', value: add.median, unit: 'ms', spread: add.spread })

  const combined = await time(
    () =>
      combine(engine, {
        context: ROUND,
        aggregate: aggregated,
        totalWeight: aggregated.contributors.length,
        activeSet: ACTIVE,
        shares,
      }),
    { warmup, runs },
  )
  context.record({
    metric: `fhe.ciphertext.combine_${THRESHOLD}`,
    value: combined.median,
    unit: 'ms',
    peer: `(1 + 0.2·${THRESHOLD}) × SEAL decrypt + decode`,
    peerValue: (1 + 0.2 * THRESHOLD) * share.peer.median + decode.peer.median,
    spread: combined.spread,
    note: 'from message bytes to the weighted mean, integrity checks included; at most 1',
  })
  await engine.close()
  core[Symbol.dispose]()
}
