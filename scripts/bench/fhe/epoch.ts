// SPDX-License-Identifier: GPL-3.0-or-later
// (7, 10) in one process: the benches of threshold CKKS run on it.
import {
  type Aggregate,
  aggregate,
  type Engine,
  encryptUpdate,
  finishKeyGeneration,
  generateEncryptionKey,
  type KeyGenerationMessages,
  type MemberKey,
  MemoryOnceGuard,
  type Plan,
  partialDecrypt,
  plan,
  startKeyGeneration,
} from '../../../keepers/fhe/index.ts'

export const MEMBERS = 10
export const THRESHOLD = 7
const EPOCH = { chainId: 1n, service: `0x${'5e'.repeat(20)}`, epoch: 1 } as const
export const ROUND = { ...EPOCH, round: 1 }
export const ACTIVE = Array.from({ length: THRESHOLD }, (_, j) => j)
export const EVERYONE = Array.from({ length: MEMBERS }, (_, j) => j)
/** Sizes of the models that the project trains, and one beyond them. */
export const SIZES = [2_410, 44_426, 1_000_000]

export function planFor(vectorLength: number): Plan {
  return plan({
    members: MEMBERS,
    threshold: THRESHOLD,
    vectorLength,
    clipBound: 8,
    clipNorm: 50,
    decryptionsPerKey: 100,
    scaleBits: 'widest',
  })
}

type Epoch = {
  readonly keyHash: Uint8Array
  /** Of every member, by index. */
  readonly keys: readonly MemberKey[]
  /** Milliseconds of the first and of the last step of key generation, by member. */
  readonly start: readonly number[]
  readonly finish: readonly number[]
}

/** The first step of everyone. */
export async function startEpoch(engine: Engine) {
  const pairs = EVERYONE.map(() => generateEncryptionKey())
  const members = pairs.map(({ publicKey }, index) => ({
    address: `0x${(index + 1).toString(16).padStart(40, '0')}` as const,
    encryptionKey: publicKey,
  }))
  const ground = { context: EPOCH, members, crs: new Uint8Array(32).fill(9) }
  const said: KeyGenerationMessages[] = []
  const start: number[] = []
  for (const self of EVERYONE) {
    const from = performance.now()
    said.push(await startKeyGeneration(engine, { ...ground, self }))
    start.push(performance.now() - from)
  }
  return { pairs, ground, said, start }
}

export async function makeEpoch(engine: Engine): Promise<Epoch> {
  const { pairs, ground, said, start } = await startEpoch(engine)
  const keys: MemberKey[] = []
  const finish: number[] = []
  for (const self of EVERYONE) {
    const from = performance.now()
    const key = await finishKeyGeneration(engine, {
      ...ground,
      self,
      encryptionKey: pairs[self]!.secretKey,
      secret: said[self]!.secret,
      dealings: said.map(({ dealing }) => dealing),
      sealedShares: said.map(({ sealedShares }) => sealedShares[self]!),
    })
    finish.push(performance.now() - from)
    keys.push(key)
  }
  return { keyHash: keys[0]!.keyHash, keys, start, finish }
}

/** Values of a member's update, of norm 49: all alike, so that the mean is the same. */
function vectorOf(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => (49 * Math.SQRT2 * Math.sin(i)) / Math.sqrt(length + 2))
}

export function updateRequest(epoch: Epoch, size: number, self = 0) {
  const guard = new MemoryOnceGuard()
  return { context: ROUND, memberKey: epoch.keys[self]!, vector: vectorOf(size), weight: 1, guard }
}

/** Everyone's update. */
export async function allUpdates(engine: Engine, epoch: Epoch, size: number) {
  const updates: { sender: number; bytes: Uint8Array }[] = []
  for (const sender of EVERYONE) {
    updates.push({ sender, bytes: await encryptUpdate(engine, updateRequest(epoch, size, sender)) })
  }
  return updates
}

export function shareRequest(epoch: Epoch, self: number) {
  return {
    context: ROUND,
    contributors: EVERYONE,
    activeSet: ACTIVE,
    memberKey: epoch.keys[self]!,
    guard: new MemoryOnceGuard(),
    policy: { minContributors: MEMBERS, ownUpdate: 'included' as const },
  }
}

export async function oneRound(engine: Engine, epoch: Epoch, size: number) {
  const updates = await allUpdates(engine, epoch, size)
  const aggregated: Aggregate = await aggregate(engine, { context: ROUND, keyHash: epoch.keyHash, updates })
  const shares: Uint8Array[] = []
  for (const self of ACTIVE) shares.push(await partialDecrypt(engine, shareRequest(epoch, self)))
  return { updates, aggregated, shares }
}
