// SPDX-License-Identifier: GPL-3.0-or-later
// A service's own strategy module: its file, its step, and the layers that stay at home.
import { readFileSync } from 'node:fs'
import {
  ConfinedStrategy,
  homeLength,
  type KeeperStrategy,
  LearningError,
  type ModelSpec,
  type ParameterSpec,
  takeHome,
  valuesIn,
  withHome,
  withValues,
} from '../learning/index.ts'
import type { KeeperStore } from '../store/index.ts'
import { type Covered, contradictionInModule, type ServiceManifest } from '../versions/index.ts'
import { CONFIG_FILE, type KeeperConfig } from './config.ts'
import { AgentError } from './errors.ts'
import { applyCovered, type ModelState } from './models.ts'

/**
 * The module that the manifest names, from the file that the config names; null for a manifest without one. It runs in processes of its own.
 * @throws AgentError CONFIG when the file is missing, is another one, or refuses the manifest's settings
 */
export async function openStrategy(
  config: Pick<KeeperConfig, 'service'>,
  spec: ModelSpec,
): Promise<KeeperStrategy | null> {
  const { manifest, strategyFile: file } = config.service
  const { strategy: terms, rounds } = manifest
  const bad = (why: string, cause?: unknown): never => {
    throw new AgentError('CONFIG', `${CONFIG_FILE}: service.strategy: ${why}`, { cause })
  }
  if (terms === undefined) return file === null ? null : bad('the manifest has no strategy: leave it out')
  if (file === null) return bad(`the manifest's strategy is a module with the hash ${terms.sha256}: name its file`)
  try {
    const module_ = await ConfinedStrategy.open(readFileSync(file), terms, spec.parameters, file)
    const wrong = contradictionInModule(module_, rounds)
    if (wrong !== null) bad(wrong)
    return module_
  } catch (cause) {
    if (cause instanceof AgentError) throw cause
    if (cause instanceof LearningError) return bad(cause.message, cause)
    return bad(`cannot read ${file}: ${(cause as Error).message}`, cause)
  }
}

/** The round's public facts. */
type RoundFacts = { readonly round: number; readonly contributors: number; readonly members: number }

/**
 * The model after a round, by the module or by the manifest's terms; the same bits for every member. Only the parameters that the round
 * covers change, with their moments. Otherwise momentum of an earlier round would change parameters that nobody trained.
 * @param mean of the parameters covered, in the order of the flat vector
 * @param covered null for the whole model
 */
export async function nextModel(
  { strategy, manifest }: { readonly strategy: KeeperStrategy | null; readonly manifest: ServiceManifest },
  before: ModelState,
  mean: Float64Array,
  facts: RoundFacts,
  covered: Covered | null = null,
): Promise<ModelState> {
  if (strategy === null) return applyCovered(before, mean, manifest.rounds.strategy, covered)
  const { weights, moments: vectors } = before
  const whole = covered === null ? mean : spread(mean, covered, weights.length)
  const next = await strategy.step({ weights, vectors }, whole, facts)
  if (covered === null) return { weights: next.weights, moments: next.vectors }
  const kept = vectors.length === next.vectors.length ? vectors : strategy.initial()
  const onlyCovered = (old: Float32Array, of: Float32Array) =>
    withValues(old, covered.parts, valuesIn(of, covered.parts))
  return {
    weights: onlyCovered(weights, next.weights),
    moments: next.vectors.map((vector, i) => onlyCovered(kept[i]!, vector)),
  }
}

/** Extends a mean of the covered parameters to the whole model, with zeros elsewhere. */
function spread(mean: Float64Array, { parts }: Covered, length: number): Float64Array {
  const whole = new Float64Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(mean.subarray(at, at + part.length), part.offset)
    at += part.length
  }
  return whole
}

const HOME = 'home layers'

type Secrets = Pick<KeeperStore, 'getSecret' | 'putSecret'>

/** The parameters that stay with this keeper. They are as private as its samples, so they are kept where its keys are. */
export class HomeLayers {
  readonly #store: Secrets
  readonly #parts: readonly ParameterSpec[]
  readonly #length: number

  constructor(store: Secrets, parts: readonly ParameterSpec[]) {
    this.#store = store
    this.#parts = parts
    this.#length = homeLength(parts)
  }

  /** The service's weights with this keeper's own layers in them; a copy if there are any. */
  over(global: Float32Array): Float32Array {
    const kept = this.#length === 0 ? null : this.#store.getSecret(HOME)
    if (kept === null || kept.length !== 4 * this.#length) return global
    return withHome(global, this.#parts, new Float32Array(Uint8Array.from(kept).buffer))
  }

  /** Keeps its layers of trained weights, and puts the global ones back in their place, so that nothing of them is sent. */
  take(trained: Float32Array, global: Float32Array): void {
    if (this.#length === 0) return
    const own = takeHome(trained, this.#parts, global)
    if (own.every(Number.isFinite)) this.#store.putSecret(HOME, new Uint8Array(own.buffer as ArrayBuffer))
  }
}

/** The layers that a service's strategy leaves with this keeper. */
export function homeLayers(store: Secrets, strategy: KeeperStrategy | null, spec: ModelSpec): HomeLayers {
  const names = new Set(strategy?.home ?? [])
  return new HomeLayers(
    store,
    spec.parameters.filter(({ name }) => names.has(name)),
  )
}
