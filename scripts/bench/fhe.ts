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
// fhe.vector_1000000.{end_to_end, end_to_end_cpu, peak_memory, mean_error}          a process of its own, cold
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Core } from '../../keepers/fhe/core.ts'
import { checkDealt } from '../../keepers/fhe/dealing-check.ts'
import {
  aggregate,
  checkUpdate,
  checkUpdatePoint,
  combine,
  encryptUpdate,
  judgeComplaint,
  openComplaint,
  openEngine,
  type Plan,
  partialDecrypt,
} from '../../keepers/fhe/index.ts'
import { frameOf } from '../../keepers/fhe/key-frame.ts'
import { decodeDealing } from '../../keepers/fhe/key-messages.ts'
import { sealModule } from '../../keepers/fhe/seal.ts'
import {
  ACTIVE,
  MEMBERS,
  makeEpoch,
  oneRound,
  planFor,
  ROUND,
  SIZES,
  shareRequest,
  startEpoch,
  THRESHOLD,
  updateRequest,
} from './fhe/epoch.ts'
import type { MillionReport } from './fhe/million.ts'
import { multiparty } from './fhe/multiparty.ts'
import { sealObjects } from './fhe/seal-objects.ts'
import { type Bench, type BenchContext, median, time, timeBeside } from './harness.ts'

const MILLION = fileURLToPath(new URL('./fhe/million.ts', import.meta.url))

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
    }
    await multiparty(context)
  },
}

