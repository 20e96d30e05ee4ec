// SPDX-License-Identifier: GPL-3.0-or-later
// The template `Network`: from an input and (in committed mode) parameters, both as offsets from their least value, to the
// scores. Values between layers are circom variables, that is linear expressions: a linear layer costs nothing, and the
// next gadget that takes its value makes one linear constraint of it.

import type { IntegerLayer } from '../../graph/layers.ts'
import { elementCount, type IntegerProgram, programParameters, tensorOf } from '../../graph/program.ts'
import { checkMagnitudes } from '../bounds.ts'
import { CircuitError } from '../errors.ts'
import type { LayerContext } from './context.ts'
import { writeLayer } from './layers.ts'
import { DEFAULT_TILE } from './statement.ts'
import { CircomText, literal } from './text.ts'

/** An input signal that carries one parameter list of the model. */
export type ParameterSignal = {
  readonly name: string
  readonly count: number
  readonly bits: number
  /** The least value: added to the signal it gives the weight. */
  readonly min: number
}

export type NetworkSource = {
  /** Constants, then the template. */
  readonly text: CircomText
  readonly gadgets: ReadonlySet<string>
}

/** The parameter signals of a program, in commitment order. `$` cannot occur in a layer's name, so none collide. */
export function parameterSignals(program: IntegerProgram): ParameterSignal[] {
  return programParameters(program).map(({ layer, role, parameter }) => ({
    name: `${layer}$${role}`,
    count: parameter.values.length,
    bits: parameter.bits,
    min: -(2 ** (parameter.bits - 1)),
  }))
}

/** @throws CircuitError `unsupported` for a program with layers that do not fit together. */
export function writeNetwork(program: IntegerProgram, tile: number): NetworkSource {
  const constants = new CircomText()
  const body = new CircomText()
  const gadgets = new Set<string>()
  const names = new Map<string, string>()
  const size = (id: string) => elementCount(tensorOf(program, id).shape)
  const committed = program.mode === 'committed'
  const { input } = program

  const inputSize = size(input.tensor)
  body.add('template Network() {', `signal input x[${inputSize}];`)
  if (committed) {
    for (const { name, count } of parameterSignals(program)) body.add(`signal input ${name}[${count}];`)
  }
  body.add(`signal output score[${size(program.scores)}];`, '')
  if (input.min === 0) {
    names.set(input.tensor, 'x')
  } else {
    body.add(`var x$value[${inputSize}];`)
    body.loops([['i', inputSize]], () => body.add(`x$value[i] = x[i] + ${literal(input.min)};`))
    names.set(input.tensor, 'x$value')
  }

  for (const layer of program.layers) {
    const context: LayerContext = {
      constants,
      body,
      gadgets,
      committed,
      tile,
      size,
      bounds: (id) => tensorOf(program, id).bounds,
      value: (id) => {
        const name = names.get(id)
        if (name === undefined)
          throw new CircuitError('unsupported', `layer ${layer.name} reads ${id} before it is made`)
        return name
      },
    }
    body.add('', describe(layer, program))
    names.set(layer.output, writeLayer(layer, context))
  }
  const scores = names.get(program.scores)
  if (scores === undefined) throw new CircuitError('unsupported', `no layer makes the scores ${program.scores}`)
  body.add('')
  body.loops([['i', size(program.scores)]], () => body.add(`score[i] <== ${scores}[i];`))
  body.add('}', '')
  return { text: constants.append(body), gadgets }
}

/**
 * The template `Network` of a released program by itself, for a circuit around it: from x, the input as offsets from its least value,
 * to the scores. That circuit ranges x (input.bits each).
 * @returns circom source without pragma, and the files of circuits/lib that it includes, without `.circom`
 * @throws CircuitError `unsupported` for committed weights; `bound-exceeded` when sums could reach the size of the field
 */
export function networkSource(program: IntegerProgram): {
  readonly gadgets: readonly string[]
  readonly source: string
} {
  if (program.mode !== 'released') {
    throw new CircuitError('unsupported', `program ${program.name}: its weights are a witness; release them for this`)
  }
  checkMagnitudes(program)
  const { gadgets, text } = writeNetwork(program, DEFAULT_TILE)
  return { gadgets: [...gadgets].sort(), source: text.toString() }
}

function describe(layer: IntegerLayer, program: IntegerProgram): string {
  const shapeOf = (id: string) => `[${tensorOf(program, id).shape.join(', ')}]`
  const { min, max } = tensorOf(program, layer.output).bounds
  return `// ${layer.name}: ${layer.kind} ${layer.inputs.map(shapeOf).join(', ')} -> ${shapeOf(layer.output)} in [${min}, ${max}]`
}
