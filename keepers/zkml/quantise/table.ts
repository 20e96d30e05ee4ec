// SPDX-License-Identifier: GPL-3.0-or-later
// The table that an owner reads before compiling: every layer's range, bits and constraint cost.

import type { IntegerLayer } from '../graph/layers.ts'
import { type IntegerProgram, tensorOf } from '../graph/program.ts'
import { signedBits, unsignedBits } from '../graph/windows.ts'
import { type CostOptions, programCost } from './cost.ts'

export type TableRow = {
  readonly layer: string
  readonly kind: string
  readonly shape: readonly number[]
  /** Proven bounds of the output's integers. */
  readonly min: number
  readonly max: number
  /** Bits that hold an output value. */
  readonly bits: number
  /** Real value of one unit. */
  readonly scale: number
  /** Bits of a weight, where the layer has weights. */
  readonly weightBits: number | null
  /** The number that the layer's gadget decomposes, and its shift. */
  readonly accumulatorBits: number | null
  readonly shift: number | null
  readonly constraints: number
}

/** Rows: the input, the parameters' ranges and commitment, every layer, the output; their constraints add up to `total`. */
export function programTable(program: IntegerProgram, options: CostOptions = {}): { rows: TableRow[]; total: number } {
  const cost = programCost(program, options)
  const input = tensorOf(program, program.input.tensor)
  const scores = tensorOf(program, program.scores)
  const rows: TableRow[] = [
    row('input', `${program.input.bits}-bit range, commitment`, input, sum(cost.input)),
    row(
      'model',
      program.mode === 'committed' ? 'ranges, commitment' : 'constants',
      { ...input, shape: [] },
      sum(cost.parameters),
    ),
    ...program.layers.map((layer) => ({
      ...row(layer.name, describe(layer), tensorOf(program, layer.output), sum(cost.layers.get(layer.name)!)),
      weightBits: weightBits(layer),
      accumulatorBits: 'bits' in layer ? layer.bits : null,
      shift: layer.kind === 'rescale' ? layer.shift : null,
    })),
    // One constraint ties the context to the proof; it is counted with the output.
    row('output', program.output.kind, scores, sum(cost.output) + 1),
  ]
  return { rows, total: cost.total }
}

/** The table as aligned text. */
export function formatProgramTable(program: IntegerProgram, options: CostOptions = {}): string {
  const { rows, total } = programTable(program, options)
  const cells = [['layer', 'kind', 'shape', 'range', 'bits', 'weights', 'decomposes', 'shift', 'constraints']]
  for (const each of rows)
    cells.push([
      each.layer,
      each.kind,
      each.shape.join('×'),
      `[${each.min}, ${each.max}]`,
      String(each.bits),
      each.weightBits === null ? '' : `${each.weightBits} bits`,
      each.accumulatorBits === null ? '' : `${each.accumulatorBits} bits`,
      each.shift === null ? '' : String(each.shift),
      each.constraints.toLocaleString('en-US'),
    ])
  cells.push(['total', '', '', '', '', '', '', '', total.toLocaleString('en-US')])
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)))
  return cells
    .map((line) =>
      line
        .map((cell, i) => (i < 4 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function row(
  layer: string,
  kind: string,
  tensor: { shape: readonly number[]; bounds: { min: number; max: number }; scale: number },
  constraints: number,
): TableRow {
  const { min, max } = tensor.bounds
  const bits = min >= 0 ? unsignedBits({ max }) : signedBits({ min, max })
  const { shape, scale } = tensor
  return {
    layer,
    kind,
    shape,
    min,
    max,
    bits,
    scale,
    weightBits: null,
    accumulatorBits: null,
    shift: null,
    constraints,
  }
}

function sum(cost: { quadratic: number; linear: number }): number {
  return cost.quadratic + cost.linear
}

function weightBits(layer: IntegerLayer): number | null {
  if (layer.kind === 'conv2d' || layer.kind === 'dense') return layer.weights.bits
  if (layer.kind === 'scale') return layer.scale.bits
  if (layer.kind === 'compare' && !layer.fixed) return layer.thresholds.bits
  return layer.kind === 'lookup' ? layer.table.bits : null
}

function describe(layer: IntegerLayer): string {
  if (layer.kind === 'rescale')
    return layer.activation.kind === 'identity' ? 'rescale' : `rescale + ${layer.activation.kind}`
  if (layer.kind === 'conv2d') return `conv2d ${layer.kernel.join('×')}`
  return layer.kind
}
