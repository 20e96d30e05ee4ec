// SPDX-License-Identifier: GPL-3.0-or-later
// A whole epoch in one process: keys for every member, as the messages would bring them about.
import { createHash } from 'node:crypto'
import {
  type EncryptionKeyPair,
  type Engine,
  type EpochContext,
  finishKeyGeneration,
  generateEncryptionKey,
  type KeyGenerationMessages,
  type Member,
  type MemberKey,
  type Plan,
  type PlanOptions,
  plan,
  type RoundContext,
  startKeyGeneration,
} from '../../../keepers/fhe/index.ts'

export const EPOCH: EpochContext = {
  chainId: 31337n,
  service: '0x00000000000000000000000000000000C0FFEE00',
  epoch: 3,
}

export const ROUND: RoundContext = { ...EPOCH, round: 7 }

/** 32 bytes standing in for a block hash. */
export const CRS = new Uint8Array(createHash('sha256').update('a block that nobody chose').digest())

/** Rounds that a key of the tests is for: enough for them, and quick to deal pads for. */
export const TEST_ROUNDS = 16

/** A plan for tests: one ciphertext, clip bound 8, unless told otherwise. */
export function testPlan(members: number, threshold: number, options: Partial<PlanOptions> = {}): Plan {
  return plan({
    members,
    threshold,
    vectorLength: 50,
    clipBound: 8,
    decryptionsPerKey: 1000,
    roundsPerKey: 16,
    ...options,
  })
}

export type Party = {
  readonly index: number
  readonly keys: EncryptionKeyPair
  readonly messages: KeyGenerationMessages
}

export type Ceremony = {
  readonly parties: readonly Party[]
  readonly members: readonly Member[]
  readonly keyHash: Uint8Array
  /** Of the members in `finishers`, by index. */
  readonly memberKeys: ReadonlyMap<number, MemberKey>
}

export function makeMembers(count: number): { keys: EncryptionKeyPair[]; members: Member[] } {
  const keys = Array.from({ length: count }, () => generateEncryptionKey())
  const members = keys.map(({ publicKey }, index) => ({
    address: `0x${(index + 1).toString(16).padStart(40, '0')}` as const,
    encryptionKey: publicKey,
  }))
  return { keys, members }
}

/** Messages of every member. */
export async function startAll(engine: Engine, context: EpochContext = EPOCH) {
  const { keys, members } = makeMembers(engine.plan.members)
  const parties: Party[] = []
  for (const [index, pair] of keys.entries()) {
    const messages = await startKeyGeneration(engine, { context, members, self: index, crs: CRS })
    parties.push({ index, keys: pair, messages })
  }
  return { parties, members }
}

/** The state of member `self` after everyone has spoken. */
export function finishRequest(parties: readonly Party[], members: readonly Member[], self: number, context = EPOCH) {
  return {
    context,
    members,
    self,
    crs: CRS,
    encryptionKey: parties[self]!.keys.secretKey,
    secret: parties[self]!.messages.secret,
    dealings: parties.map(({ messages }) => messages.dealing),
    sealedShares: parties.map(({ messages }) => messages.sealedShares[self]!),
  }
}

/** Key generation of all, finished by `finishers` (everyone, by default). */
export async function ceremony(engine: Engine, finishers?: readonly number[]): Promise<Ceremony> {
  const { parties, members } = await startAll(engine)
  const memberKeys = new Map<number, MemberKey>()
  let keyHash: Uint8Array | null = null
  for (const self of finishers ?? parties.map(({ index }) => index)) {
    const key = await finishKeyGeneration(engine, finishRequest(parties, members, self))
    if (keyHash !== null && Buffer.compare(keyHash, key.keyHash) !== 0) {
      throw new Error(`member ${self} ends with another key`)
    }
    keyHash = key.keyHash
    memberKeys.set(self, key)
  }
  if (keyHash === null) throw new Error('nobody finished')
  return { parties, members, keyHash, memberKeys }
}

/** Deterministic values within ±bound, so that a failure repeats. */
export function vectorOf(length: number, seed: number, bound = 8): Float64Array {
  const stream = createHash('shake256', { outputLength: 4 * length })
    .update(`vector ${seed}`)
    .digest()
  return Float64Array.from({ length }, (_, i) => (stream.readUInt32LE(4 * i) / 2147483647.5 - 1) * bound)
}
