// SPDX-License-Identifier: GPL-3.0-or-later
// A model commitment fixes more than the weights: also the network that they belong to. Two networks of equal weights have
// different commitments; one network has the same in both modes, whatever a circuit shows of its output.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { IntegerLayer } from '../graph/layers.ts'
import { type IntegerProgram, tensorOf } from '../graph/program.ts'
import { digestSignal } from './digest.ts'

/** The architecture as a field element: the upper 248 bits of a SHA-256. */
export function architectureOf(program: IntegerProgram): bigint {
  const digest = program.architecture ?? architectureDigest(structureOf(program))
  return digestSignal(sha256(utf8ToBytes(`cohort/architecture/1 ${digest}`)))
}

/** SHA-256 (hexadecimal) over a description of a network, written as JSON. */
export function architectureDigest(description: unknown): string {
  const text = JSON.stringify(description, (_, part: unknown) => {
    if (part instanceof Int32Array || part instanceof Float64Array || part instanceof Uint8Array)
      return Array.from(part)
    // JSON has no infinity, and an absent limit must differ from a limit of 0.
    return typeof part === 'number' && !Number.isFinite(part) ? String(part) : part
  })
  return bytesToHex(sha256(utf8ToBytes(text)))
}

/**
 * A program as its layers, for programs that were not made from a network and a plan: everything but names, weights, bit
 * widths that follow from bounds, and the output.
 */
function structureOf(program: IntegerProgram): unknown {
  const places = new Map([[program.input.tensor, 0]])
  for (const [i, layer] of program.layers.entries()) places.set(layer.output, i + 1)
  const { bits, min, pieces, tensor } = program.input
  return {
    input: { bits, min, pieces, shape: tensorOf(program, tensor).shape, scale: tensorOf(program, tensor).scale },
    layers: program.layers.map((layer) => ({
      inputs: layer.inputs.map((id) => places.get(id)),
      shape: tensorOf(program, layer.output).shape,
      ...shapeOf(layer),
    })),
    scores: places.get(program.scores),
  }
}

/** Fields of a layer that do not affect its function, or that are its weights. */
const LEFT_OUT = new Set(['name', 'inputs', 'output', 'sources', 'bits', 'unsigned'])
const PARAMETERS: Readonly<Partial<Record<IntegerLayer['kind'], readonly string[]>>> = {
  conv2d: ['weights', 'bias'],
  dense: ['weights', 'bias'],
  scale: ['scale', 'bias'],
  lookup: ['table'],
  compare: ['thresholds'],
}

function shapeOf(layer: IntegerLayer): Record<string, unknown> {
  const parameters = layer.kind === 'compare' && layer.fixed ? [] : (PARAMETERS[layer.kind] ?? [])
  return Object.fromEntries(
    Object.entries(layer).filter(([field]) => !LEFT_OUT.has(field) && !parameters.includes(field)),
  )
}
