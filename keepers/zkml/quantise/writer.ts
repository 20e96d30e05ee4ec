// SPDX-License-Identifier: GPL-3.0-or-later
// Collects the layers of an integer program, bounding each tensor the moment its layer is written.

import type { IntegerLayer, RescaleLayer, TensorId } from '../graph/layers.ts'
import { elementCount, type IntegerProgram, type IntegerTensor, type Mode } from '../graph/program.ts'
import { identityMap } from '../graph/tensor.ts'
import { signedBits, unsignedBits } from '../graph/windows.ts'
import { windowBits } from './bits.ts'
import { BoundsTracker } from './bounds.ts'
import type { Intervals } from './intervals.ts'

/** A value of the program being written: real = integer · scale. */
export type Value = { readonly id: TensorId; readonly shape: readonly number[]; readonly scale: number }

/** A layer without the parts that the writer fills in. */
export type LayerDraft = IntegerLayer extends infer Layer
  ? Layer extends IntegerLayer
    ? Omit<Layer, 'name' | 'inputs' | 'output' | 'sources'>
    : never
  : never

/** Numbers of a layer that did not fit the plan's bits and were clipped to the nearest that does. */
export type Clipping = { readonly layer: string; readonly role: string; readonly clipped: number; readonly of: number }

export class ProgramWriter {
  readonly mode: Mode
  readonly clipping: Clipping[] = []
  private readonly layers: IntegerLayer[] = []
  private readonly tensors = new Map<TensorId, IntegerTensor>()
  private readonly producers = new Map<TensorId, number>()
  private readonly tracker: BoundsTracker
  private readonly names = new Set<string>()
  private readonly notes: string[] = []
  /** Several readers of one value often want it at the same width. */
  private readonly rescaled = new Map<string, Value>()
  readonly input: Value

