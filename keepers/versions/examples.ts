// SPDX-License-Identifier: GPL-3.0-or-later
// Example manifests that ship with the project: the named models, with plans made on MNIST (scripts/plans.ts).
import { readFileSync } from 'node:fs'
import { type ModelName, type ModelSpec, modelSpec, specHash } from '../learning/index.ts'
import { type Plan, planFromJson } from '../zkml/index.ts'
import type { ServiceManifest } from './manifest.ts'
import { type RoundTerms, USUAL_TERMS } from './terms.ts'

/** The usual way in which members judge a model. */
export const USUAL_VOTE: ServiceManifest['vote'] = { metric: 'accuracy', tolerance: 0.25, holdOut: 0.1 }

export type ExampleChanges = {
  readonly name?: string
  readonly input?: ServiceManifest['input']
  /** Names of the classes, in the order of the outputs; by default the digits. */
  readonly classes?: readonly string[]
  readonly rounds?: Partial<RoundTerms>
  readonly vote?: Partial<ServiceManifest['vote']>
}

/** The manifest of a service of digits with a named model, or of other samples with the same model. */
export function exampleManifest(model: ModelName, changes: ExampleChanges = {}): ServiceManifest {
  const { input = { kind: 'picture', shape: [28, 28, 1] } } = changes
  const classes = changes.classes ?? Array.from({ length: 10 }, (_, digit) => String(digit))
  const spec = modelSpec(model, { inputShape: input.shape, classes: classes.length })
  return {
    format: 'cohort/manifest/1',
    name: changes.name ?? model,
    model: modelPart(spec),
    input,
    task: { kind: 'classification', classes: [...classes] },
    vote: { ...USUAL_VOTE, ...changes.vote },
    rounds: { ...USUAL_TERMS, ...changes.rounds },
    plan: examplePlan(model),
  }
}

/** The part of a manifest that describes an architecture. */
export function modelPart(spec: ModelSpec, initialSeed = 1): ServiceManifest['model'] {
  const { class_name, config } = JSON.parse(JSON.stringify(spec.topology)) as ServiceManifest['model']['topology']
  return { topology: { class_name, config }, specHash: specHash(spec), initialSeed }
}

function examplePlan(model: ModelName): Plan & ServiceManifest['plan'] {
  return planFromJson(readFileSync(new URL(`./plans/${model}.json`, import.meta.url), 'utf8')) as Plan &
    ServiceManifest['plan']
}
