// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import {
  initialServerState,
  momentCount,
  type ServerSettings,
  serverStepFrom,
  valuesIn,
  withValues,
} from '../learning/index.ts'
import type { DataPlane } from '../network/index.ts'
import type { KeeperStore } from '../store/index.ts'
import { type Covered, decodeModelState, encodeModel, modelBytes } from '../versions/index.ts'
import { AgentError } from './errors.ts'
import { dropBytes } from './memory.ts'

const acceptedSchema = z.object({
  round: z.int().min(1),
  version: z.string(),
  commitment: z.string(),
  cid: z.string(),
})
/** The model that the members accepted last. */
export type AcceptedModel = z.infer<typeof acceptedSchema>

/** Weights and the strategy's moments: none, m, or m and v. */
export type ModelState = { readonly weights: Float32Array; readonly moments: readonly Float32Array[] }

const ADOPT: ServerSettings = { kind: 'fedavg' }

/**
 * Applies a mean update to the model by the manifest's strategy; without a strategy the mean is added. Each value is rounded to
 * Float32 exactly once. All keepers get the same bits because the mean is an exact modular sum decoded by the same WebAssembly.
 * Moments of another strategy are dropped, and start afresh.
 */
export function applyUpdate(
  before: ModelState,
  mean: Float64Array,
  strategy: ServerSettings = ADOPT,
): { readonly weights: Float32Array; readonly moments: readonly Float32Array[] } {
  const { weights: global, moments } = before
  const count = momentCount(strategy)
  const fresh = initialServerState(strategy, count === 0 ? 0 : global.length)
  const [m = fresh.m, v = fresh.v] = moments.length === count ? moments : []
  const { weights, state } = serverStepFrom(strategy, global, mean, { round: 0, m, v })
  return { weights, moments: [state.m, state.v].slice(0, count) }
}

/**
 * The same for a mean of the parameters that a round covers. Only these parameters and their moments change; all others keep their bits.
 * A strategy's `clip` then bounds the mean of the covered parameters.
 * @param covered null for the whole model
 */
export function applyCovered(
  { weights, moments }: ModelState,
  mean: Float64Array,
  strategy: ServerSettings = ADOPT,
  covered: Covered | null = null,
): ModelState {
  if (covered === null) return applyUpdate({ weights, moments }, mean, strategy)
  const { parts } = covered
  const count = momentCount(strategy)
  const { m, v } = initialServerState(strategy, count === 0 ? 0 : weights.length)
  const kept = moments.length === count ? moments : [m, v].slice(0, count)
  const theirs = { weights: valuesIn(weights, parts), moments: kept.map((moment) => valuesIn(moment, parts)) }
  const next = applyUpdate(theirs, mean, strategy)
  return {
    weights: withValues(weights, parts, next.weights),
    moments: next.moments.map((moment, i) => withValues(kept[i]!, parts, moment)),
  }
}

/** The global model as this keeper knows it: at first the initial weights, then the model that the members accepted last. */
export class GlobalModel {
  readonly #store: KeeperStore
  readonly #plane: DataPlane
  readonly #initial: Float32Array
  readonly #commit: (weights: Float32Array) => string | Promise<string>
  readonly #fetchTimeout: number
  #held: (ModelState & { readonly cid: string }) | null = null
  /** The last candidate: when members accept it, it need not be fetched and checked again. */
  #candidate: (ModelState & { readonly cid: string; readonly commitment: string }) | null = null

  constructor(options: {
    store: KeeperStore
    plane: DataPlane
    initial: Float32Array
    /** The commitment to weights that goes on the chain. */
    commit: (weights: Float32Array) => string | Promise<string>
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
  async publish({ weights, moments }: ModelState, round: number): Promise<{ cid: string; commitment: string }> {
    this.#candidate = null
    const bytes = encodeModel(weights, moments)
    const cid = await this.#plane.publish(bytes, { round })
    dropBytes(bytes)
    const commitment = await this.#commit(weights)
    this.#candidate = { cid, commitment, weights, moments }
    return { cid, commitment }
  }

  /**
   * Adopts a model that was accepted on the chain: fetches it if necessary, checks it against its commitment, and pins it.
   * @throws AgentError or VersionError BAD_BLOB when the blob is not the one that the members voted for.
   */
  async accept(model: AcceptedModel, providers: readonly string[], signal?: AbortSignal): Promise<void> {
    if (this.accepted?.cid === model.cid && this.accepted.round === model.round) return
    const { cid, commitment } = model
    const own = this.#candidate
    const isOwn = own?.cid === cid && own.commitment === commitment
    // If its blob is gone, the pin below fails, and the next call fetches it.
    this.#candidate = null
    const { weights, moments } = isOwn ? own : await this.#load(cid, commitment, providers, signal)
    await this.#plane.pin(cid)
    this.#store.putRecord('model', model)
    this.#held = { cid, weights, moments }
  }

  /** Forgets which model was accepted: the chain took it back. */
  forget(): void {
    this.#held = null
    this.#store.deleteRecord('model')
  }

  /** The weights that the next round starts from. The array is the caller's to read, not to change. */
  async weights(): Promise<Float32Array> {
    return (await this.state()).weights
  }

  /** The same with the strategy's moments, which are in the blob that the members voted for. */
  async state(): Promise<ModelState> {
    const { accepted } = this
    if (accepted === null) return { weights: this.#initial, moments: [] }
    if (this.#held?.cid !== accepted.cid) {
      this.#held = { cid: accepted.cid, ...(await this.#load(accepted.cid, accepted.commitment, [])) }
    }
    return this.#held
  }

  async #load(
    cid: string,
    commitment: string,
    providers: readonly string[],
    signal?: AbortSignal,
  ): Promise<ModelState> {
    const count = this.#initial.length
    const bytes = await this.#plane.fetch(cid, {
      maxBytes: modelBytes(count),
      timeout: this.#fetchTimeout,
      providers,
      discover: true,
      ...(signal === undefined ? {} : { signal }),
    })
    const state = decodeModelState(bytes, count)
    dropBytes(bytes)
    const found = await this.#commit(state.weights)
    if (found !== commitment) {
      throw new AgentError('BAD_BLOB', `model ${cid} commits to ${found}, the members voted for ${commitment}`)
    }
    return state
  }
}
