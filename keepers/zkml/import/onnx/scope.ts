// SPDX-License-Identifier: GPL-3.0-or-later
// The names in a file and in its bodies, and the operands that they stand for.
import type { GraphBuilder } from '../../graph/builder.ts'
import type { CompileErrorCode } from '../../graph/errors.ts'
import type { SoftmaxKind } from '../../graph/types.ts'
import type { ConstantBudget } from './budget.ts'
import type { Operand } from './operand.ts'
import type { Opsets } from './operators.ts'
import type { FunctionProto, NodeProto } from './schema.ts'

/** State of a whole file, or of a function in it. */
export type Place = {
  readonly opsets: Opsets
  /** Functions that the file defines, by `functionKey`. */
  readonly functions: ReadonlyMap<string, FunctionProto>
  /** Nodes of bodies that may still run. Without a limit, a body that runs itself twice at each of sixteen levels would never end. */
  readonly budget: {
    left: number
    /** For constants: those in the file, once more at each run of their body, and those folded from them. */
    readonly constants: ConstantBudget
  }
  /** Runs nodes and puts their results into the scope. Injected, because the module that runs nodes imports every operator. */
  readonly run: (scope: Scope, nodes: readonly NodeProto[]) => void
}

/** Bodies inside bodies: more serves nobody. */
const MOST_NESTED = 16

/** The names of a body; they shadow the names of the surrounding graph. */
class InnerNames extends Map<string, Operand> {
  readonly #outer: ReadonlyMap<string, Operand>

  constructor(outer: ReadonlyMap<string, Operand>) {
    super()
    this.#outer = outer
  }

  override get(name: string): Operand | undefined {
    return super.get(name) ?? this.#outer.get(name)
  }

  override has(name: string): boolean {
    return super.has(name) || this.#outer.has(name)
  }
}

/** The node that a body belongs to. */
type Caller = { readonly name: string; fail(code: CompileErrorCode, message: string): never }

/** The model being imported: maps each ONNX name to its operand. */
export class Scope {
  readonly builder: GraphBuilder
  readonly file: Place
  readonly operands: Map<string, Operand>
  /** Values that stand for the result of a Softmax (or the like) that was left out. */
  readonly ranked = new Map<string, SoftmaxKind>()
  /** Names that some node or the output reads; null when unknown. */
  readonly read: ReadonlySet<string> | null
  /** Stands before the names of nodes. */
  readonly place: string
  readonly depth: number

  constructor(
    builder: GraphBuilder,
    file: Place,
    operands: Map<string, Operand>,
    read: ReadonlySet<string> | null = null,
    inside: { readonly place: string; readonly depth: number } = { place: '', depth: 0 },
  ) {
    this.builder = builder
    this.file = file
    this.operands = operands
    this.read = read
    this.place = inside.place
    this.depth = inside.depth
  }

  get opsets(): Opsets {
    return this.file.opsets
  }

  /** The version of the standard operators. */
  get opset(): number {
    return this.file.opsets.standard
  }

  /** Another graph, for what constants alone make. */
  other(builder: GraphBuilder, operands: Map<string, Operand>): Scope {
    return new Scope(builder, this.file, operands, null, this)
  }

  /** A body of a node here; with `own` names alone, or with those around it. */
  inner(call: Caller, own: boolean, opsets: Opsets = this.opsets): Scope {
    if (this.depth >= MOST_NESTED) call.fail('unsupported-attribute', `bodies are nested deeper than ${MOST_NESTED}`)
    const operands = own ? new Map<string, Operand>() : new InnerNames(this.operands)
    const inside = { place: `${call.name}.`, depth: this.depth + 1 }
    return new Scope(this.builder, { ...this.file, opsets }, operands, null, inside)
  }
}
