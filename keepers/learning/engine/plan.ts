// SPDX-License-Identifier: GPL-3.0-or-later
// Lays a network's activations and gradients out in kernel memory and lists the operations that run over them.
import type { Arena, Pointer } from '../kernel/load.ts'
import { type Activation, elements, type ImageShape, type Layer } from '../model/layers.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import type { ModelSpec } from '../types.ts'
import { layOutConvolution } from './convolution.ts'
import { differentiate, isPlain, lossOf } from './loss.ts'

/** One operation over the first `count` samples of its buffers. */
type Operation = {
  readonly trainable: boolean
  /** `seed` is null outside training: no dropout then. */
  forward(count: number, seed: number | null): void
  /** `wanted`: whether anybody needs the gradient with respect to this operation's input. */
  backward(count: number, wanted: boolean): void
}

/** A tensor and its gradient; `capacity` samples of `length` floats each. */
type Node = { readonly values: Pointer; readonly gradient: Pointer; readonly length: number }

const ACTIVATION_KINDS: Record<Exclude<Activation, 'linear' | 'softmax'>, number> = { relu: 1, sigmoid: 2, tanh: 3 }

/** The network for batches of up to `capacity` samples. The softmax of the last layer is left to the loss. */
export class Plan {
  readonly capacity: number
  /** Staging: inputs channels last, labels as int32, targets one for each output. */
  readonly inputs: Pointer
  readonly labels: Pointer
  readonly targets: Pointer
  readonly logits: Pointer
  readonly #arena: Arena
  readonly #spec: ModelSpec
  readonly #operations: Operation[] = []
  readonly #logitsGradient: Pointer
  readonly #correct: Pointer
  readonly #firstTrainable: number

  constructor(
    arena: Arena,
    spec: ModelSpec,
    layers: readonly Layer[],
    memory: { weights: Pointer; gradient: Pointer; capacity: number },
  ) {
    this.#arena = arena
    this.#spec = spec
    this.capacity = memory.capacity
    const node = (length: number): Node => ({
      values: arena.allocate(length * memory.capacity),
      gradient: arena.allocate(length * memory.capacity),
      length,
    })
    const parameter = (name: string, length: number) => {
      const found = spec.parameters.find((candidate) => candidate.name === name)
      // A layer without bias computes with zeros and throws their gradient away.
      if (found === undefined) return { at: arena.allocate(length), gradient: arena.allocate(length) }
      return { at: memory.weights + 4 * found.offset, gradient: memory.gradient + 4 * found.offset }
    }

    const inputLength = spec.inputShape.reduce((a, b) => a * b, 1)
    let current = node(inputLength)
    this.inputs = current.values
    const channels = spec.inputShape.length === 3 ? spec.inputShape[2]! : 1
    if (channels > 1) current = this.#addInterleave(current, node(inputLength), channels, true)
    for (const layer of layers) {
      switch (layer.kind) {
        case 'conv': {
          const weights = parameter(`${layer.name}/kernel`, 0)
          const bias = parameter(`${layer.name}/bias`, layer.output.channels)
          const record = layOutConvolution(arena, layer, {
            weights: weights.at,
            bias: bias.at,
            weightGradient: weights.gradient,
            biasGradient: bias.gradient,
          })
          const output = node(elements(layer.output))
          this.#addConvolution(record, current, output)
          current = output
          this.#addActivation(layer.activation, current)
          break
        }
        case 'dense': {
          const weights = parameter(`${layer.name}/kernel`, 0)
          const bias = parameter(`${layer.name}/bias`, layer.units)
          const output = node(layer.units)
          this.#addDense(layer.inputs, layer.units, weights, bias, current, output)
          current = output
          this.#addActivation(layer.activation, current)
          break
        }
        case 'average-pool':
        case 'max-pool': {
          const output = node(elements(layer.output))
          this.#addPool(layer, current, output)
          current = output
          break
        }
        case 'flatten': {
          const { channels, height, width } = layer.input
          if (channels > 1 && height * width > 1) {
            current = this.#addInterleave(current, node(layer.length), channels, false)
          }
          break
        }
        case 'activation':
          this.#addActivation(layer.activation, current)
          break
        case 'dropout': {
          const output = node(layer.length)
          this.#addDropout(layer.rate, current, output)
          current = output
          break
        }
      }
    }
    this.logits = current.values
    this.#logitsGradient = current.gradient
    this.labels = arena.allocate(memory.capacity)
    this.targets = arena.allocate(memory.capacity * spec.classes)
    this.#correct = arena.allocate(1)
    this.#firstTrainable = this.#operations.findIndex(({ trainable }) => trainable)
  }

