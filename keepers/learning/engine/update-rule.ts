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

export class UpdateRule {
  readonly #arena: Arena
  readonly #weights: Pointer
  readonly #gradient: Pointer
  /** Absent until the first update, for engines that only differentiate. */
  #state: { readonly anchor: Pointer; readonly moments: readonly [Pointer, Pointer] } | null = null
  #correction: Pointer | null = null
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

  #vectors() {
    const vector = () => this.#arena.allocate(this.#length)
    this.#state ??= { anchor: vector(), moments: [vector(), vector()] }
    return this.#state
  }

  begin(settings: UpdateSettings, state?: UpdateState): void {
    const floats = (at: Pointer) => this.#arena.floats(at, this.#length)
    const { anchor, moments } = this.#vectors()
    this.#settings = settings
    this.#updates = state?.updates ?? 0
    if (settings.correction !== undefined) {
      this.#correction ??= this.#arena.allocate(this.#length)
      floats(this.#correction).set(settings.correction)
    }
    floats(anchor).set(state?.anchor ?? floats(this.#weights))
    for (const [i, at] of moments.entries()) {
      const saved = state?.moments[i]
      if (saved === undefined) floats(at).fill(0)
      else floats(at).set(saved)
    }
  }

  state(): UpdateState {
    const copy = (at: Pointer) => this.#arena.floats(at, this.#length).slice()
    const count = this.#settings === null ? 0 : momentCount(this.#settings.optimizer)
    const { anchor, moments } = this.#vectors()
    return { updates: this.#updates, anchor: copy(anchor), moments: moments.slice(0, count).map(copy) }
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

  /**
   * Weight decay, FedProx pull, then clipping of the whole, correction, then the optimiser's step. Without a gradient, and with moments that
   * never had one, the step of every optimiser is exactly 0, which keeps the bits of parameters that do not take part.
   */
  apply(): void {
    if (this.#settings === null) throw new Error('the update rule was not begun')
    const { kernel } = this.#arena
    const { optimizer, clipGradientNorm, proximalMu, weightDecay, correction } = this.#settings
    const { anchor, moments } = this.#vectors()
    const length = this.#length
    if (weightDecay) kernel.addPull(this.#gradient, this.#weights, 0, length, weightDecay)
    if (proximalMu) kernel.addPull(this.#gradient, this.#weights, anchor, length, proximalMu)
    this.#holdOthers()
    if (clipGradientNorm !== undefined) {
      const norm = Math.sqrt(kernel.squaredNorm(this.#gradient, length))
      if (norm > clipGradientNorm) kernel.scale(this.#gradient, length, clipGradientNorm / norm)
    }
    if (correction !== undefined) {
      kernel.addPull(this.#gradient, this.#correction!, 0, length, 1)
      this.#holdOthers()
    }
    this.#updates += 1
    if (optimizer.kind === 'sgd') {
      const momentum = optimizer.momentum ?? 0
      const velocity = momentum > 0 ? moments[0] : 0
      const nesterov = optimizer.nesterov ? 1 : 0
      kernel.stepSgd(this.#weights, this.#gradient, velocity, length, optimizer.learningRate, momentum, nesterov)
    } else {
      const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = optimizer
      kernel.stepAdam(
        this.#weights,
        this.#gradient,
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

  /** Parameters that do not take part have no gradient. */
  #holdOthers(): void {
    const only = this.#settings?.only
    if (only === undefined) return
    const gradient = this.#arena.floats(this.#gradient, this.#length)
    let held = 0
    for (const { offset, length } of only) {
      gradient.fill(0, held, offset)
      held = offset + length
    }
    gradient.fill(0, held)
  }
}
