// SPDX-License-Identifier: GPL-3.0-or-later
import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import {
  type ClaimHelper,
  type Engine,
  type EpochContext,
  exportMemberKey,
  FheError,
  importMemberKey,
  type MemberKey,
  type OnceGuard,
  openEngine,
  type Plan,
  Secret,
} from '../fhe/index.ts'
import type { KeeperStore } from '../store/index.ts'
import type { RoundTerms } from '../versions/index.ts'
import { planFor } from '../versions/index.ts'
import { type EpochMember, epochName } from './members.ts'
import { dropBytes } from './memory.ts'

export type EpochFrame = {
  readonly context: EpochContext
  /** 0x…: the seed that the chain gave the epoch. */
  readonly crsSeed: string
  readonly roster: readonly EpochMember[]
  /** The caller's place in the roster. */
  readonly self: number
  readonly plan: Plan
  readonly engine: Engine
}

export type FrameRequest = {
  readonly context: EpochContext
  readonly crsSeed: string
  readonly roster: readonly EpochMember[]
  readonly seat: number
  readonly threshold: number
  readonly decryptionsPerKey: number
  readonly vectorLength: number
  readonly terms: RoundTerms
}

/** The cryptographic engine of the epoch in hand; opened once, closed when another epoch begins. */
export class EpochEngine {
  readonly #claims: ClaimHelper | null
  #open: { readonly name: string; readonly frame: Promise<EpochFrame> } | null = null

  /** @param claims Computes sums over others' updates in place of this process. */
  constructor(claims: ClaimHelper | null = null) {
    this.#claims = claims
  }

