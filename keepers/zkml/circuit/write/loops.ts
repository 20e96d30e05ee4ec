// SPDX-License-Identifier: GPL-3.0-or-later
// Loops that layers with constant weights and layers with private ones share.
import type { Conv2dLayer, LookupLayer } from '../../graph/layers.ts'
import type { LayerContext } from './context.ts'
import type { CircomText } from './text.ts'

/**
 * Writes the loops of a direct convolution and returns the name of its outputs; `term` adds one tap to `part`. Sums are taken in parts, because circom copies an
 * expression whenever it grows.
 */
export function writeConv2dLoops(
  layer: Conv2dLayer,
  context: LayerContext,
  bias: string,
  term: (body: CircomText, x: string, weightIndex: string) => void,
): string {
  const { body } = context
  const [h, w, cin] = layer.inShape
  const [oh, ow, cout] = layer.outShape
  const [kh, kw] = layer.kernel
  const cg = cin / layer.groups
  const out = `${layer.name}$out`
  const x = context.value(layer.inputs[0]!)
  body.add(`var ${out}[${oh * ow * cout}];`)
  body.loops(
    [
      ['y', oh],
      ['z', ow],
      ['o', cout],
    ],
    () => {
      body.add(`var sum = ${bias}[o];`)
      body.loops(
        [
          ['i', kh],
          ['j', kw],
        ],
        () => {
          body.add(
            `var row = y * ${layer.strides[0]} + i * ${layer.dilations[0]} - ${layer.padding.top};`,
            `var column = z * ${layer.strides[1]} + j * ${layer.dilations[1]} - ${layer.padding.left};`,
            `if (row >= 0 && row < ${h} && column >= 0 && column < ${w}) {`,
            'var part = 0;',
          )
          body.loops([['c', cg]], () => {
            const group = layer.groups === 1 ? '' : ` + o \\ ${cout / layer.groups} * ${cg}`
            term(
              body,
              `${x}[(row * ${w} + column) * ${cin}${group} + c]`,
              `((i * ${kw} + j) * ${cg} + c) * ${cout} + o`,
            )
          })
          body.add('sum += part;', '}')
        },
      )
      body.add(`${out}[(y * ${ow} + z) * ${cout} + o] = sum;`)
    },
  )
  return out
}

/** Selectors and sums of a lookup; `term` adds row v, column d of position i to `sum`. */
export function writeLookupLoops(layer: LookupLayer, context: LayerContext, term: () => void): string {
  const { body, gadgets } = context
  gadgets.add('onehot')
  const positions = context.size(layer.inputs[0]!)
  const out = `${layer.name}$out`
  body.add(`component ${layer.name}$row[${positions}];`, `var ${out}[${positions * layer.width}];`)
  body.loops([['i', positions]], () => {
    body.add(
      `${layer.name}$row[i] = OneHot(${layer.rows});`,
      `${layer.name}$row[i].in <== ${context.value(layer.inputs[0]!)}[i];`,
    )
    body.loops([['d', layer.width]], () => {
      body.add('var sum = 0;')
      body.loops([['v', layer.rows]], term)
      body.add(`${out}[i * ${layer.width} + d] = sum;`)
    })
  })
  return out
}
