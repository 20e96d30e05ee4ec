// SPDX-License-Identifier: GPL-3.0-or-later
// Random ONNX graphs of any operator that the importer knows: odd shapes, element types, constants on every side, limits that
// files hold and exporters rarely write. Most are valid; what is not must be refused by name.
import type { Random } from '../random.ts'
import type { Model } from './onnx-file.ts'
import { CHOICES } from './random-choices.ts'
import { COMPOSED } from './random-composed.ts'
import { Drawing, type Step } from './random-drawing.ts'
import { ELEMENTWISE } from './random-elementwise.ts'
import { FOLDED } from './random-folded.ts'
import { LAYERS } from './random-layers.ts'
import { MOVEMENT } from './random-movement.ts'
import { QUANTISED } from './random-quantised.ts'
import { LAST, WEIGHTED } from './random-weighted.ts'

const STEPS: readonly Step[] = [...ELEMENTWISE, ...WEIGHTED, ...MOVEMENT, ...FOLDED]

/** A graph of 1 to 4 operators. */
export function randomOperators(random: Random): Model {
  const opset = random.pick([8, 9, 11, 12, 13, 15, 17, 18, 19, 20, 22, 23])
  const shape = random.pick([
    [1, random.int(1, 6)],
    [random.int(2, 3), random.int(1, 5)],
    [1, random.int(1, 4), random.int(1, 7)],
    [1, random.int(1, 4), random.int(2, 7), random.int(1, 7)],
    [1, random.pick([4, 8]), random.int(1, 4), random.int(1, 4)],
    [random.int(2, 5)],
  ])
  const drawing = new Drawing(random, opset, shape)
  const steps = random.int(1, 4)
  // Three graphs in ten compare and choose, mostly by what they have just computed; others grow images, go through sequences, round, or have bodies.
  const way = random.next()
  const special = way < 0.3 ? CHOICES : way < 0.5 ? LAYERS : way < 0.6 ? QUANTISED : way < 0.7 ? COMPOSED : null
  for (let i = 0; i < (special === CHOICES ? steps + 2 : steps); i++)
    random.pick(special !== null && random.next() < 0.7 ? special : STEPS)(drawing)
  if (random.next() < 0.1) random.pick(LAST)(drawing)
  const output = drawing.entries.filter((entry) => entry.computed).at(-1)!
  if (output.name === 'x') {
    drawing.emit('Identity', [output], {}, output.shape)
    return { ...finished(drawing, shape), output: drawing.entries.at(-1)!.name }
  }
  return { ...finished(drawing, shape), output: output.name }
}

function finished({ opset, nodes, constants }: Drawing, shape: readonly number[]): Omit<Model, 'output'> {
  return { opset, input: { name: 'x', shape }, nodes, constants }
}
