// SPDX-License-Identifier: GPL-3.0-or-later
// Comparisons: with thresholds, among elements; and the leaves of decision trees that they lead to.
import { distinctComparisons } from '../../graph/comparisons.ts'
import type { ArgMaxLayer, CompareLayer, PathsLayer } from '../../graph/layers.ts'
import { declareConstant, type LayerContext } from './context.ts'
import { literal } from './text.ts'

/** One comparator for each question; with private thresholds one for each output, since equal ones must not show. */
export function writeCompare(layer: CompareLayer, context: LayerContext): string {
  const { body, gadgets } = context
  const equal = layer.relation === 'equal'
  gadgets.add(equal ? 'equal' : 'threshold')
  const { name, bits, thresholds } = layer
  const committed = context.committed && !layer.fixed
  const count = layer.positions.length
  const { first, of } = committed
    ? { first: layer.positions.map((_, i) => i), of: layer.positions.map((_, i) => i) }
    : distinctComparisons(layer)
  const positions = declareConstant(
    context,
    `${name}$positions`,
    first.map((i) => layer.positions[i]!),
  )
  const unit = `${name}$unit`
  const out = `${name}$out`
  const x = context.value(layer.inputs[0]!)
  body.add(`component ${unit}[${first.length}];`, `var ${out}[${count}];`)
  if (committed) {
    const least = literal(-(2 ** (thresholds.bits - 1)))
    body.loops([['i', count]], () =>
      body.add(
        `${unit}[i] = ${equal ? 'Equal()' : `AtLeast(0, ${bits})`};`,
        `${unit}[i].${equal ? 'a' : 'in'} <== ${x}[${positions}[i]] - ${name}$thresholds[i] - ${least};`,
        ...(equal ? [`${unit}[i].b <== 0;`] : []),
        `${out}[i] = ${unit}[i].out;`,
      ),
    )
    return out
  }
  const values = declareConstant(
    context,
    `${name}$thresholds`,
    Array.from(first, (i) => thresholds.values[i]!),
  )
  const places = declareConstant(context, `${name}$of`, of)
  body.loops([['i', first.length]], () =>
    equal
      ? body.add(`${unit}[i] = Equal();`, `${unit}[i].a <== ${x}[${positions}[i]];`, `${unit}[i].b <== ${values}[i];`)
      : body.add(`${unit}[i] = AtLeast(${values}[i], ${bits});`, `${unit}[i].in <== ${x}[${positions}[i]];`),
  )
  body.loops([['i', count]], () => body.add(`${out}[i] = ${unit}[${places}[i]].out;`))
  return out
}

/** The place of the largest element of each window. */
export function writeArgMax(layer: ArgMaxLayer, context: LayerContext): string {
  const { body, gadgets } = context
  gadgets.add('argmax')
  const width = layer.windows[0]!.length
  const windows = declareConstant(
    context,
    `${layer.name}$windows`,
    layer.windows.flatMap((window) => Array.from(window)),
  )
  const unit = `${layer.name}$unit`
  const out = `${layer.name}$out`
  const count = layer.windows.length
  body.add(`component ${unit}[${count}];`, `var ${out}[${count}];`)
  body.loops([['i', count]], () => {
    body.add(`${unit}[i] = ArgMax(${width}, ${layer.bits});`)
    body.loops([['k', width]], () =>
      body.add(`${unit}[i].score[k] <== ${context.value(layer.inputs[0]!)}[${windows}[i * ${width} + k]];`),
    )
    body.add(`${out}[i] = ${unit}[i].index;`)
  })
  return out
}

/** Leaves on the 0 side are differences, which cost nothing. */
export function writePaths(layer: PathsLayer, context: LayerContext): string {
  const { body, gadgets } = context
  gadgets.add('paths')
  const { name } = layer
  const [inner, count] = [layer.parents.length, layer.leaves.length]
  const parents = declareConstant(context, `${name}$parents`, layer.parents)
  const leaves = declareConstant(context, `${name}$leaves`, layer.leaves)
  const unit = `${name}$unit`
  const reached = `${name}$reached`
  const out = `${name}$out`
  body.add(`component ${unit} = Paths(${inner}, ${parents});`, `var ${reached}[${inner}];`, `var ${out}[${count}];`)
  body.loops([['i', inner]], () => body.add(`${unit}.decision[i] <== ${context.value(layer.inputs[0]!)}[i];`))
  const below = (target: string, from: string): void => {
    body.add(
      `if (${from} % 2 == 1) {`,
      `${target} = ${unit}.one[${from} \\ 2];`,
      '} else {',
      `${target} = ${reached}[${from} \\ 2] - ${unit}.one[${from} \\ 2];`,
      '}',
    )
  }
  body.loops([['i', inner]], () => {
    body.add(`if (${parents}[i] < 0) {`, `${reached}[i] = 1;`, '} else {')
    below(`${reached}[i]`, `${parents}[i]`)
    body.add('}')
  })
  body.loops([['i', count]], () => below(`${out}[i]`, `${leaves}[i]`))
  return out
}