  /** Logits of the staged batch. */
  forward(count: number, seed: number | null): void {
    for (const operation of this.#operations) operation.forward(count, seed)
  }

  /** After `forward`: adds to the gradient buffer (which the caller zeroes); returns the loss sum and the hits. */
  backward(count: number): { lossSum: number; correct: number } {
    const outcome = this.#differentiateLoss(count)
    for (let i = this.#operations.length - 1; i >= this.#firstTrainable; i--) {
      this.#operations[i]!.backward(count, i > this.#firstTrainable)
    }
    return outcome
  }

  #differentiateLoss(count: number): { lossSum: number; correct: number } {
    const arena = this.#arena
    const { classes: outputs } = this.#spec
    const loss = lossOf(this.#spec)
    if (isPlain(loss)) {
      const lossSum = arena.kernel.crossEntropy(
        this.logits,
        this.labels,
        this.#logitsGradient,
        this.#correct,
        count,
        outputs,
      )
      return { lossSum, correct: arena.ints(this.#correct, 1)[0]! }
    }
    const logits = arena.floats(this.logits, count * outputs)
    const targets = arena.floats(this.targets, count * outputs)
    const answers = { logits, labels: arena.ints(this.labels, count), targets, count, outputs }
    return differentiate(loss, answers, arena.floats(this.#logitsGradient, count * outputs))
  }

  #addConvolution(record: Pointer, input: Node, output: Node): void {
    const { kernel } = this.#arena
    this.#operations.push({
      trainable: true,
      forward: (count) => kernel.convForward(record, input.values, output.values, count),
      backward: (count, wanted) =>
        kernel.convBackward(record, input.values, output.gradient, wanted ? input.gradient : 0, count),
    })
  }

  #addDense(
    inputs: number,
    units: number,
    weights: { at: Pointer; gradient: Pointer },
    bias: { at: Pointer; gradient: Pointer },
    input: Node,
    output: Node,
  ): void {
    const arena = this.#arena
    const table = (length: number, stride: number) =>
      arena.allocateTable(Array.from({ length }, (_, i) => 4 * i * stride))
    const inputTable = table(inputs, 1)
    const weightTable = table(inputs, units)
    const sampleTable = table(this.capacity, inputs)
    const unitTable = table(this.capacity, units)
    this.#operations.push({
      trainable: true,
      forward: (count) =>
        arena.kernel.denseForward(
          input.values,
          weights.at,
          bias.at,
          output.values,
          count,
          inputs,
          units,
          inputTable,
          weightTable,
        ),
      backward: (count, wanted) =>
        arena.kernel.denseBackward(
          input.values,
          weights.at,
          output.gradient,
          weights.gradient,
          bias.gradient,
          wanted ? input.gradient : 0,
          count,
          inputs,
          units,
          inputTable,
          weightTable,
          sampleTable,
          unitTable,
        ),
    })
  }

  #addPool(layer: Extract<Layer, { kind: 'average-pool' | 'max-pool' }>, input: Node, output: Node): void {
    const { kernel } = this.#arena
    const { height, width, channels } = layer.input
    const size = (shape: ImageShape) => shape.height * shape.width
    const window = [...layer.pool, ...layer.strides]
    const sides = [height, width, layer.output.height, layer.output.width]
    if (layer.kind === 'average-pool') {
      this.#operations.push({
        trainable: false,
        forward: (count) =>
          kernel.averagePoolForward(input.values, output.values, count * channels, ...sides, ...window),
        backward: (count) =>
          kernel.averagePoolBackward(output.gradient, input.gradient, count * channels, ...sides, ...window),
      })
      return
    }
    const winners = this.#arena.allocate(output.length * this.capacity)
    this.#operations.push({
      trainable: false,
      forward: (count) =>
        kernel.maxPoolForward(input.values, output.values, winners, count * channels, ...sides, ...window),
      backward: (count) =>
        kernel.maxPoolBackward(
          output.gradient,
          winners,
          input.gradient,
          count * channels,
          size(layer.input),
          size(layer.output),
        ),
    })
  }

  /** In place on `node`: no operation before it needs its own output to go backward. */
  #addActivation(activation: Activation, node: Node): void {
    if (activation === 'linear' || activation === 'softmax') return
    const { kernel } = this.#arena
    const kind = ACTIVATION_KINDS[activation]
    this.#operations.push({
      trainable: false,
      forward: (count) => kernel.activate(node.values, count * node.length, kind),
      backward: (count) => kernel.activateBackward(node.values, node.gradient, count * node.length, kind),
    })
  }

  /** Inverted dropout: kept values are divided by the chance of being kept. */
  #addDropout(rate: number, input: Node, output: Node): void {
    const arena = this.#arena
    const mask = arena.allocate(output.length * this.capacity)
    const index = this.#operations.length
    const keep = 1 / (1 - rate)
    let applied = false
    const copy = (from: Pointer, to: Pointer, length: number) =>
      arena.floats(to, length).set(arena.floats(from, length))
    this.#operations.push({
      trainable: false,
      forward: (count, seed) => {
        const length = count * output.length
        copy(input.values, output.values, length)
        applied = seed !== null
        if (seed === null) return
        const random = new SeededRandom(deriveSeed(seed, 0xd0, index))
        const values = arena.floats(mask, length)
        for (let i = 0; i < length; i++) values[i] = random.uniform() < rate ? 0 : keep
        arena.kernel.multiply(output.values, mask, length)
      },
      backward: (count) => {
        const length = count * output.length
        copy(output.gradient, input.gradient, length)
        if (applied) arena.kernel.multiply(input.gradient, mask, length)
      },
    })
  }

  /** Between planar (ours) and channels last (tfjs): `toPlanar` for the network's input, the other way when flattening. */
  #addInterleave(input: Node, output: Node, channels: number, toPlanar: boolean): Node {
    const { kernel } = this.#arena
    const size = input.length / channels
    const [there, back] = toPlanar ? [1, 0] : [0, 1]
    this.#operations.push({
      trainable: false,
      forward: (count) => kernel.interleave(input.values, output.values, count, channels, size, there),
      backward: (count) => kernel.interleave(output.gradient, input.gradient, count, channels, size, back),
    })
    return output
  }
}
