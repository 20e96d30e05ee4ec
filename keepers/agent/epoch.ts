// SPDX-License-Identifier: GPL-3.0-or-later
import {
  type CollectiveKey,
  type Engine,
  type EpochContext,
  exportSecretShare,
  importCollectiveKey,
  importSecretShare,
  openEngine,
  type Plan,
  plan,
  type SecretShare,
  type ShareGuard,
  shareAlreadyGiven,
} from '../fhe/index.ts'
import { type KeeperStore, StoreError } from '../store/index.ts'
import type { EpochMember } from './members.ts'
import type { ServiceProfile } from './profile.ts'

export type EpochFrame = {
  readonly context: EpochContext
  readonly roster: readonly EpochMember[]
  /** The caller's place in the roster. */
  readonly self: number
  readonly plan: Plan
  readonly engine: Engine
}

export type EpochKeys = { readonly collectiveKey: CollectiveKey; readonly secretShare: SecretShare }

export type FrameRequest = {
  readonly context: EpochContext
  readonly roster: readonly EpochMember[]
  readonly seat: number
  readonly threshold: number
  readonly decryptionsPerKey: number
  readonly vectorLength: number
  readonly profile: ServiceProfile
}

/** The cryptographic engine of the epoch in hand; opened once, closed when another epoch begins. */
export class EpochEngine {
  #open: { readonly name: string; readonly frame: Promise<EpochFrame> } | null = null

  /** The frame of an epoch. Throws what planning throws when parameters and members do not fit together. */
  async frame(request: FrameRequest): Promise<EpochFrame> {
    const { context, roster } = request
    const name = `${context.chainId}/${context.service}/${context.epoch}/${roster.map((m) => m.seat).join()}`
    if (this.#open?.name === name) return this.#open.frame
    await this.close()
    const frame = openFrame(request)
    this.#open = { name, frame }
    frame.catch(() => {
      if (this.#open?.frame === frame) this.#open = null
    })
    return frame
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = null
    await open?.frame.then(
      (frame) => frame.engine.close(),
      () => undefined,
    )
  }
}

async function openFrame(request: FrameRequest): Promise<EpochFrame> {
  const { context, roster, profile } = request
  const agreed = plan({
    members: roster.length,
    threshold: request.threshold,
    vectorLength: request.vectorLength,
    clipBound: profile.clipBound,
    maxWeight: profile.maxSamples,
    minTotalWeight: Math.min(profile.minTotalSamples, profile.maxSamples * roster.length),
    decryptionsPerKey: request.decryptionsPerKey,
    statisticalBits: profile.statisticalBits,
    // Updates are small and bounded, so the modulus has room: spend it on precision.
    scaleBits: 'widest',
  })
  const self = roster.findIndex((member) => member.seat === request.seat)
  const engine = await openEngine(agreed, { workers: 0 })
  return { context, roster, self, plan: agreed, engine }
}

/** Record of the first epoch whose keys are not erased. */
const ERASED = 'keys erased before'

const secretName = (epoch: number, what: 'share' | 'key'): string => `epoch/${epoch}/${what}`

/** Seals an epoch's keys at rest. */
export function storeKeys(store: KeeperStore, frame: EpochFrame, keys: EpochKeys): void {
  const secret = exportSecretShare(frame.plan, keys.secretShare)
  try {
    secret.reveal((bytes) => store.putSecret(secretName(frame.context.epoch, 'share'), bytes))
  } finally {
    secret.dispose()
  }
  store.putSecret(
    secretName(frame.context.epoch, 'key'),
    Buffer.concat([keys.collectiveKey.hash, keys.collectiveKey.bytes]),
  )
}

/** The epoch's keys from the store, or null when key generation has not come that far here. */
export function loadKeys(store: KeeperStore, frame: EpochFrame): EpochKeys | null {
  const { context, roster, self, engine } = frame
  const key = store.getSecret(secretName(context.epoch, 'key'))
  const share = store.getSecret(secretName(context.epoch, 'share'))
  if (key === null || share === null) return null
  const collectiveKey = importCollectiveKey(engine, {
    context,
    members: roster,
    hash: key.subarray(0, 32),
    bytes: key.subarray(32),
  })
  return { collectiveKey, secretShare: importSecretShare(frame.plan, { context, self, bytes: share }) }
}

/** Erases the keys of epochs before `epoch`: what is erased cannot be stolen later. */
export function eraseKeysBefore(store: KeeperStore, epoch: number): void {
  const done = store.getRecord(ERASED)
  const from = typeof done === 'number' ? done : 1
  for (let old = from; old < epoch; old++) store.eraseSecrets(`epoch/${old}/`)
  if (epoch > from) store.putRecord(ERASED, epoch)
}

/** The share-once rule of the fhe room, kept by the store. */
export function shareGuard(store: KeeperStore): ShareGuard {
  return {
    claim({ c1Hashes, requestHash }) {
      try {
        store.shares.claim(c1Hashes, requestHash)
      } catch (error) {
        if (error instanceof StoreError && error.code === 'SHARE_ALREADY_GIVEN')
          throw shareAlreadyGiven(error.index ?? 0)
        throw error
      }
    },
  }
}
