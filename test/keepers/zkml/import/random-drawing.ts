// SPDX-License-Identifier: GPL-3.0-or-later
// A random ONNX graph in the making: what every generator of operators draws from and adds to.
import type { Random } from '../random.ts'
import type { Attribute, Constant, ElementType, Node } from './onnx-file.ts'

export type Entry = {
  readonly name: string
  readonly shape: readonly number[]
  readonly type: ElementType
  readonly computed: boolean
}

export class Drawing {
  readonly random: Random
  readonly opset: number
  readonly nodes: Node[] = []
  readonly constants: Record<string, Constant> = {}
  readonly entries: Entry[]

  constructor(random: Random, opset: number, shape: readonly number[]) {
    this.random = random
    this.opset = opset
    this.entries = [{ name: 'x', shape, type: 'float', computed: true }]
  }

  chance(probability: number): boolean {
    return this.random.next() < probability
  }

  /** A value that depends on the input, the newest most often. */
  value(fits: (shape: readonly number[]) => boolean = () => true): Entry | null {
    const found = this.entries.filter((entry) => entry.computed && entry.type === 'float' && fits(entry.shape))
    if (found.length === 0) return null
    return this.chance(0.7) ? found.at(-1)! : this.random.pick(found)
  }

  constant(shape: readonly number[], low = -2, high = 2): Entry {
    return this.known({ shape, data: this.random.list(size(shape), low, high), typed: this.chance(0.3) })
  }

  integers(data: readonly number[], type: ElementType = 'int64'): Entry {
    return this.known({ shape: [data.length], data, type, typed: this.chance(0.3) })
  }

  known(constant: Constant): Entry {
    const name = `c${Object.keys(this.constants).length}`
    this.constants[name] = constant
    return { name, shape: constant.shape, type: constant.type ?? 'float', computed: false }
  }

  emit(
    op: string,
    inputs: readonly (Entry | null)[],
    attributes: Record<string, Attribute>,
    shape: readonly number[],
    type: ElementType = 'float',
  ): Entry {
    const name = `v${this.nodes.length}`
    this.nodes.push({ op, inputs: inputs.map((entry) => entry?.name ?? ''), outputs: [name], attributes })
    const entry = { name, shape, type, computed: inputs.some((each) => each?.computed === true) }
    this.entries.push(entry)
    return entry
  }

  /** A further output of the node that computes `first`. */
  second(first: Entry, shape: readonly number[], type: ElementType): Entry {
    const at = this.nodes.findIndex(({ outputs }) => outputs[0] === first.name)
    const name = `${first.name}b`
    this.nodes[at] = { ...this.nodes[at]!, outputs: [first.name, name] }
    const entry = { name, shape, type, computed: first.computed }
    this.entries.push(entry)
    return entry
  }

  /** A shape that broadcasts with `shape`: some axes 1, some missing in front, perhaps one more. */
  partner(shape: readonly number[]): number[] {
    const cut = this.chance(0.4) ? this.random.int(0, shape.length) : 0
    const rest = shape.slice(cut).map((length) => (this.chance(0.3) ? 1 : length))
    return this.chance(0.1) && rest.length < 4 ? [this.random.int(1, 2), ...shape.slice(0, cut), ...rest] : rest
  }
}

export function size(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1)
}

export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => Math.max(a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1))
}

export type Step = (drawing: Drawing) => void
