// SPDX-License-Identifier: GPL-3.0-or-later
import type { BitsLayer } from '../../graph/layers.ts'
import type { LayerContext } from './context.ts'

/** The bits of a tensor's elements, as the range check of each element has them. */
export function writeBits(layer: BitsLayer, context: LayerContext): string {
  const { body, gadgets } = context
  gadgets.add('range')
  const positions = context.size(layer.inputs[0]!)
  const { name, width } = layer
  const out = `${name}$out`
  body.add(`component ${name}$range[${positions}];`, `signal ${out}[${positions * width}];`)
  body.loops([['i', positions]], () => {
    body.add(
      `${name}$range[i] = Range(0, ${width});`,
      `${name}$range[i].in <== ${context.value(layer.inputs[0]!)}[i];`,
      // In Range the lowest bit is the remainder that the others leave.
      `var lowest = ${name}$range[i].in;`,
    )
    body.loops([['k', width - 1]], () =>
      body.add(
        `${out}[i * ${width} + k + 1] <== ${name}$range[i].high[k];`,
        `lowest -= ${name}$range[i].high[k] * (1 << (k + 1));`,
      ),
    )
    body.add(`${out}[i * ${width}] <== lowest;`)
  })
  return out
}
