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
  withHome,
} from '../learning/index.ts'
import type { KeeperStore } from '../store/index.ts'
import type { ServiceManifest } from '../versions/index.ts'
import { CONFIG_FILE, type KeeperConfig } from './config.ts'
import { AgentError } from './errors.ts'
import { applyUpdate, type ModelState } from './models.ts'

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
    if (module_.weighs && rounds.privacy !== undefined)
      bad('the module weighs members, and privacy has all weigh the same')
    return module_
  } catch (cause) {
    if (cause instanceof AgentError) throw cause
    if (cause instanceof LearningError) return bad(cause.message, cause)
    return bad(`cannot read ${file}: ${(cause as Error).message}`, cause)
  }
}

/** The round's public facts. */
type RoundFacts = { readonly round: number; readonly contributors: number; readonly members: number }

/** The model after a round, by the module or by the manifest's terms; the same bits for every member. */
export async function nextModel(
  { strategy, manifest }: { readonly strategy: KeeperStrategy | null; readonly manifest: ServiceManifest },
  before: ModelState,
  mean: Float64Array,
  facts: RoundFacts,
): Promise<ModelState> {
  if (strategy === null) return applyUpdate(before, mean, manifest.rounds.strategy)
  const { weights, moments: vectors } = before
  const next = await strategy.step({ weights, vectors }, mean, facts)
  return { weights: next.weights, moments: next.vectors }
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
