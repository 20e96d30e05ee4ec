// SPDX-License-Identifier: GPL-3.0-or-later
// Processor time of each operation of a round, on updates of two lengths: what it takes at least, and for each coefficient.
import {
  aggregate,
  checkUpdate,
  checkUpdatePoint,
  combine,
  encryptUpdate,
  finishKeyGeneration,
  generateEncryptionKey,
  type MemberKey,
  MemoryOnceGuard,
  openEngine,
  type Plan,
  partialDecrypt,
  startKeyGeneration,
} from '../../../keepers/fhe/index.ts'
import type { Costs, Linear } from '../../../keepers/sizing/index.ts'
import { planFor, USUAL_TERMS } from '../../../keepers/versions/index.ts'
import { median } from '../harness.ts'

const EPOCH = { chainId: 1n, service: `0x${'5e'.repeat(20)}`, epoch: 1 } as const
const MEMBERS = 8
const THRESHOLD = 5
/** Parameters that fill one ciphertext, and eight. */
const LENGTHS = [8_191, 65_528] as const
const RUNS = 5
/** Pads are dealt for as many rounds, and here there is one for each encryption. */
const ROUNDS = 2 * RUNS

type Operation = 'encrypt' | 'check' | 'add' | 'share' | 'mask' | 'combine' | 'combineShare'

/** Processor seconds of each operation: `fixed` and for `each` coefficient that travels. */
export async function measureOperations(): Promise<Pick<Costs, Operation>> {
  const measured = []
  for (const length of LENGTHS) measured.push(await operationsAt(length))
  const [small, large] = measured as [Measured, Measured]
  const line = (of: (at: Measured) => number): Linear => {
    const each = Math.max(0, (of(large) - of(small)) / (large.plan.carried - small.plan.carried))
    return { fixed: Math.max(0, of(small) - each * small.plan.carried), each }
  }
  const costs = (of: Operation) => line(({ seconds }) => seconds[of])
  return {
    ...{ encrypt: costs('encrypt'), check: costs('check'), add: costs('add'), share: costs('share') },
    ...{ mask: costs('mask'), combine: costs('combine'), combineShare: costs('combineShare') },
  }
}

type Measured = { readonly plan: Plan; readonly seconds: Readonly<Record<Operation, number>> }

async function operationsAt(length: number): Promise<Measured> {
  const plan = planFor({
    ...{ members: MEMBERS, threshold: THRESHOLD, decryptionsPerKey: ROUNDS, vectorLength: length },
    terms: { ...USUAL_TERMS, minTotalSamples: 20_000 },
  })
  const engine = await openEngine(plan)
  try {
    const pairs = Array.from({ length: MEMBERS }, () => generateEncryptionKey())
    const members = pairs.map(({ publicKey }, i) => ({
      address: `0x${String(i + 1).padStart(40, '0')}` as const,
      encryptionKey: publicKey,
    }))
    const crs = new Uint8Array(32).fill(7)
    const dealt = []
    for (let self = 0; self < MEMBERS; self++) {
      dealt.push(await startKeyGeneration(engine, { context: EPOCH, members, self, crs }))
    }
    const dealings = dealt.map(({ dealing }) => dealing)
    const keys: MemberKey[] = []
    for (let self = 0; self < THRESHOLD; self++) {
      const sealedShares = dealt.map((of) => of.sealedShares[self]!)
      const { secret } = dealt[self]!
      const own = { self, secret, encryptionKey: pairs[self]!.secretKey }
      keys.push(await finishKeyGeneration(engine, { context: EPOCH, members, crs, dealings, sealedShares, ...own }))
    }
    const vector = Float64Array.from({ length }, (_, i) => 0.05 * Math.sin(i))
    const contextOf = (round: number) => ({ ...EPOCH, round })
    const encrypt = (self: number, round: number) =>
      encryptUpdate(engine, {
        ...{ context: contextOf(round), memberKey: keys[self]!, vector, weight: 1_000 },
        guard: new MemoryOnceGuard(),
      })
    let round = 2
    const [encryptSeconds] = await processor(() => encrypt(0, round++))
    const updates = [
      { sender: 0, bytes: await encrypt(0, 1) },
      { sender: 1, bytes: await encrypt(1, 1) },
    ]
    const { keyHash } = keys[0]!
    const { bytes } = updates[1]!
    const [check] = await processor(async () => {
      checkUpdate(engine, bytes, { context: contextOf(1), sender: 1, keyHash })
      await checkUpdatePoint(engine, { context: contextOf(1), memberKey: keys[0]!, sender: 1, bytes })
    })
    const sumOf = (list: typeof updates) => aggregate(engine, { context: contextOf(1), keyHash, updates: list })
    const [one] = await processor(() => sumOf(updates.slice(0, 1)))
    const [two, sum] = await processor(() => sumOf(updates))
    const activeSet = Array.from({ length: THRESHOLD }, (_, j) => j)
    const everybody = Array.from({ length: MEMBERS }, (_, j) => j)
    const shareBy = (self: number, among = activeSet) =>
      partialDecrypt(engine, {
        ...{ context: contextOf(1), contributors: sum.contributors, activeSet: among, memberKey: keys[self]! },
        guard: new MemoryOnceGuard(),
        policy: { minContributors: 2, ownUpdate: self < 2 ? 'included' : 'abstained' },
      })
    const [share] = await processor(() => shareBy(0))
    const [shareOfMore] = await processor(() => shareBy(0, everybody))
    const shares: Uint8Array[] = []
    for (const self of activeSet) shares.push(await shareBy(self))
    const [combined] = await processor(() =>
      combine(engine, { context: contextOf(1), aggregate: sum, totalWeight: 2_000, activeSet, shares }),
    )
    const add = Math.max(0, two - one)
    const mask = Math.max(0, shareOfMore - share) / (MEMBERS - THRESHOLD)
    return {
      plan,
      seconds: {
        ...{ encrypt: encryptSeconds, check, add, mask, share: share - (THRESHOLD - 1) * mask },
        ...{ combine: Math.max(0, combined - THRESHOLD * add), combineShare: add },
      },
    }
  } finally {
    await engine.close()
  }
}

/** Processor seconds of a body, threads included: the median of some runs, and the last result. */
async function processor<T>(body: () => Promise<T> | T): Promise<[number, T]> {
  const seconds: number[] = []
  let last = await body()
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage()
    last = await body()
    const { user, system } = process.cpuUsage(before)
    seconds.push((user + system) / 1e6)
  }
  return [median(seconds), last]
}
