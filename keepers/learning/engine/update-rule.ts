// SPDX-License-Identifier: GPL-3.0-or-later
// From gradient to new weights, on flat vectors in kernel memory: the same rule for every backend.
import type { Arena, Pointer } from '../kernel/load.ts'
import type { OptimizerSettings } from '../types.ts'
import type { UpdateSettings, UpdateState } from './engine.ts'

/** Number of moment vectors that an optimiser keeps. */
export function momentCount(optimizer: OptimizerSettings): 0 | 1 | 2 {
  if (optimizer.kind === 'adam') return 2
  return (optimizer.momentum ?? 0) > 0 ? 1 : 0
}

/** Floats that `add` takes at a time; a multiple of a SIMD vector. */
const PIECE = 16_384

/** Vectors in kernel memory with room for so many values each. */
type Reserved<N extends string> = { readonly room: number } & { readonly [name in N]: Pointer }

export class UpdateRule {
  readonly #arena: Arena
  readonly #weights: Pointer
  readonly #gradient: Pointer
  /** Absent until the first update, for engines that only differentiate. */
  #state: Reserved<'anchor' | 'first' | 'second'> | null = null
  /** Weights and gradient of the parameters that take part, where not all do. */
  #parts: Reserved<'weights' | 'gradient'> | null = null
  #correction: Reserved<'values'> | null = null
  #part: Pointer | null = null
  readonly #length: number
  #settings: UpdateSettings | null = null
  #updates = 0

  /** `weights` and `gradient` are buffers of `length` floats in `arena`. */
  constructor(arena: Arena, weights: Pointer, gradient: Pointer, length: number) {
    this.#arena = arena
    this.#weights = weights
    this.#gradient = gradient
    this.#length = length
  }

  /** Values that take part: the optimiser's state is about these alone. */
  get #taking(): number {
    const only = this.#settings?.only
    return only === undefined ? this.#length : only.reduce((sum, { length }) => sum + length, 0)
  }

  /** The vectors that are there, or new ones if they are too short: of groups that share no parameter these are no longer than the model. */
  #reserve<N extends string>(old: Reserved<N> | null, names: readonly N[]): Reserved<N> {
    const room = this.#taking
    if (old !== null && old.room >= room) return old
    const pointers = Object.fromEntries(names.map((name) => [name, this.#arena.allocate(room)]))
    return { room, ...pointers } as Reserved<N>
  }

  #vectors() {
    this.#state = this.#reserve(this.#state, ['anchor', 'first', 'second'])
    const { anchor, first, second } = this.#state
    return { anchor, moments: [first, second] as const }
  }

  /** Copies the values that take part out of a vector of the model's length. */
  #gather(to: Pointer, from: Float32Array): void {
    let at = to
    for (const { offset, length } of this.#settings?.only ?? [{ offset: 0, length: this.#length }]) {
      this.#arena.floats(at, length).set(from.subarray(offset, offset + length))
      at += 4 * length
    }
  }

  /** Puts them back into one. */
  #scatter(from: Pointer, to: Float32Array): void {
    let at = from
    for (const { offset, length } of this.#settings?.only ?? [{ offset: 0, length: this.#length }]) {
      to.set(this.#arena.floats(at, length), offset)
      at += 4 * length
    }
  }

  begin(settings: UpdateSettings, state?: UpdateState): void {
    this.#settings = settings
    this.#updates = state?.updates ?? 0
    // Before any view of the memory: it may grow.
    const { anchor, moments } = this.#vectors()
    if (settings.only !== undefined) this.#parts = this.#reserve(this.#parts, ['weights', 'gradient'])
    if (settings.correction !== undefined) {
      this.#correction = this.#reserve(this.#correction, ['values'])
      this.#gather(this.#correction.values, settings.correction)
    }
    this.#gather(anchor, state?.anchor ?? this.#arena.floats(this.#weights, this.#length))
    for (const [i, at] of moments.entries()) {
      const saved = state?.moments[i]
      if (saved === undefined) this.#arena.floats(at, this.#taking).fill(0)
      else this.#gather(at, saved)
    }
  }

  /** The whole model's: parameters that do not take part are as they were at the start, and have moments of 0. */
  state(): UpdateState {
    const { anchor, moments } = this.#vectors()
    const whole = (at: Pointer, others: Float32Array) => {
      this.#scatter(at, others)
      return others
    }
    const count = this.#settings === null ? 0 : momentCount(this.#settings.optimizer)
    return {
      updates: this.#updates,
      anchor: whole(anchor, this.#arena.floats(this.#weights, this.#length).slice()),
      moments: moments.slice(0, count).map((at) => whole(at, new Float32Array(this.#length))),
    }
  }

  /** Multiplies the gradient; 1 leaves its bits alone. */
  scale(factor: number): void {
    if (factor !== 1) this.#arena.kernel.scale(this.#gradient, this.#length, factor)
  }

  /** Adds `part` to the gradient. It goes through a piece of kernel memory, so that it costs no vector of the model's length. */
  add(part: Float32Array): void {
    const { kernel } = this.#arena
    this.#part ??= this.#arena.allocate(PIECE)
    for (let at = 0; at < this.#length; at += PIECE) {
      const piece = part.subarray(at, Math.min(at + PIECE, this.#length))
      this.#arena.floats(this.#part, piece.length).set(piece)
      kernel.addPull(this.#gradient + 4 * at, this.#part, 0, piece.length, 1)
    }
  }

  /** Weight decay, FedProx pull, then clipping of the whole, correction, then the optimiser's step: of the parameters that take part. */
  apply(): void {
    if (this.#settings === null) throw new Error('the update rule was not begun')
    const { only } = this.#settings
    const { weights, gradient } =
      only === undefined ? { weights: this.#weights, gradient: this.#gradient } : this.#parts!
    const view = (at: Pointer) => this.#arena.floats(at, this.#length)
    if (only !== undefined) {
      this.#gather(weights, view(this.#weights))
      this.#gather(gradient, view(this.#gradient))
    }
    this.#step(this.#settings, weights, gradient)
    if (only !== undefined) this.#scatter(weights, view(this.#weights))
  }

  #step(settings: UpdateSettings, weights: Pointer, gradient: Pointer): void {
    const { kernel } = this.#arena
    const { optimizer, clipGradientNorm, proximalMu, weightDecay, correction } = settings
    const { anchor, moments } = this.#vectors()
    const length = this.#taking
    if (weightDecay) kernel.addPull(gradient, weights, 0, length, weightDecay)
    if (proximalMu) kernel.addPull(gradient, weights, anchor, length, proximalMu)
    if (clipGradientNorm !== undefined) {
      const norm = Math.sqrt(kernel.squaredNorm(gradient, length))
      if (norm > clipGradientNorm) kernel.scale(gradient, length, clipGradientNorm / norm)
    }
    if (correction !== undefined) kernel.addPull(gradient, this.#correction!.values, 0, length, 1)
    this.#updates += 1
    if (optimizer.kind === 'sgd') {
      const momentum = optimizer.momentum ?? 0
      const velocity = momentum > 0 ? moments[0] : 0
      const nesterov = optimizer.nesterov ? 1 : 0
      kernel.stepSgd(weights, gradient, velocity, length, optimizer.learningRate, momentum, nesterov)
    } else {
      const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = optimizer
      kernel.stepAdam(
        weights,
        gradient,
        moments[0],
        moments[1],
        length,
        learningRate,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        epsilon,
        1 - beta1 ** this.#updates,
        1 - beta2 ** this.#updates,
      )
    }
  }
}
