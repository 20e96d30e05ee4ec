// SPDX-License-Identifier: GPL-3.0-or-later
// (7, 10) in one process: what the benches of threshold CKKS run on.
import {
  type Aggregate,
  aggregate,
  type CollectiveKey,
  type Engine,
  encryptUpdate,
  finishKeyGeneration,
  generateEncryptionKey,
  type KeyGenerationMessages,
  MemoryShareGuard,
  type Plan,
  partialDecrypt,
  plan,
  type SecretShare,
  startKeyGeneration,
} from '../../../keepers/fhe/index.ts'

export const MEMBERS = 10
export const THRESHOLD = 7
const EPOCH = { chainId: 1n, service: `0x${'5e'.repeat(20)}`, epoch: 1 } as const
export const ROUND = { ...EPOCH, round: 1 }
export const ACTIVE = Array.from({ length: THRESHOLD }, (_, j) => j)
/** Sizes of the models that the project trains, and one beyond them. */
export const SIZES = [2_410, 44_426, 1_000_000]

export function planFor(vectorLength: number): Plan {
  return plan({
    members: MEMBERS,
    threshold: THRESHOLD,
    vectorLength,
    clipBound: 8,
    decryptionsPerKey: 100,
    scaleBits: 'widest',
  })
}

type Epoch = {
  readonly key: CollectiveKey
  readonly shares: ReadonlyMap<number, SecretShare>
  readonly start: readonly number[]
  readonly finish: readonly number[]
}

export async function makeEpoch(engine: Engine, finishers: readonly number[]): Promise<Epoch> {
  const keys = Array.from({ length: engine.plan.members }, () => generateEncryptionKey())
  const members = keys.map(({ publicKey }, index) => ({
    address: `0x${(index + 1).toString(16).padStart(40, '0')}` as const,
    encryptionKey: publicKey,
  }))
  const common = { context: EPOCH, members, crs: new Uint8Array(32).fill(9) }
  const said: KeyGenerationMessages[] = []
  const start: number[] = []
  for (let self = 0; self < members.length; self++) {
    const from = performance.now()
    said.push(await startKeyGeneration(engine, { ...common, self }))
    start.push(performance.now() - from)
  }
  const shares = new Map<number, SecretShare>()
  const finish: number[] = []
  let key: CollectiveKey | undefined
  for (const self of finishers) {
    const from = performance.now()
    const outcome = await finishKeyGeneration(engine, {
      ...common,
      self,
      encryptionKey: keys[self]!.secretKey,
      commitments: said.map(({ commitment }) => commitment),
      publicKeyShares: said.map(({ publicKeyShare }) => publicKeyShare),
      sealedShares: said.map(({ sealedShares }) => sealedShares[self]!),
    })
    finish.push(performance.now() - from)
    key = outcome.collectiveKey
    shares.set(self, outcome.secretShare)
  }
  return { key: key!, shares, start, finish }
}

function vectorOf(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => 7 * Math.sin(i))
}

/**
 * Ten updates: the same ciphertexts under ten senders' names, for adding up as good as any. One buffer, renamed in
 * place, so that what is measured is the memory of the sum.
 */
export function* tenUpdates(update: Uint8Array) {
  for (let sender = 0; sender < MEMBERS; sender++) {
    new DataView(update.buffer).setUint16(6, sender, true)
    yield { sender, bytes: update }
  }
}

export function shareRequest(epoch: Epoch, aggregated: Aggregate, self: number) {
  return {
    context: ROUND,
    aggregate: aggregated,
    activeSet: ACTIVE,
    secretShare: epoch.shares.get(self)!,
    guard: new MemoryShareGuard(),
    policy: { attestedHash: aggregated.hash, minContributors: MEMBERS, ownUpdate: 'included' as const },
  }
}

export async function oneRound(engine: Engine, epoch: Epoch, size: number) {
  const update = await encryptUpdate(engine, updateRequest(epoch, size))
  const aggregated = await aggregate(engine, {
    context: ROUND,
    collectiveKeyHash: epoch.key.hash,
    updates: tenUpdates(update),
  })
  const shares: Uint8Array[] = []
  for (const self of ACTIVE) shares.push(await partialDecrypt(engine, shareRequest(epoch, aggregated, self)))
  return { update, aggregated, shares }
}

export function updateRequest(epoch: Epoch, size: number) {
  return { context: ROUND, sender: 0, collectiveKey: epoch.key, vector: vectorOf(size), weight: 1 }
}