/** One ciphertext at a time, in memory, ours and SEAL's turn by turn. */
async function perCiphertext(context: BenchContext): Promise<void> {
  const runs = context.quick ? 40 : 200
  const warmup = 100
  const agreed = planFor(4095)
  const core = await Core.open(agreed)
  const engine = await openEngine(agreed)
  const epoch = await makeEpoch(engine)
  const { aggregated, shares } = await oneRound(engine, epoch, 4095)
  const seal = await sealModule()
  const slots = Float64Array.from({ length: agreed.set.degree / 2 }, (_, i) => 8 * Math.sin(i))
  const { polynomial } = agreed.bytes
  const message = aggregated.bytes.subarray(aggregated.bytes.length - polynomial)
  const out = new Uint8Array(polynomial)
  const secret = new Uint8Array(polynomial).map((_, i) => (i % 8 === 7 ? 0 : (i * 151) & 255))
  const seeds = { noiseSeed: new Uint8Array(32).fill(7), roundSeed: new Uint8Array(32).fill(8) }
  core.openProduct({ secret, factors: [3n, 5n], ...seeds })

  const timings = await (async () => {
    const objects = sealObjects(core, seal)
    const { encoder, encryptor, decryptor, evaluator, plaintext, ciphertext, sum, decrypted } = objects
    const scale = 2 ** agreed.scaleBits
    try {
      const encrypt = await timeBeside(
        () => core.encrypt(1, slots, out),
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
        () => core.decode(message),
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
    peer: `${peer}: encode + encrypt`,
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
    peer: `${peer}: decode (real parts only)`,
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

/** The computations of one member of (7, 10): its messages, then everyone's. */
async function keyGeneration(context: BenchContext): Promise<void> {
  const engine = await openEngine(planFor(SIZES[0]!))
  const starts: number[] = []
  const finishes: number[] = []
  for (let run = 0; run < (context.quick ? 1 : 3); run++) {
    const { start, finish } = await makeEpoch(engine)
    starts.push(...start)
    finishes.push(...finish)
  }
  const { bytes } = engine.plan
  context.record({
    metric: 'fhe.keygen_7_10.per_member',
    value: (median(starts) + median(finishes)) / 1000,
    unit: 's',
    note: 'start + finish, one thread; at most 1',
  })
  context.record({
    metric: 'fhe.keygen_7_10.sent_per_member',
    value: bytes.dealing + MEMBERS * bytes.sealedShare,
    unit: 'bytes',
  })
  await engine.close()
}

/** One dealing of (7, 10): the check that every receiver makes of it, and the judgement of a complaint. */
async function dealings(context: BenchContext): Promise<void> {
  const engine = await openEngine(planFor(SIZES[0]!))
  const { ground, said, pairs } = await startEpoch(engine)
  const { dealing, sealedShares } = said[1]!
  const frame = frameOf(engine, ground, 0)
  const { kernel, plan } = engine
  const parsed = decodeDealing(frame, 1, dealing)
  const room = kernel.allocate(plan.bytes.dealt)
  // Of zeros: as much work as an honest one, up to the comparison that fails.
  const share = new Uint8Array(plan.bytes.dealt)
  const runs = { warmup: 20, runs: context.quick ? 20 : 100 }
  const check = await time(() => {
    try {
      checkDealt(kernel, frame, { dealer: 1, receiver: 0, dealing: parsed }, share, room)
    } catch {
      return
    }
    throw new Error('a share of zeros passed')
  }, runs)
  context.record({
    metric: 'fhe.dealing.check',
    value: check.median,
    unit: 'ms',
    spread: check.spread,
    note: `pads for ${plan.roundsPerKey} rounds`,
  })
  const subject = { ...ground, accused: 1, dealing, sealedShare: sealedShares[0]! }
  const evidence = openComplaint(engine, { ...subject, self: 0, encryptionKey: pairs[0]!.secretKey })
  const judge = await time(() => judgeComplaint(engine, { ...subject, complainer: 0, evidence }), runs)
  context.record({ metric: 'fhe.dealing.judge', value: judge.median, unit: 'ms', spread: judge.spread })
  context.record({ metric: 'fhe.dealing.evidence_size', value: evidence.length, unit: 'bytes' })
  context.record({ metric: 'fhe.dealing.sealed_share_size', value: plan.bytes.sealedShare, unit: 'bytes' })
  await engine.close()
}

/** The cost of proving that an update is short, for its sender, and of checking it, for each member, in processor time. */
async function proofs(context: BenchContext, size: number): Promise<void> {
  const engine = await openEngine(planFor(size))
  const epoch = await makeEpoch(engine)
  const request = updateRequest(epoch, size)
  const bytes = await encryptUpdate(engine, request)
  const cpu = async (body: () => unknown) => {
    const before = process.cpuUsage()
    await body()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  const all: number[] = []
  const points: number[] = []
  for (let run = 0; run < (context.quick ? 3 : 9); run++) {
    all.push(await cpu(() => encryptUpdate(engine, request)))
    points.push(
      await cpu(async () => {
        checkUpdate(engine, bytes, { context: ROUND, sender: 0, keyHash: epoch.keyHash })
        const { agrees } = await checkUpdatePoint(engine, {
          context: ROUND,
          memberKey: epoch.keys[1]!,
          sender: 0,
          bytes,
        })
        if (!agrees) throw new Error('an honest update does not pass')
      }),
    )
  }
  const metric = `fhe.vector_${size}`
  context.record({
    metric: `${metric}.encrypt_and_prove_cpu`,
    value: median(all),
    unit: 'ms',
    note: 'processor time, one thread; with drawings of masks that do not pass, one in twenty',
  })
  context.record({
    metric: `${metric}.check_cpu`,
    value: median(points),
    unit: 'ms',
    note: 'public part and own point, of one update',
  })
  context.record({ metric: `${metric}.proof_size`, value: engine.plan.bytes.shortnessProof, unit: 'bytes' })
  await engine.close()
}

/** A vector that fits in memory many times over. */
async function perVector(context: BenchContext, size: number): Promise<void> {
  const engine = await openEngine(planFor(size))
  const epoch = await makeEpoch(engine)
  const { updates, aggregated, shares } = await oneRound(engine, epoch, size)
  const runs = { warmup: 3, runs: context.quick ? 5 : 15 }
  const vector = updateRequest(epoch, size)
  const steps: [string, () => Promise<unknown>][] = [
    ['encrypt', () => encryptUpdate(engine, vector)],
    ['aggregate_10', () => aggregate(engine, { context: ROUND, keyHash: epoch.keyHash, updates })],
    ['partial_decryption', () => partialDecrypt(engine, shareRequest(epoch, 0))],
    [
      'combine_7',
      () =>
        combine(engine, {
          context: ROUND,
          aggregate: aggregated,
          totalWeight: aggregated.contributors.length,
          activeSet: ACTIVE,
          shares,
        }),
    ],
  ]
  for (const [name, step] of steps) {
    const timing = await time(step, runs)
    context.record({ metric: `fhe.vector_${size}.${name}`, value: timing.median, unit: 'ms', spread: timing.spread })
  }
  recordBytes(context, engine.plan)
  await engine.close()
}

function recordBytes(context: BenchContext, agreed: Plan): void {
  const { bytes, vectorLength } = agreed
  context.record({ metric: `fhe.vector_${vectorLength}.update_size`, value: bytes.update, unit: 'bytes' })
  context.record({ metric: `fhe.vector_${vectorLength}.share_size`, value: bytes.decryptionShare, unit: 'bytes' })
}

/** In a process of its own, so that its peak memory is its own. */
async function million(context: BenchContext): Promise<void> {
  const size = SIZES[2]!
  context.progress('1,000,000 parameters in a process of their own')
  const { stdout } = await promisify(execFile)(process.execPath, [MILLION])
  const report = JSON.parse(stdout) as MillionReport
  const ms = (metric: string, value: number) =>
    context.record({ metric: `fhe.vector_${size}.${metric}`, value, unit: 'ms' })
  ms('encrypt', report.encrypt)
  ms('aggregate_10', report.aggregate)
  ms('partial_decryption', report.partial)
  ms('combine_7', report.combine)
  context.record({
    metric: `fhe.vector_${size}.end_to_end`,
    value: (report.encrypt + report.partial + report.combine) / 1000,
    unit: 's',
    note: 'encrypt + partial decryption + combination of 7, one thread, cold; at most 8',
  })
  context.record({
    metric: `fhe.vector_${size}.end_to_end_cpu`,
    value: report.cpu / 1000,
    unit: 's',
    note: 'processor time of the same, compilation and garbage collection included',
  })
  context.record({
    metric: `fhe.vector_${size}.peak_memory`,
    value: report.peakBytes,
    unit: 'bytes',
    note: 'resident set of the whole process; at most 600 MB',
  })
  context.record({
    metric: `fhe.vector_${size}.mean_error`,
    value: report.worstError,
    unit: 'absolute',
    peer: 'bound stated by the calculator',
    peerValue: report.statedError,
  })
  recordBytes(context, planFor(size))
}