  /** The frame of an epoch. Throws what planning throws when parameters and members do not fit together. */
  async frame(request: FrameRequest): Promise<EpochFrame> {
    const { context, crsSeed, roster } = request
    const epoch = epochName({ epoch: context.epoch, crsSeed })
    const name = `${context.chainId}/${context.service}/${epoch}/${roster.map((m) => m.seat).join()}`
    if (this.#open?.name === name) return this.#open.frame
    await this.close()
    const frame = openFrame(request, this.#claims)
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

/** From this many ciphertexts on (half a million parameters), threads are worth the 30 MB or so that each of them takes. */
const THREADED_CIPHERTEXTS = 64
/** Most threads for the work on ciphertexts. */
const MOST_THREADS = 4

/** Threads that an engine gets: one for each core that this process may use, where there is work for them. */
export function threadsFor({ ciphertexts }: Pick<Plan, 'ciphertexts'>, cores = availableParallelism()): number {
  return ciphertexts < THREADED_CIPHERTEXTS || cores < 2 ? 0 : Math.min(MOST_THREADS, cores)
}

async function openFrame(request: FrameRequest, claims: ClaimHelper | null): Promise<EpochFrame> {
  const { context, crsSeed, roster } = request
  const agreed = planFor({ ...request, members: roster.length })
  const self = roster.findIndex((member) => member.seat === request.seat)
  const engine = await openEngine(agreed, { workers: threadsFor(agreed), ...(claims === null ? {} : { claims }) })
  return { context, crsSeed, roster, self, plan: agreed, engine }
}

/** Name of the record that holds the first epoch whose keys are not erased. */
const ERASED = 'keys erased before'

/** Name of a secret of an epoch: the folder belongs to one chain and one service; the seed distinguishes forks of the chain. */
export function secretName(of: { readonly epoch: number; readonly crsSeed: string }, what: 'dealing' | 'key'): string {
  return `epoch/${epochName(of)}/${what}`
}

const nameOf = (frame: EpochFrame, what: 'dealing' | 'key'): string =>
  secretName({ epoch: frame.context.epoch, crsSeed: frame.crsSeed }, what)
const hashRecord = (frame: EpochFrame): string => `${nameOf(frame, 'key')} hash`

/** Seals the member's secret of key generation at rest, before anything of its dealing is published. */
export function storeDealing(store: KeeperStore, frame: EpochFrame, secret: Secret): void {
  secret.reveal((bytes) => store.putSecret(nameOf(frame, 'dealing'), bytes))
}

/** The same from the store, or null. */
export function loadDealing(store: KeeperStore, frame: EpochFrame): Secret | null {
  const bytes = store.getSecret(nameOf(frame, 'dealing'))
  return bytes === null ? null : Secret.take(bytes)
}

/** Seals an epoch's key at rest. */
export function storeKey(store: KeeperStore, frame: EpochFrame, key: MemberKey): void {
  const secret = exportMemberKey(frame.plan, key)
  try {
    store.transaction(() => {
      secret.reveal((bytes) => store.putSecret(nameOf(frame, 'key'), bytes))
      store.putRecord(hashRecord(frame), Buffer.from(key.keyHash).toString('hex'))
    })
  } finally {
    secret.dispose()
  }
}

/**
 * The epoch's key from the store. Null when key generation has not come that far here, or when the key is one that this
 * release cannot read, such as an earlier release's: `log` says so, and the epoch is lost to this keeper. The caller disposes
 * of the key.
 */
export function loadKey(store: KeeperStore, frame: EpochFrame, log: Pick<Logger, 'error'>): MemberKey | null {
  const bytes = store.getSecret(nameOf(frame, 'key'))
  if (bytes === null) return null
  try {
    return importMemberKey(frame.plan, { context: frame.context, self: frame.self, bytes })
  } catch (error) {
    if (!(error instanceof FheError)) throw error
    log.error(
      { event: 'key unreadable', epoch: frame.context.epoch, code: error.code, reason: error.message },
      'the stored key of this epoch cannot be used: this keeper sits out until the next one',
    )
    return null
  } finally {
    // Bytes that cannot be imported are secret all the same.
    bytes.fill(0)
    dropBytes(bytes)
  }
}

/** Names of the keys that this process has read, by their store. */
const readable = new WeakMap<KeeperStore, string>()

/** Whether {@link loadKey} gives a key. It opens the key once to find out, which takes longer the more members there are. */
export function hasKey(store: KeeperStore, frame: EpochFrame, log: Pick<Logger, 'error'>): boolean {
  const name = nameOf(frame, 'key')
  if (readable.get(store) === name) return true
  const key = loadKey(store, frame, log)
  key?.material.dispose()
  if (key !== null) readable.set(store, name)
  return key !== null
}

/** The hash of the epoch's key that the members confirmed, which is all that adding up needs; null when the store has no key of the epoch. */
export function loadKeyHash(store: KeeperStore, frame: EpochFrame): Uint8Array | null {
  const record = store.getRecord(hashRecord(frame))
  return typeof record === 'string' ? Buffer.from(record, 'hex') : null
}

/** The first epoch whose keys are not erased. */
export function keysErasedBefore(store: KeeperStore): number {
  const done = store.getRecord(ERASED)
  return typeof done === 'number' ? done : 1
}

/** Erases the keys of epochs before `epoch`: nobody can steal an erased key later. */
export function eraseKeysBefore(store: KeeperStore, epoch: number): void {
  const from = keysErasedBefore(store)
  for (let old = from; old < epoch; old++) store.eraseSecrets(`epoch/${old}/`)
  if (epoch > from) store.putRecord(ERASED, epoch)
}

/**
 * The once rules of the fhe room, kept by the store.
 * @param keep What goes on record with an update, made from its bytes: a crash after the claim must not lose them.
 */
export function onceGuard(
  store: KeeperStore,
  keep?: {
    readonly epoch: number
    readonly round: number
    readonly payload: (update: Uint8Array) => readonly Uint8Array[]
  },
): OnceGuard {
  return {
    claim({ nonce, digest, bytes }) {
      const keepsake =
        keep === undefined || bytes === undefined
          ? undefined
          : { epoch: keep.epoch, round: keep.round, payload: keep.payload(bytes) }
      return store.claims.claim(nonce, digest, keepsake)
    },
  }
}
