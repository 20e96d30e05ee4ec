// SPDX-License-Identifier: GPL-3.0-or-later
// From float weights to the integers that a circuit proves and the members commit to.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isModelName, type ModelName, type ModelSpec, modelJson, modelSpec } from '../learning/index.ts'
import {
  buildWithPlan,
  commitModel,
  type Graph,
  type IntegerProgram,
  importTfjs,
  type OutputSpec,
  type Plan,
  planFromJson,
} from '../zkml/index.ts'
import { VersionError } from './errors.ts'

/** Salts are elements of BN254's scalar field, and this many bits always are. */
const SALT_BITS = 253n

/** A named model: of digits when there is a name alone, of other samples with its specification. */
export type NamedModel = ModelName | ModelSpec

/** The weights of one version as integers, and what was lost on the way. */
export type ProvableModel = {
  /** Committed mode: what depends on the weights is witness, so the circuit is that of every version. */
  readonly program: IntegerProgram
  /** Weights that the plan's range does not hold and that were clipped to it. */
  readonly clipped: number
}

/** The plan of a named model: scales and bit widths, fixed for the life of a service. */
export function planOf(model: ModelName): Plan {
  return planFromJson(planText(model))
}

/** SHA-256 of the plan's file, for the members to agree on. */
export function planDigest(model: ModelName): string {
  return createHash('sha256').update(planText(model)).digest('hex')
}

/**
 * The integer program of a named model with these weights (flat, in the order of its spec).
 * @param output what a proof shows; the commitment to the weights does not depend on it
 * @throws VersionError NO_PLAN for a model without a plan, CompileError for weights that are not finite
 */
export function provableModel(model: NamedModel, weights: Float32Array, output?: OutputSpec): ProvableModel {
  const plan = planOf(nameOf(model))
  const { program, clipping } = buildWithPlan(
    graphOf(model, weights),
    output === undefined ? plan : { ...plan, output },
  )
  return { program, clipped: clipping.reduce((sum, entry) => sum + entry.clipped, 0) }
}

/**
 * The salt of a version's commitment: a hash of its exact weights. Members who hold the same weights agree on it without a
 * message, and who does not hold them cannot guess at them through the commitment.
 */
export function saltOf(weights: Float32Array): bigint {
  const { buffer, byteOffset, byteLength } = weights
  const digest = createHash('sha256')
    .update('cohort/model salt/1')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')
  return BigInt(`0x${digest}`) & ((1n << SALT_BITS) - 1n)
}

/**
 * The commitment that goes on the chain, salted Poseidon over the packed integers (32 bytes in hexadecimal), and how many
 * weights had to be clipped for it.
 */
export function commitToWeights(model: NamedModel, weights: Float32Array): { commitment: string; clipped: number } {
  const { program, clipped } = provableModel(model, weights)
  const commitment = commitModel(program, saltOf(weights))
  return { commitment: `0x${commitment.toString(16).padStart(64, '0')}`, clipped }
}

function nameOf(model: NamedModel): ModelName {
  return typeof model === 'string' ? model : (model.name as ModelName)
}

function graphOf(model: NamedModel, weights: Float32Array): Graph {
  const { buffer, byteOffset, byteLength } = weights
  const spec = typeof model === 'string' ? modelSpec(model) : model
  const json = JSON.stringify(modelJson({ spec, weights }))
  return importTfjs(json, () => new Uint8Array(buffer, byteOffset, byteLength))
}

function planText(model: ModelName): string {
  if (!isModelName(model)) throw new VersionError('NO_PLAN', `there is no plan for model '${String(model)}'`)
  return readFileSync(new URL(`./plans/${model}.json`, import.meta.url), 'utf8')
}
