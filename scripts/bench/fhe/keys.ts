// SPDX-License-Identifier: GPL-3.0-or-later
// The cost of an epoch's key for a member of (7, 10), and of one dealing for its checkers.
import { checkDealt } from '../../../keepers/fhe/dealing-check.ts'
import { judgeComplaint, openComplaint, openEngine } from '../../../keepers/fhe/index.ts'
import { frameOf } from '../../../keepers/fhe/key-frame.ts'
import { decodeDealing } from '../../../keepers/fhe/key-messages.ts'
import { type BenchContext, median, time } from '../harness.ts'
import { MEMBERS, makeEpoch, planFor, SIZES, startEpoch } from './epoch.ts'

/** The computations of one member of (7, 10): its messages, then everyone's. */
export async function keyGeneration(context: BenchContext): Promise<void> {
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
export async function dealings(context: BenchContext): Promise<void> {
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