  constructor(mode: Mode, input: { bits: number; min: number; scale: number }, shape: readonly number[]) {
    this.mode = mode
    this.input = { id: 'input', shape, scale: input.scale }
    this.names.add('input')
    this.tracker = new BoundsTracker(mode, { ...input, tensor: 'input' }, elementCount(shape))
    this.describe(this.input)
  }

  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text)
  }

  /** Bits of a signed window that holds every element of `value`. */
  signedBits(value: Value): number {
    return signedBits(this.tracker.overall(value.id))
  }

  bounds(value: Value): { min: number; max: number } {
    return this.tracker.overall(value.id)
  }

  /** Bounds of each element. */
  intervals(value: Value): Intervals {
    return this.tracker.of(value.id)
  }

  windowBits(value: Value, windows: readonly Int32Array[]): number {
    return windowBits(this.tracker.of(value.id), windows)
  }

  /** Writes a layer. The name is made a circom identifier and unique. */
  emit(
    name: string,
    sources: readonly string[],
    inputs: readonly Value[],
    draft: LayerDraft,
    shape: readonly number[],
    scale: number,
  ): Value {
    const unique = this.uniqueName(name)
    const layer = {
      name: unique,
      inputs: inputs.map((value) => value.id),
      output: `${unique}_out`,
      sources: [...sources],
      ...draft,
    } as IntegerLayer
    const value: Value = { id: layer.output, shape: [...shape], scale }
    this.tracker.add(layer, elementCount(shape))
    this.producers.set(value.id, this.layers.length)
    this.layers.push(layer)
    this.describe(value)
    return value
  }

  /**
   * The same values shifted down by `shift` bits, rounded to nearest, with an activation. Half of the divisor goes into
   * the bias of the layer before, where it costs nothing; `alone` says that nobody else reads that layer. `held`: bits, sign
   * included, that the result is held to where its bounds take more.
   */
  rescale(
    name: string,
    sources: readonly string[],
    value: Value,
    shift: number,
    activation: RescaleLayer['activation'],
    alone: boolean,
    held?: number,
  ): Value {
    const key = JSON.stringify([value.id, shift, activation, held ?? null])
    const known = alone ? undefined : this.rescaled.get(key)
    if (known !== undefined) return { ...known, shape: value.shape }
    const made = this.newRescale(name, sources, value, shift, activation, alone, held)
    if (!alone) this.rescaled.set(key, made)
    return made
  }

  private newRescale(
    name: string,
    sources: readonly string[],
    value: Value,
    shift: number,
    activation: RescaleLayer['activation'],
    alone: boolean,
    held: number | undefined,
  ): Value {
    const centred = shift === 0 ? value : this.addHalf(name, sources, value, 2 ** (shift - 1), alone)
    const bounds = this.tracker.overall(centred.id)
    const unsigned = bounds.min >= 0
    if (held !== undefined && signedBits(bounds) > shift + held) {
      const draft: LayerDraft = { kind: 'rescale', shift, bits: shift + held, unsigned: false, held: true, activation }
      return this.emit(name, sources, [centred], draft, value.shape, centred.scale * 2 ** shift)
    }
    // Nothing to shift and nothing to change: values that are never negative pass a ReLU as they are.
    if (shift === 0 && (unsigned || activation.kind === 'identity')) return centred
    const bits = Math.max(shift + 1, unsigned ? unsignedBits(bounds) : signedBits(bounds))
    const kept: RescaleLayer['activation'] = unsigned ? { kind: 'identity' } : activation
    const draft: LayerDraft = { kind: 'rescale', shift, bits, unsigned, activation: kept }
    const scale = centred.scale * 2 ** shift
    const extra = kept.kind === 'leaky' ? 2 ** -kept.log2Denominator : 1
    return this.emit(name, sources, [centred], draft, value.shape, scale * extra)
  }

  finish(
    name: string,
    program: Pick<IntegerProgram, 'input' | 'output' | 'architecture' | 'outputs'>,
    scores: Value,
    notes: readonly string[],
  ): IntegerProgram {
    return {
      format: 'cohort-zkml-program',
      version: 1,
      name,
      mode: this.mode,
      input: program.input,
      scores: scores.id,
      output: program.output,
      ...(program.outputs === undefined ? {} : { outputs: program.outputs }),
      tensors: [...this.tensors.values()],
      layers: this.layers,
      notes: [...notes, ...this.notes],
      architecture: program.architecture,
    }
  }

  private addHalf(name: string, sources: readonly string[], value: Value, half: number, alone: boolean): Value {
    const at = this.producers.get(value.id)
    const producer = at === undefined ? undefined : this.layers[at]!
    const size = elementCount(value.shape)
    if (alone && producer !== undefined && at === this.layers.length - 1) {
      const added = withBias(producer, half, this.mode)
      if (added !== null) {
        this.layers[at!] = added
        this.tracker.add(added, size)
        this.describe(value)
        return value
      }
    }
    return this.emit(`${name}_half`, sources, [value], lineDraft(size, 1, half), value.shape, value.scale)
  }

  private describe(value: Value): void {
    const { id, shape, scale } = value
    this.tensors.set(id, { id, shape, bounds: this.tracker.overall(id), scale })
  }

  private uniqueName(name: string): string {
    const plain = name.replace(/[^a-zA-Z0-9]+/g, '_').replace(/^_+|_+$/g, '')
    const safe = /^[a-zA-Z]/.test(plain) ? plain : `layer_${plain}`
    let candidate = safe
    for (let i = 2; this.names.has(candidate); i++) candidate = `${safe}_${i}`
    this.names.add(candidate)
    return candidate
  }
}

/** `layer` with `half` added to every output by its bias, or null when it has none that may take it. */
function withBias(layer: IntegerLayer, half: number, mode: Mode): IntegerLayer | null {
  if (layer.kind === 'sparse') return { ...layer, bias: layer.bias.map((value) => value + half) }
  if (layer.kind !== 'conv2d' && layer.kind !== 'dense' && layer.kind !== 'scale') return null
  // A committed bias has a fixed width and belongs to the owner: a constant of the architecture does the rounding.
  if (mode === 'committed') return null
  const { values, bits, added = 0 } = layer.bias
  return { ...layer, bias: { values: values.map((value) => value + half), bits, added: added + half } }
}

/**
 * factor · x + added of each of `size` elements. A constant of the architecture, so a sparse layer: those have no parameter to
 * commit to.
 */
export function lineDraft(size: number, factor: number, added = 0): LayerDraft {
  return {
    kind: 'sparse',
    offsets: identityMap(size + 1),
    indices: identityMap(size),
    coefficients: new Float64Array(size).fill(factor),
    // Never −0, which a file would not keep.
    bias: new Float64Array(size).fill(added + 0),
  }
}

/** Bits of a signed window that holds all of `values`. */
export function valueBits(values: Float64Array): number {
  return signedBits({
    min: values.reduce((a, b) => Math.min(a, b), 0),
    max: values.reduce((a, b) => Math.max(a, b), 0),
  })
}
