// SPDX-License-Identifier: GPL-3.0-or-later
// The document that a service's members agreed on, in words. Its bytes are checked against the digest on the chain before it is read.
import type { ComponentChildren } from 'preact'
import type { ServiceManifest } from '../../../keepers/versions/index.ts'
import type { Connection } from '../chain/connection.ts'
import { manifestOf } from '../model/versions.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Fact } from '../ui/fact.tsx'
import { percent } from '../ui/format.ts'
import { inert } from '../ui/inert-text.ts'

/** Characters of a list of names that are shown. */
const MOST_NAMES = 400
const MOST_OF_ALL = 200_000

export function ManifestWords({ connection, service }: { readonly connection: Connection; readonly service: string }) {
  const manifest = useLoaded(() => manifestOf(connection, service), [service])
  return (
    <Show loaded={manifest} what="the manifest">
      {(agreed) => (
        <>
          <dl class="facts">
            {factsOf(agreed).map(([name, words]) => (
              <Fact key={name} name={name}>
                {words}
              </Fact>
            ))}
          </dl>
          <details>
            <summary>All of it</summary>
            <pre class="document">{inert(JSON.stringify(agreed), MOST_OF_ALL)}</pre>
          </details>
        </>
      )}
    </Show>
  )
}

function factsOf({
  name,
  model,
  input,
  task,
  vote,
  rounds,
  plan,
  strategy,
}: ServiceManifest): readonly (readonly [string, ComponentChildren])[] {
  const layers = model.topology.config.layers
  return [
    ['Name', inert(name, 80)],
    [
      'Takes',
      `${input.kind === 'picture' ? 'pictures' : `samples of kind ${inert(input.kind, 40)}`} of ${input.shape.join(' × ')}`,
    ],
    ['Says', inert(taskText(task), MOST_NAMES)],
    ['Network', `${model.topology.class_name}${Array.isArray(layers) ? ` of ${layers.length} layers` : ''}`],
    [
      'Starts from',
      model.weights === undefined ? `seed ${model.initialSeed}` : 'a file of first weights that it names',
    ],
    [
      'A member votes for a model',
      vote.metric === 'accuracy'
        ? `unless its own held-out accuracy is lower than before by more than ${percent(vote.tolerance)}`
        : `unless its own held-out loss is higher than before by more than ${percent(vote.tolerance)} of it`,
    ],
    ["Held out of each member's samples", percent(vote.holdOut)],
    [
      'Next model',
      strategy !== undefined
        ? "computed by the members' own module"
        : rounds.strategy === undefined
          ? 'the mean of the updates is added'
          : `computed from the mean by ${inert(JSON.stringify(rounds.strategy), 120)}`,
    ],
    [
      'A round changes',
      rounds.layerGroups === undefined
        ? 'the whole network'
        : `one group of layers, in turn: ${rounds.layerGroups.map(({ name }) => name).join(', ')}`,
    ],
    ['An update', `its norm is at most ${rounds.clipNorm}, and no weight changes by more than ${rounds.clipBound}`],
    [
      'Samples',
      `at most ${rounds.maxSamples.toLocaleString('en-US')} of a member count, and ${rounds.minTotalSamples.toLocaleString('en-US')} are needed in all`,
    ],
    [
      'Noise',
      rounds.privacy === undefined ? 'none is added to updates' : 'each member adds some, for differential privacy',
    ],
    ['Proven with', `${plan.mode} weights; the output is ${inert(JSON.stringify(plan.output), 80)}`],
  ]
}

function taskText(task: ServiceManifest['task']): string {
  if (task.kind === 'regression') return `an amount${task.unit === '' ? '' : ` in ${task.unit}`}`
  if (task.kind === 'labels') return `any of ${task.labels.length} labels: ${task.labels.join(', ')}`
  return `one of ${task.classes.length} classes: ${task.classes.join(', ')}`
}
