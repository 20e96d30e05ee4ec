// SPDX-License-Identifier: GPL-3.0-or-later
// Poseidon in constraints: the function of ../circuit/poseidon.ts, three constraints an S-box (610 for 16 elements, as in
// circuits/lib/poseidon.circom). Between S-boxes the state is linear in their outputs; those expressions are worked out once for
// each width.
import { SCALAR_FIELD } from '../bn254.ts'
import { POSEIDON_FULL_ROUNDS, POSEIDON_MAX_INPUTS, poseidonParameters } from '../circuit/poseidon.ts'
import type { Builder } from './builder.ts'
import { type Coefficient, coefficientOf, constant, type Linear, Sum, single } from './linear.ts'

const SBOX_CONSTRAINTS = 3

/** Expressions of S-box inputs, and of the digest, in what comes before: the inputs, then the outputs of the S-boxes. */
type Template = { readonly boxes: readonly Row[]; readonly digest: Row }
type Row = {
  readonly sources: readonly number[]
  readonly factors: readonly Coefficient[]
  readonly constant: Coefficient
}

const templates = new Map<number, Template>()

/** h₀ = first; hᵢ₊₁ = Poseidon(hᵢ, next ≤ 15 elements); the last h: poseidonChain. */
export function chainOf(builder: Builder, first: bigint, elements: readonly Linear[]): Linear {
  let state = constant(first)
  for (let at = 0; at < elements.length; at += POSEIDON_MAX_INPUTS - 1)
    state = poseidonOf(builder, [state, ...elements.slice(at, at + POSEIDON_MAX_INPUTS - 1)])
  return state
}

/** Poseidon of 1 to 16 elements, as an expression. */
export function poseidonOf(builder: Builder, inputs: readonly Linear[]): Linear {
  const template = templates.get(inputs.length) ?? templateOf(inputs.length)
  templates.set(inputs.length, template)
  if (builder.onlyCounts) {
    builder.counted += SBOX_CONSTRAINTS * template.boxes.length
    return single(builder.wire())
  }
  const sources: Linear[] = [...inputs]
  const expand = (row: Row) => {
    const sum = new Sum().addConstant(row.constant)
    for (let i = 0; i < row.sources.length; i++) sum.add(sources[row.sources[i]!]!, row.factors[i]!)
    return sum.take()
  }
  for (const row of template.boxes) sources.push(fifthPower(builder, expand(row)))
  return expand(template.digest)
}

function fifthPower(builder: Builder, x: Linear): Linear {
  const [square, fourth, fifth] = [builder.wire(), builder.wire(), builder.wire()]
  builder.step((values) => {
    const element = values.field(x)
    const squared = (element * element) % SCALAR_FIELD
    const raised = (squared * squared) % SCALAR_FIELD
    values.set(square, squared)
    values.set(fourth, raised)
    values.set(fifth, (raised * element) % SCALAR_FIELD)
  })
  builder.constrain(x, x, single(square))
  builder.constrain(single(square), single(square), single(fourth))
  builder.constrain(single(fourth), x, single(fifth))
  return single(fifth)
}

/** A state element while the template is made: a factor of each source, and a constant. */
type Symbolic = { readonly factors: bigint[]; constant: bigint }

function templateOf(count: number): Template {
  const width = count + 1
  const { partialRounds, mds, roundConstants } = poseidonParameters(count)
  const boxes: Row[] = []
  let state: Symbolic[] = Array.from({ length: width }, (_, j) => ({
    factors: Array.from({ length: count }, (_, i) => (i === j - 1 ? 1n : 0n)),
    constant: 0n,
  }))
  const box = (x: Symbolic): Symbolic => {
    if (x.factors.every((factor) => factor === 0n)) return { factors: [], constant: x.constant ** 5n % SCALAR_FIELD }
    boxes.push(rowOf(x))
    const factors = new Array<bigint>(count + boxes.length).fill(0n)
    factors[count + boxes.length - 1] = 1n
    return { factors, constant: 0n }
  }
  for (const [round, constants] of roundConstants.entries()) {
    for (const [j, x] of state.entries()) x.constant = (x.constant + constants[j]!) % SCALAR_FIELD
    const isFull = round < POSEIDON_FULL_ROUNDS / 2 || round >= POSEIDON_FULL_ROUNDS / 2 + partialRounds
    const boxed = state.map((x, j) => (isFull || j === 0 ? box(x) : x))
    state = mds.map((row) => mix(row, boxed))
  }
  return { boxes, digest: rowOf(state[0]!) }
}

function mix(row: readonly bigint[], state: readonly Symbolic[]): Symbolic {
  const factors = new Array<bigint>(Math.max(...state.map((x) => x.factors.length))).fill(0n)
  let sum = 0n
  for (const [j, x] of state.entries()) {
    const weight = row[j]!
    for (let i = 0; i < x.factors.length; i++) if (x.factors[i] !== 0n) factors[i]! += weight * x.factors[i]!
    sum += weight * x.constant
  }
  return { factors: factors.map((factor) => factor % SCALAR_FIELD), constant: sum % SCALAR_FIELD }
}

function rowOf({ factors, constant: value }: Symbolic): Row {
  const sources: number[] = []
  const kept: Coefficient[] = []
  for (const [i, factor] of factors.entries()) {
    const coefficient = coefficientOf(factor)
    if (coefficient === 0) continue
    sources.push(i)
    kept.push(coefficient)
  }
  return { sources, factors: kept, constant: coefficientOf(value) }
}
