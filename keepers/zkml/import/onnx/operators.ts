// SPDX-License-Identifier: GPL-3.0-or-later
// The facts that onnx's own checker has about each operator, by opset. The table is written by scripts/onnx/operators.py.
import table from './operators.json' with { type: 'json' }
import mlTable from './operators-ml.json' with { type: 'json' }
import type { DataType } from './types.ts'

/** AttributeProto.AttributeType of the types that a network's attributes have. */
export const ATTRIBUTE_TYPES: Readonly<Record<number, string>> = {
  1: 'FLOAT',
  2: 'INT',
  3: 'STRING',
  4: 'TENSOR',
  5: 'GRAPH',
  6: 'FLOATS',
  7: 'INTS',
  8: 'STRINGS',
  9: 'TENSORS',
  10: 'GRAPHS',
  11: 'SPARSE_TENSOR',
  12: 'SPARSE_TENSORS',
  13: 'TYPE_PROTO',
  14: 'TYPE_PROTOS',
}

export type OperatorSchema = {
  readonly since: number
  /** Least and most inputs and outputs. */
  readonly in: readonly [number, number]
  readonly out: readonly [number, number]
  /** A type variable or a DataType for each; the last one stands for all further ones. */
  readonly inputs: readonly (string | DataType)[]
  readonly outputs: readonly (string | DataType)[]
  readonly types: Readonly<Record<string, readonly DataType[]>>
  /** AttributeProto.AttributeType, negative when it must be given. */
  readonly attributes: Readonly<Record<string, number>>
  /** The last input stands for any number; `false`: of any types. */
  readonly variadic?: boolean
}

/** The versions that a file imports of the standard operators and of ai.onnx.ml (0: not imported). */
export type Opsets = { readonly standard: number; readonly ml: number }

type Version = { readonly since: number; readonly schema: OperatorSchema | null }

/** By operator, the newest first; a schema of null says that the operator was withdrawn. */
const VERSIONS: ReadonlyMap<string, readonly Version[]> = newestFirst(table)
const ML_VERSIONS: ReadonlyMap<string, readonly Version[]> = newestFirst(mlTable)

/** The domain of classical models; its operators are versioned separately. */
export const ML_DOMAIN = 'ai.onnx.ml'

function newestFirst(entries: Readonly<Record<string, unknown>>): Map<string, Version[]> {
  const versions = new Map<string, Version[]>()
  for (const [key, entry] of Object.entries(entries)) {
    const [name, opset] = key.split('@') as [string, string]
    const since = Number(opset)
    const schema = entry === null ? null : ({ ...(entry as object), since } as OperatorSchema)
    const list = versions.get(name) ?? []
    list.push({ since, schema })
    versions.set(name, list)
  }
  for (const list of versions.values()) list.sort((a, b) => b.since - a.since)
  return versions
}

/** The version of an operator that an opset means; null when it has none, or no longer any. */
export function operatorSchema(name: string, opset: number, domain = ''): OperatorSchema | null {
  const versions = domain === ML_DOMAIN ? ML_VERSIONS : VERSIONS
  return versions.get(name)?.find(({ since }) => since <= opset)?.schema ?? null
}
