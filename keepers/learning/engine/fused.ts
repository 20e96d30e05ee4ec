// SPDX-License-Identifier: GPL-3.0-or-later
// The fast path: a whole training step of a Sequential network in WASM memory, without tensors, tape or allocation.
import { LearningError } from '../errors.ts'
import { Arena, loadKernel, type Pointer } from '../kernel/load.ts'
import { type Layer, readLayers } from '../model/layers.ts'
import type { ModelSpec } from '../types.ts'
import type { BatchBuffers, BatchOutcome, Engine, UpdateSettings, UpdateState } from './engine.ts'
import { activate, hasTargets, lossOf } from './loss.ts'
import { Plan } from './plan.ts'
import { UpdateRule } from './update-rule.ts'

const SMALLEST_CAPACITY = 16

/** Null when the fused path can run this model, else the reason why not. */
export function fusedRefusal(spec: ModelSpec): string | null {
  const layers = readLayers(spec.topology, spec.inputShape)
  return typeof layers === 'string' ? layers : null
}

/** Throws NO_BACKEND when the model has layers that this path cannot compute, or when the kernel is not built. */
export async function createFusedEngine(spec: ModelSpec): Promise<Engine> {
  const layers = readLayers(spec.topology, spec.inputShape)
  if (typeof layers === 'string') throw new LearningError('NO_BACKEND', `the fused backend cannot run this: ${layers}`)
  return new FusedEngine(spec, layers, new Arena(await loadKernel()))
}

class FusedEngine implements Engine {
  readonly backend = 'fused'
  readonly spec: ModelSpec
  readonly #layers: readonly Layer[]
  readonly #arena: Arena
  readonly #weights: Pointer
  readonly #gradient: Pointer
  readonly #rule: UpdateRule
  #plan: Plan

  constructor(spec: ModelSpec, layers: readonly Layer[], arena: Arena) {
    this.spec = spec
    this.#layers = layers
    this.#arena = arena
    this.#weights = arena.allocate(spec.parameterCount)
    this.#gradient = arena.allocate(spec.parameterCount)
    this.#rule = new UpdateRule(arena, this.#weights, this.#gradient, spec.parameterCount)
    this.#plan = this.#newPlan(SMALLEST_CAPACITY)
  }

  getWeights(): Float32Array<ArrayBuffer> {
    return this.#arena.floats(this.#weights, this.spec.parameterCount).slice()
  }

  readWeights(to: Float32Array): void {
    to.set(this.#arena.floats(this.#weights, this.spec.parameterCount))
  }

  setWeights(weights: Float32Array): void {
    this.#arena.floats(this.#weights, this.spec.parameterCount).set(weights)
  }

  stage(count: number): BatchBuffers {
    if (count > this.#plan.capacity) {
      // Doubling bounds the memory that abandoned smaller plans keep.
      this.#plan = this.#newPlan(2 ** Math.ceil(Math.log2(count)))
    }
    const length = this.spec.inputShape.reduce((a, b) => a * b, 1)
    return {
      inputs: this.#arena.floats(this.#plan.inputs, count * length),
      labels: this.#arena.ints(this.#plan.labels, count),
      targets: this.#arena.floats(this.#plan.targets, count * this.spec.classes),
    }
  }

  beginUpdates(settings: UpdateSettings, state?: UpdateState): void {
    this.#rule.begin(settings, state)
  }

  trainStep(count: number, seed: number): BatchOutcome {
    const outcome = this.#differentiate(count, seed)
    this.#rule.apply()
    return outcome
  }

  differentiate(count: number, seed: number, share: number): BatchOutcome {
    const outcome = this.#differentiate(count, seed)
    this.#rule.scale(share)
    return outcome
  }

  readGradient(to: Float32Array): void {
    to.set(this.#arena.floats(this.#gradient, this.spec.parameterCount))
  }

  addGradient(part: Float32Array): void {
    this.#rule.add(part)
  }

  applyGradient(): void {
    this.#rule.apply()
  }

  gradient(count: number): BatchOutcome & { gradient: Float32Array } {
    const outcome = this.#differentiate(count, null)
    return { ...outcome, gradient: this.#arena.floats(this.#gradient, this.spec.parameterCount).slice() }
  }

  updateState(): UpdateState {
    return this.#rule.state()
  }

  predict(count: number): Float32Array<ArrayBuffer> {
    this.#plan.forward(count, null)
    const loss = lossOf(this.spec)
    if (!hasTargets(loss)) this.#arena.kernel.softmax(this.#plan.logits, count, this.spec.classes)
    const outputs = this.#arena.floats(this.#plan.logits, count * this.spec.classes).slice()
    activate(loss, outputs)
    return outputs
  }

  dispose(): void {
    // Nothing outside the arena: it goes with this object.
  }

  #differentiate(count: number, seed: number | null): BatchOutcome {
    this.#arena.floats(this.#gradient, this.spec.parameterCount).fill(0)
    this.#plan.forward(count, seed)
    return this.#plan.backward(count)
  }

  #newPlan(capacity: number): Plan {
    return new Plan(this.#arena, this.spec, this.#layers, {
      weights: this.#weights,
      gradient: this.#gradient,
      capacity,
    })
  }
}
