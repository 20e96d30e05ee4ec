// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import type { DataPlane } from '../network/index.ts'
import type { KeeperStore } from '../store/index.ts'
import { decodeModel, encodeModel, modelBytes } from './blobs.ts'
import { AgentError } from './errors.ts'

const acceptedSchema = z.object({
  round: z.int().min(1),
  version: z.string(),
  commitment: z.string(),
  cid: z.string(),
})
/** The model that the members accepted last. */
export type AcceptedModel = z.infer<typeof acceptedSchema>

/**
 * Adds a mean update to the global weights, each sum rounded once to Float32: the same bits on every keeper, since the
 * mean is (an exact sum modulo the primes, decoded by the same WebAssembly).
 */
export function applyUpdate(global: Float32Array, mean: Float64Array): Float32Array {
  if (global.length !== mean.length) throw new RangeError(`an update of ${mean.length} for ${global.length} weights`)
  return Float32Array.from(global, (weight, i) => Math.fround(weight + mean[i]!))
}

/** The global model as this keeper knows it: the initial weights, then whatever the members accepted last. */
export class GlobalModel {
  readonly #store: KeeperStore
  readonly #plane: DataPlane
  readonly #initial: Float32Array
  readonly #commit: (weights: Float32Array) => string
  readonly #fetchTimeout: number
  #held: { cid: string; weights: Float32Array } | null = null

  constructor(options: {
    store: KeeperStore
    plane: DataPlane
    initial: Float32Array
    /** The commitment to weights that goes on the chain. */
    commit: (weights: Float32Array) => string
    fetchTimeout: number
  }) {
    this.#store = options.store
    this.#plane = options.plane
    this.#initial = options.initial
    this.#commit = options.commit
    this.#fetchTimeout = options.fetchTimeout
  }

  get accepted(): AcceptedModel | null {
    const record = this.#store.getRecord('model')
    return record === null ? null : acceptedSchema.parse(record)
  }

  /** Publishes a candidate. It is pinned for its round; {@link accept} keeps it for good. */
  async publish(weights: Float32Array, round: number): Promise<{ cid: string; commitment: string }> {
    const cid = await this.#plane.publish(encodeModel(weights), { round })
    return { cid, commitment: this.#commit(weights) }
  }

  /**
   * Takes over a model that the chain says was accepted: fetched if need be, checked against its commitment, pinned.
   * @throws AgentError BAD_BLOB when the blob is not what the members voted for.
   */
  async accept(model: AcceptedModel, providers: readonly string[], signal?: AbortSignal): Promise<void> {
    if (this.accepted?.cid === model.cid && this.accepted.round === model.round) return
    const weights = await this.#load(model.cid, model.commitment, providers, signal)
    await this.#plane.pin(model.cid)
    this.#store.putRecord('model', model)
    this.#held = { cid: model.cid, weights }
  }

  /** Forgets models of rounds after `round`: the chain took them back. */
  rollBack(model: AcceptedModel | null): void {
    this.#held = null
    if (model === null) this.#store.deleteRecord('model')
    else this.#store.putRecord('model', model)
  }

  /** The weights that the next round starts from. The array is the caller's to read, not to change. */
  async weights(): Promise<Float32Array> {
    const { accepted } = this
    if (accepted === null) return this.#initial
    if (this.#held?.cid !== accepted.cid) {
      this.#held = { cid: accepted.cid, weights: await this.#load(accepted.cid, accepted.commitment, []) }
    }
    return this.#held.weights
  }

  async #load(
    cid: string,
    commitment: string,
    providers: readonly string[],
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const count = this.#initial.length
    const bytes = await this.#plane.fetch(cid, {
      maxBytes: modelBytes(count),
      timeout: this.#fetchTimeout,
      providers,
      discover: true,
      ...(signal === undefined ? {} : { signal }),
    })
    const weights = decodeModel(bytes, count)
    const found = this.#commit(weights)
    if (found !== commitment) {
      throw new AgentError('BAD_BLOB', `model ${cid} commits to ${found}, the members voted for ${commitment}`)
    }
    return weights
  }
}
