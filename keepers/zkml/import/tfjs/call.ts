// SPDX-License-Identifier: GPL-3.0-or-later
// The arguments of a layer handler: the layer's configuration, its weights, its inputs, and the graph so far.
import { z } from 'zod'
import type { GraphBuilder } from '../../graph/builder.ts'
import { CompileError, type CompileErrorCode } from '../../graph/errors.ts'
import { filled } from '../../graph/tensor.ts'
import type { Pair, Tensor, ValueName } from '../../graph/types.ts'
import type { Layer } from './topology.ts'

export class LayerCall {
  readonly builder: GraphBuilder
  readonly layer: Layer
  readonly inputs: readonly ValueName[]
  private readonly weights: ReadonlyMap<string, Tensor>

  constructor(builder: GraphBuilder, layer: Layer, inputs: readonly ValueName[], weights: ReadonlyMap<string, Tensor>) {
    this.builder = builder
    this.layer = layer
    this.inputs = inputs
    this.weights = weights
  }

  get name(): string {
    return this.layer.name
  }

  get input(): ValueName {
    if (this.inputs.length !== 1) this.fail('malformed-file', `takes 1 input, found ${this.inputs.length}`)
    return this.inputs[0]!
  }

  get shape(): readonly number[] {
    return this.builder.shape(this.input)
  }

  number(key: string, fallback: number): number {
    return this.read(key, z.number(), fallback)
  }

  text(key: string, fallback: string): string {
    return this.read(key, z.string(), fallback)
  }

  flag(key: string, fallback: boolean): boolean {
    return this.read(key, z.boolean(), fallback)
  }

  numbers(key: string): number[] | null {
    return this.read<number[] | null>(key, z.array(z.number()), null)
  }

  /** A number that stands for itself in both axes, or two. One-dimensional layers write one, or a list of one. */
  pair(key: string, fallback: Pair, oneDimensional: boolean): Pair {
    const given = this.read(key, z.union([z.number(), z.array(z.number()).min(1).max(2)]), [...fallback])
    const list = typeof given === 'number' ? [given] : given
    if (oneDimensional) return [1, list.at(-1)!]
    return [list[0]!, list[1] ?? list[0]!]
  }

  /** Weight `variable` of this layer. Python exporters put scopes before the name and ":0" after it. */
  weight(variable: string): Tensor {
    const found = this.optionalWeight(variable)
    return found ?? this.fail('missing-part', `its weight ${variable} is in no shard of the manifest`)
  }

  optionalWeight(variable: string): Tensor | null {
    const wanted = `${this.name}/${variable}`
    const plain = (name: string): string => name.replace(/:\d+$/, '')
    const exact = [...this.weights].filter(([name]) => plain(name) === wanted)
    const inScope = [...this.weights].filter(([name]) => plain(name).endsWith(`/${wanted}`))
    const loose = [...this.weights].filter(([name]) => {
      const parts = plain(name).split('/')
      return parts.includes(this.name) && parts.at(-1) === variable
    })
    const found = [exact, inScope, loose].find((list) => list.length > 0)
    if (found === undefined) return null
    if (found.length > 1)
      this.fail('malformed-file', `its weight ${variable} may be ${found.map(([name]) => name).join(' or ')}`)
    return found[0]![1]
  }

  /** Weight `variable`. The layer's configuration fixes its shape; null stands for a length that it leaves open. */
  shapedWeight(variable: string, shape: readonly (number | null)[]): Tensor {
    const found = this.weight(variable)
    const fits = found.shape.length === shape.length && shape.every((n, i) => n === null || n === found.shape[i])
    if (!fits)
      this.fail(
        'shape-mismatch',
        `its weight ${variable} has shape [${found.shape}] where [${shape.map((n) => n ?? '…')}] is needed`,
      )
    return found
  }

  /** A length of the configuration, or null where it is absent. */
  length(key: string): number | null {
    return this.read<number | null>(key, z.number().int().min(1), null)
  }

  bias(size: number): Tensor {
    return this.flag('use_bias', true) ? this.weight('bias') : filled([size], 0)
  }

  fail(code: CompileErrorCode, message: string): never {
    throw new CompileError(code, `${this.layer.kind} ${this.name}: ${message}`, {
      layer: this.name,
      operator: this.layer.kind,
    })
  }

  private read<T>(key: string, schema: z.ZodType<T>, fallback: T): T {
    const value = this.layer.config[key]
    if (value === undefined || value === null) return fallback
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    return this.fail('malformed-file', `config.${key} is ${JSON.stringify(value)}: ${parsed.error.issues[0]!.message}`)
  }
}
