// SPDX-License-Identifier: GPL-3.0-or-later
// Graphs inside a file: bodies of If, Loop and Scan, and functions that it defines. Each runs at its call.
import { CompileError } from '../../graph/errors.ts'
import { checkNames, opsetsOf, typeOf } from './check.ts'
import type { Invocation } from './invocation.ts'
import type { Operand } from './operand.ts'
import { decodeGraph, type FunctionProto, type GraphProto, type ModelProto, type NodeProto } from './schema.ts'
import type { Scope } from './scope.ts'
import { settle } from './settle.ts'
import { readTensor } from './tensors.ts'
import { typeName } from './types.ts'

/** Deeper bodies are refused when they run. */
const MOST_SEARCHED = 32

/** Names that the bodies of a node read, names of the surrounding graph included. */
export function capturedNames({ attribute }: NodeProto, depth = 0): string[] {
  if (depth > MOST_SEARCHED) return []
  return attribute.flatMap(({ g }) => {
    if (g === undefined) return []
    const { node, output } = decodeGraph(g)
    return [
      ...node.flatMap((each) => [...each.input, ...capturedNames(each, depth + 1)]),
      ...output.map(({ name }) => name),
    ]
  })
}

/** The body in `attribute`, with its names checked; sparse initialisers are refused. @throws CompileError malformed-file */
export function bodyOf(call: Invocation, attribute: string): GraphProto {
  const body = decodeGraph(call.graph(attribute))
  checkNames(body, call.scope.operands)
  if (body.sparseInitializer.length > 0) call.fail('unsupported-operator', `its ${attribute} holds sparse initialisers`)
  return body
}

/** Runs a body on operands for its inputs; the operands of its outputs. */
export function runBody(call: Invocation, body: GraphProto, inputs: readonly Operand[]): Operand[] {
  const scope = call.scope.inner(call, false)
  for (const proto of body.initializer) {
    const constant = readTensor(proto, `${call.name}.initializer`)
    scope.file.budget.constants.spend(constant, `${scope.place}${proto.name}`)
    scope.operands.set(proto.name, { constant })
  }
  for (const [i, { name, type }] of body.input.entries()) {
    const operand = inputs[i]!
    const declared = type?.tensor?.elementType ?? 0
    if (declared !== 0 && declared !== typeOf(operand))
      call.fail(
        'malformed-file',
        `input ${name} of its body is declared as ${typeName(declared)} and given ${typeName(typeOf(operand))}`,
      )
    scope.operands.set(name, operand)
  }
  scope.file.run(scope, body.node)
  for (const { name } of body.output) settle(scope, name, call.name)
  return body.output.map(
    ({ name }) =>
      scope.operands.get(name) ?? call.fail('missing-part', `nothing computes the output ${name} of its body`),
  )
}

function functionKey({ domain, name, overload }: { domain: string; name: string; overload: string }): string {
  return JSON.stringify([domain, name, overload])
}

/** Functions that a file defines. @throws CompileError where one takes the place of a standard operator, or comes twice */
export function functionsOf({ functions }: ModelProto): Map<string, FunctionProto> {
  const found = new Map<string, FunctionProto>()
  for (const each of functions) {
    const key = functionKey(each)
    if (each.domain === '' || each.domain === 'ai.onnx' || each.domain.startsWith('ai.onnx.'))
      throw new CompileError('unsupported-operator', `the model redefines ${each.domain || 'ai.onnx'}.${each.name}`)
    if (found.has(key)) throw new CompileError('malformed-file', `the model defines ${each.domain}.${each.name} twice`)
    found.set(key, each)
  }
  return found
}

/** The function of the file that a node calls; null when it is an operator. */
export function functionOf({ file }: Scope, { domain, opType, overload }: NodeProto): FunctionProto | null {
  return file.functions.get(functionKey({ domain, name: opType, overload })) ?? null
}

/** Runs a function's nodes in their own scope. */
export function runFunction(call: Invocation, written: FunctionProto): Operand[] {
  const { node } = call
  if (node.input.length > written.input.length || node.output.length > written.output.length)
    call.fail(
      'malformed-file',
      `${node.input.length} inputs and ${node.output.length} outputs of a function with ${written.input.length} and ${written.output.length}`,
    )
  const given = new Map(node.attribute.map((each) => [each.name, each]))
  const defaults = new Map(written.attributeProto.map((each) => [each.name, each]))
  for (const name of given.keys())
    if (!written.attribute.includes(name) && !defaults.has(name))
      call.fail('malformed-file', `the function has no attribute ${name}`)
  for (const name of written.attribute)
    if (!given.has(name)) call.fail('malformed-file', `attribute ${name} is missing`)
  const scope = call.scope.inner(call, true, opsetsOf({ opsetImport: written.opsetImport, node: written.node }))
  for (const [i, name] of written.input.entries()) if (call.has(i)) scope.operands.set(name, call.operand(i))
  const absent = new Set(written.input.filter((_, i) => !call.has(i)))
  const nodes = written.node.map((each) => ({
    ...each,
    input: each.input.map((name) => (absent.has(name) ? '' : name)),
    attribute: each.attribute.flatMap((attribute) => {
      if (attribute.reference === '') return [attribute]
      const meant = given.get(attribute.reference) ?? defaults.get(attribute.reference)
      return meant === undefined ? [] : [{ ...meant, name: attribute.name }]
    }),
  }))
  const blank = { name: '', initializer: [], sparseInitializer: [], output: [] }
  checkNames({ ...blank, node: nodes, input: written.input.map((name) => ({ name })) }, new Set())
  scope.file.run(scope, nodes)
  return node.output.map((_, i) => {
    const name = written.output[i]!
    settle(scope, name, call.name)
    return scope.operands.get(name) ?? call.fail('missing-part', `nothing computes the output ${name} of the function`)
  })
}
