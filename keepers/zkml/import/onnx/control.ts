// SPDX-License-Identifier: GPL-3.0-or-later
// If, Loop and Scan where the file itself says which way they go and how often: the branch that is taken, the body written out.
import { bodyOf, runBody } from './bodies.ts'
import type { Handler, Invocation } from './invocation.ts'
import { constantOf, integersOf, type Operand, type Result, resultOf } from './operand.ts'
import { TYPE } from './types.ts'

/** Times that a body is written out, as many as the steps of a recurrent network. */
const MOST_STEPS = 512

export const CONTROL_HANDLERS: Readonly<Record<string, Handler>> = {
  If: (call) => {
    const taken = truth(call, call.operand(0), 'condition')
    const branch = taken ? 'then_branch' : 'else_branch'
    const body = bodyOf(call, branch)
    if (body.input.length > 0) call.fail('malformed-file', `its ${branch} takes inputs`)
    requireOutputs(call, body.output.length, call.node.output.length, branch)
    return runBody(call, body, []).map((operand) => resultOf(operand))
  },
  Loop: (call) => {
    const body = bodyOf(call, 'body')
    const carried = call.node.input.length - 2
    const scanned = body.output.length - 1 - carried
    if (body.input.length !== carried + 2 || scanned < 0)
      call.fail(
        'malformed-file',
        `its body takes ${body.input.length} and gives ${body.output.length} for ${carried} values that are carried`,
      )
    requireOutputs(call, carried + scanned, call.node.output.length, 'body')
    const trips = call.has(0) ? whole(call, call.operand(0), 'trip count') : Number.POSITIVE_INFINITY
    let goes = call.has(1) ? truth(call, call.operand(1), 'condition') : true
    let state = Array.from({ length: carried }, (_, i) => call.operand(i + 2))
    const collected: Operand[][] = Array.from({ length: scanned }, () => [])
    for (let step = 0; goes && step < trips; step++) {
      requireSteps(call, step + 1)
      const inputs = [constantOf(TYPE.int64, [], [step]), constantOf(TYPE.bool, [], [1]), ...state]
      const made = runBody(call, body, inputs)
      goes = truth(call, made[0]!, `condition after step ${step + 1}`)
      state = made.slice(1, 1 + carried)
      for (const [k, operand] of made.slice(1 + carried).entries()) collected[k]!.push(operand)
    }
    return [...state.map((operand) => resultOf(operand)), ...collected.map((parts) => stacked(call, parts, 0))]
  },
  Scan: (call) => {
    if (call.schema.since < 9) call.fail('unsupported-operator', 'its form of opset 8; export in opset 9 or later')
    const body = bodyOf(call, 'body')
    const count = call.int('num_scan_inputs', 0)
    const states = call.node.input.length - count
    const scanned = body.output.length - states
    if (count < 1 || states < 0 || scanned < 0 || body.input.length !== states + count)
      call.fail(
        'malformed-file',
        `num_scan_inputs = ${count} of ${call.node.input.length} inputs, and a body of ${body.input.length}`,
      )
    requireOutputs(call, body.output.length, call.node.output.length, 'body')
    const list = (name: string, length: number): number[] => {
      const given = call.ints(name) ?? new Array<number>(length).fill(0)
      if (given.length !== length) call.fail('malformed-file', `${name} has ${given.length} numbers, not ${length}`)
      return given
    }
    const backward = (name: string, length: number): boolean[] =>
      list(name, length).map((each) => {
        if (each !== 0 && each !== 1) call.fail('malformed-file', `${name} holds ${each}; 0 or 1 is needed`)
        return each === 1
      })
    const [from, to] = [backward('scan_input_directions', count), backward('scan_output_directions', scanned)]
    const given = list('scan_input_axes', count)
    const axes = given.map((axis, i) => call.axis(axis, call.shape(states + i).length, 'scan_input_axes'))
    const lengths = axes.map((axis, i) => call.shape(states + i)[axis]!)
    const length = lengths[0]!
    if (lengths.some((each) => each !== length))
      call.fail('malformed-file', `its scanned inputs have ${lengths.join(', ')} steps`)
    requireSteps(call, length)
    let state = Array.from({ length: states }, (_, i) => call.operand(i))
    const collected: Operand[][] = Array.from({ length: scanned }, () => [])
    for (let step = 0; step < length; step++) {
      const parts = axes.map((axis, i) => {
        const place = constantOf(TYPE.int64, [], [from[i] ? length - 1 - step : step])
        return call.apply('Gather', [call.operand(states + i), place], { axis })[0]!
      })
      const made = runBody(call, body, [...state, ...parts])
      state = made.slice(0, states)
      for (const [k, operand] of made.slice(states).entries())
        if (to[k]) collected[k]!.unshift(operand)
        else collected[k]!.push(operand)
    }
    const places = list('scan_output_axes', scanned)
    return [
      ...state.map((operand) => resultOf(operand)),
      ...collected.map((parts, k) => stacked(call, parts, places[k]!)),
    ]
  },
}

/** A condition that the file settles. */
function truth(call: Invocation, operand: Operand, what: string): boolean {
  if ('value' in operand)
    return call.fail('unsupported-operator', `the network computes its ${what}; a constant one is supported`)
  const { data, type } = operand.constant
  if (type !== TYPE.bool || data.length !== 1) return call.fail('malformed-file', `its ${what} is not a single boolean`)
  return data[0] !== 0
}

function whole(call: Invocation, operand: Operand, what: string): number {
  if ('value' in operand)
    return call.fail('unsupported-operator', `the network computes its ${what}; a constant one is supported`)
  if (operand.constant.data.length !== 1) return call.fail('malformed-file', `its ${what} is not a single number`)
  return operand.constant.data[0]!
}

function requireSteps(call: Invocation, steps: number): void {
  if (steps > MOST_STEPS)
    call.fail('unsupported-attribute', `more than ${MOST_STEPS} steps; the importer unrolls every step`)
}

function requireOutputs(call: Invocation, found: number, wanted: number, body: string): void {
  if (found < wanted) call.fail('malformed-file', `its ${body} gives ${found} of ${wanted} outputs`)
}

/** One part a step, along a new axis. */
function stacked(call: Invocation, parts: readonly Operand[], axis: number): Result {
  if (parts.length === 0)
    return call.fail('unsupported-attribute', 'its body never runs, so the shape of its scan outputs is unknown')
  const rank = call.shapeOf(parts[0]!).length + 1
  const place = call.axis(axis, rank, 'scan_output_axes')
  const wide = parts.map((part) => call.apply('Unsqueeze', [part, integersOf(place)])[0]!)
  return resultOf(wide.length === 1 ? wide[0]! : call.apply('Concat', wide, { axis: place })[0]!)
}
