// SPDX-License-Identifier: GPL-3.0-or-later
// Circuits that hash the bytes that they read, and show a label with its margin, such as those of stories and spends.
import { type Model, modelJson } from '../learning/index.ts'
import {
  type ByteReading,
  type CircuitManifest,
  calibrate,
  type Graph,
  type InferenceProof,
  type InferenceProver,
  type IntegerProgram,
  importTfjs,
  interpret,
  type ProveOptions,
  plainResult,
  readingBytes,
} from '../zkml/index.ts'
import { ServingError } from './errors.ts'

/** Bytes of the tag before the content, which states its purpose. The tag is committed to like the rest, but the network does not read it. */
export const TAG_BYTES = 8

/** How such a circuit shows its input and its output. */
export const BYTE_CIRCUIT = { input: 'sha256', output: 'public' } as const

/** A network's output for bytes. */
export type Reading = {
  /** Index of the class with the highest score; on a tie, the lowest index. */
  readonly label: number
  /** How far the label is ahead of the next one, in units of the circuit. */
  readonly margin: bigint
  /** Label and margin in one number, the third public signal, as contracts take it: label + 2^16 · margin. */
  readonly output: bigint
}

/** Bits of a weight and of an activation: docs/zkml.md has their cost in accuracy. */
export type ByteKnobs = { readonly weightBits: { default: number }; readonly activationBits: { default: number } }

/** The integer program of a network that reads bits. Its weights are constants, and `samples` of whole inputs set its scales. */
export function byteProgram(
  model: Model,
  reading: ByteReading,
  samples: readonly Uint8Array[],
  knobs: ByteKnobs,
): IntegerProgram {
  const graph = readingBytes(graphOf(model), reading)
  return calibrate(graph, samples, { mode: 'released', output: { kind: 'margin' }, knobs }).program
}

function graphOf(model: Model): Graph {
  const { buffer, byteOffset, byteLength } = model.weights
  return importTfjs(JSON.stringify(modelJson(model)), () => new Uint8Array(buffer, byteOffset, byteLength))
}

/** A program's reading, without a proof. */
export function readBytes(program: IntegerProgram, bytes: Uint8Array): Reading {
  return readingOf(plainResult(program, interpret(program, bytes).scores))
}

/**
 * Proves a program's reading of bytes, for one context.
 * @param what names the bytes, for the message
 * @throws ServingError wrong-circuit when the prover's circuit is of another kind
 */
export async function proveBytes(
  prover: InferenceProver,
  bytes: Uint8Array,
  context: bigint,
  what: string,
  options: ProveOptions = {},
): Promise<{ readonly reading: Reading; readonly proof: InferenceProof }> {
  requireByteCircuit(prover, BYTE_CIRCUIT, what)
  const proof = await prover.prove({ input: bytes, integers: true, context }, options)
  return { reading: readingOf(proof.publicSignals[2]!), proof }
}

/** @throws ServingError wrong-circuit when the circuit shows its input or output in another way, or shows no margin */
export function requireByteCircuit(
  prover: InferenceProver,
  { input, output }: { readonly input: string; readonly output: string },
  what: string,
): void {
  const { manifest, program } = prover.circuit.folder
  if (manifest.input === input && manifest.output === output && program.output.kind === 'margin') return
  throw new ServingError(
    'wrong-circuit',
    `circuit ${manifest.name} shows input ${inWords(manifest.input)}, output ${inWords(manifest.output)} ${program.output.kind}; ` +
      `${what} need ${input}, ${output} and margin`,
  )
}

function inWords(shown: CircuitManifest['input']): string {
  return typeof shown === 'string' ? shown : 'one by one'
}

/** Label and margin of the third public signal. */
export function readingOf(output: bigint): Reading {
  return { label: Number(output & 0xffffn), margin: output >> 16n, output }
}
