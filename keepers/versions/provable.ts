// SPDX-License-Identifier: GPL-3.0-or-later
// From float weights to the integers that a circuit proves and the members commit to.
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import {
  contradictionInLayerGroups,
  initialWeights,
  type ModelSpec,
  modelJson,
  parseModelSpec,
  specHash,
} from '../learning/index.ts'
import {
  buildWithPlan,
  CompileError,
  commitModel,
  type Graph,
  type IntegerProgram,
  importTfjs,
  type OutputSpec,
  type Plan,
} from '../zkml/index.ts'
import { VersionError } from './errors.ts'
import type { ServiceManifest } from './manifest.ts'
import { lossOfTask, outputsOf } from './task.ts'

/** Bits of a salt. Every number of this many bits is an element of BN254's scalar field. */
const SALT_BITS = 253n

/** A manifest's model, with the rules for rounding any weights of it and committing to them. */
export type PlannedModel = {
  readonly spec: ModelSpec
  readonly plan: Plan
  /** For an amount: the proven value is mean + deviation · output, in its unit. */
  readonly target?: { readonly mean: number; readonly deviation: number }
}

/** The weights of one version as integers, and the number of weights that were clipped. */
export type ProvableModel = {
  /** In committed mode, everything that depends on the weights is part of the witness, so all versions share one circuit. */
  readonly program: IntegerProgram
  /** Number of weights that were outside the plan's range and were clipped to it. */
  readonly clipped: number
}

/**
 * Checks and returns the model that a manifest describes: the topology has the stated hash, takes the stated samples, distinguishes the stated
 * classes, and has a provable form by the stated plan.
 * @throws VersionError BAD_MANIFEST naming the field and a valid value
 */
export async function openManifest(manifest: ServiceManifest, where = 'manifest'): Promise<PlannedModel> {
  const bad = (what: string, cause?: unknown): never => {
    throw new VersionError('BAD_MANIFEST', `${where}: ${what}`, { cause })
  }
  // Any error of a topology reader means that it found something unexpected.
  const spec = await specOf(manifest).catch((cause: Error) =>
    bad(`model.topology: ${cause.message.split('\n')[0]}`, cause),
  )
  const found = specHash(spec)
  const { model, input, task, plan, rounds } = manifest
  if (found !== model.specHash) bad(`model.specHash: ${model.specHash}, but the topology's is ${found}`)
  if (`${spec.inputShape}` !== `${input.shape}`) {
    bad(`input.shape: [${input.shape}], but the model takes [${spec.inputShape}]`)
  }
  const ungrouped = contradictionInLayerGroups(rounds.layerGroups ?? [], spec.parameters)
  if (rounds.layerGroups !== undefined && ungrouped !== null) bad(`rounds.layerGroups: ${ungrouped}`)
  const outputs = outputsOf(task)
  if (spec.classes !== outputs) {
    const stated = task.kind === 'regression' ? 'an amount is one output' : `${outputs} names`
    const field = { regression: 'kind', labels: 'labels', classification: 'classes' }[task.kind]
    bad(`task.${field}: ${stated}, but the model has ${spec.classes} outputs`)
  }
  const amount = task.kind === 'regression'
  if (amount && !endsInAffine(spec)) {
    bad('model.topology: the model of an amount is Sequential and ends in a linear Dense layer of one unit with a bias')
  }
  const opened = { spec, plan, ...(amount ? { target: task.target } : {}) }
  let step = 1
  try {
    const { program } = provableModel(opened, initialWeights(spec, model.initialSeed))
    step = program.tensors.find(({ id }) => id === program.scores)!.scale
  } catch (cause) {
    if (!(cause instanceof CompileError)) throw cause
    bad(`plan: the model has no provable form by it (${cause.message.split('\n')[0]}): calibrate one for it`, cause)
  }
  // The chain states how many steps make one unit, as a whole number.
  if (amount && !Number.isInteger(1 / step)) {
    bad(
      `plan: amounts come out in steps of ${step}, and no whole number of steps makes one unit: state them in a larger unit`,
    )
  }
  return opened
}

/** The architecture that a manifest means. @throws LearningError BAD_MODEL */
export async function specOf({ model, task }: Pick<ServiceManifest, 'model' | 'task'>): Promise<ModelSpec> {
  return { ...(await parseModelSpec({ modelTopology: model.topology })), loss: lossOfTask(task) }
}

/** Whether the last two parameters belong to the single output, so that its unit can be changed in them. */
export function endsInAffine({ topology, parameters }: ModelSpec): boolean {
  const last = z
    .object({ class_name: z.literal('Dense'), config: z.object({ activation: z.literal('linear').nullish() }) })
    .safeParse((topology.config.layers as unknown[]).at(-1))
  const [kernel, bias] = parameters.slice(-2)
  return topology.class_name === 'Sequential' && last.success && kernel?.shape.at(-1) === 1 && `${bias?.shape}` === '1'
}

/**
 * The integer program of a model with these weights (flat, in the order of its spec).
 * @param output the output that a proof shows; the commitment to the weights does not depend on it
 * @throws CompileError for weights that are not finite
 */
export function provableModel(model: PlannedModel, weights: Float32Array, output?: OutputSpec): ProvableModel {
  const { plan } = model
  const { program, clipping } = buildWithPlan(
    provableGraph(model, weights),
    output === undefined ? plan : { ...plan, output },
  )
  return { program, clipped: clipping.reduce((sum, entry) => sum + entry.clipped, 0) }
}

/**
 * The salt of a version's commitment: a hash of its exact weights. Members with the same weights agree on it without a message, and others cannot
 * test guesses against the commitment.
 */
export function saltOf(weights: Float32Array): bigint {
  const { buffer, byteOffset, byteLength } = weights
  const text = utf8ToBytes('cohort/model salt/1')
  const digest = sha256(concatBytes(text, new Uint8Array(buffer, byteOffset, byteLength)))
  return BigInt(`0x${bytesToHex(digest)}`) & ((1n << SALT_BITS) - 1n)
}

/**
 * The commitment that goes on the chain, salted Poseidon over the packed integers (32 bytes in hexadecimal), and how many
 * weights had to be clipped for it.
 */
export function commitToWeights(model: PlannedModel, weights: Float32Array): { commitment: string; clipped: number } {
  const { program, clipped } = provableModel(model, weights)
  const commitment = commitModel(program, saltOf(weights))
  return { commitment: `0x${commitment.toString(16).padStart(64, '0')}`, clipped }
}

/** The network with these weights in the form in which it is proven: an amount comes out in its own unit. */
export function provableGraph({ spec, target }: Omit<PlannedModel, 'plan'>, weights: Float32Array): Graph {
  const { buffer, byteOffset, byteLength } = target === undefined ? weights : inUnits(weights, spec, target)
  const json = JSON.stringify(modelJson({ spec, weights }))
  return importTfjs(json, () => new Uint8Array(buffer, byteOffset, byteLength))
}

/** The weights with a changed last layer, whose output is mean + deviation · output. Each value is rounded to Float32 once. */
function inUnits(
  weights: Float32Array,
  { parameters }: ModelSpec,
  { mean, deviation }: NonNullable<PlannedModel['target']>,
): Float32Array {
  const changed = weights.slice()
  const { offset, length } = parameters.at(-2)!
  for (let i = offset; i < offset + length; i++) changed[i] = changed[i]! * deviation
  const bias = parameters.at(-1)!.offset
  changed[bias] = changed[bias]! * deviation + mean
  return changed
}
