// SPDX-License-Identifier: GPL-3.0-or-later
// The topology part of a Keras/tfjs model file, parsed: layers, their configuration, and who feeds whom.
import { z } from 'zod'
import { CompileError } from '../../graph/errors.ts'

export type LayerConfig = Readonly<Record<string, unknown>>

/** One layer and its calls. Each call lists its operands as [layer name, call index]. */
export type Layer = {
  readonly kind: string
  readonly name: string
  readonly config: LayerConfig
  readonly calls: readonly (readonly (readonly [string, number])[])[]
}

/** A Sequential model has a chain of layers; a functional one a graph with named ends. */
export type Topology =
  | { readonly form: 'sequential'; readonly name: string; readonly layers: readonly Layer[] }
  | {
      readonly form: 'functional'
      readonly name: string
      readonly layers: readonly Layer[]
      readonly inputs: readonly (readonly [string, number])[]
      readonly outputs: readonly (readonly [string, number])[]
    }

const record = z.record(z.string(), z.unknown())
const endpoint = z.tuple([z.string(), z.number().int().min(0), z.number().int().min(0)]).rest(z.unknown())
const layerJson = z.object({
  class_name: z.string(),
  name: z.string().optional(),
  config: record,
  inbound_nodes: z.array(z.unknown()).default([]),
})
/** A single end is written flat by some exporters: ["input", 0, 0] instead of [["input", 0, 0]]. */
const ends = z.union([z.array(endpoint), endpoint.transform((one) => [one])])
const functionalConfig = z.object({
  name: z.string().default('model'),
  layers: z.array(layerJson),
  input_layers: ends,
  output_layers: ends,
})
const sequentialConfig = z.union([
  z.object({ name: z.string().default('model'), layers: z.array(layerJson) }),
  z.array(layerJson).transform((layers) => ({ name: 'model', layers })),
])
const modelJson = z.object({ class_name: z.string(), config: z.unknown() })

const FUNCTIONAL = new Set(['Model', 'Functional'])

/** Whether a layer is itself a model. */
export function isModel(kind: string): boolean {
  return kind === 'Sequential' || FUNCTIONAL.has(kind)
}

/** Deepest nesting of models: a real one has two or three levels, a hostile one thousands. */
export const MOST_NESTED = 16

/** Parses {class_name, config}, whole or nested. @throws CompileError malformed-file naming the field. */
export function parseTopology(json: unknown): Topology {
  const model = parse(modelJson, json, 'modelTopology')
  if (model.class_name === 'Sequential') {
    const { name, layers } = parse(sequentialConfig, model.config, 'modelTopology.config')
    return { form: 'sequential', name, layers: layers.map(toLayer) }
  }
  if (!FUNCTIONAL.has(model.class_name))
    throw new CompileError(
      'unsupported-operator',
      `a model of class ${model.class_name}; Sequential, Functional and Model are supported`,
    )
  const config = parse(functionalConfig, model.config, 'modelTopology.config')
  const pair = ([name, call]: readonly [string, number, ...unknown[]]): [string, number] => [name, call]
  return {
    form: 'functional',
    name: config.name,
    layers: config.layers.map(toLayer),
    inputs: config.input_layers.map(pair),
    outputs: config.output_layers.map(pair),
  }
}

function toLayer(json: z.output<typeof layerJson>): Layer {
  const name = typeof json.config.name === 'string' ? json.config.name : (json.name ?? json.class_name)
  const calls = json.inbound_nodes.map((call) => {
    const list = parse(z.array(z.unknown()), call, `inbound_nodes of ${name}`)
    // One input may be written flat as well.
    const entries = typeof list[0] === 'string' ? [list] : list
    return entries.map((entry) => {
      const [from, index, output, keywords] = parse(endpoint, entry, `inbound_nodes of ${name}`)
      if (output !== 0)
        throw new CompileError(
          'unsupported-attribute',
          `${name} reads output ${output} of ${from}; layers have one output`,
          { layer: name },
        )
      for (const [key, value] of Object.entries(parse(record, keywords ?? {}, `inbound_nodes of ${name}`))) {
        if (key !== 'training')
          throw new CompileError('unsupported-attribute', `${name} is called with extra arguments`, { layer: name })
        if (value !== false && value !== null)
          throw new CompileError(
            'unsupported-attribute',
            `${name} is called with training = ${JSON.stringify(value)}`,
            {
              layer: name,
            },
          )
      }
      return [from, index] as const
    })
  })
  return { kind: json.class_name, name, config: json.config, calls }
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue!.path.length === 0 ? what : `${what}.${issue!.path.join('.')}`
  throw new CompileError('malformed-file', `model.json field ${path}: ${issue!.message}`)
}
