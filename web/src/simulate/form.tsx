// SPDX-License-Identifier: GPL-3.0-or-later
// The choices of a simulation: what keepers hold, how they train, who lies, and what the members do about it.
import { useState } from 'preact/hooks'
import { ChoiceField, Field, NumberField } from '../ui/field.tsx'
import { ATTACKS, badKeepers, type ChoiceChange, type Choices, MODELS, PARTITIONS, STRATEGIES } from './choices.ts'
import { MOST_FILE, type Table } from './samples.ts'

const PARTITION_WORDS: Record<(typeof PARTITIONS)[number], string> = {
  iid: 'alike: every keeper has samples of all classes',
  shards: 'by label: two classes each',
  dirichlet: 'unevenly: shares drawn by Dirichlet',
}
const STRATEGY_WORDS: Record<(typeof STRATEGIES)[number], string> = {
  fedavg: 'FedAvg: the mean',
  fedavgm: 'FedAvgM: the mean, with momentum',
  fedprox: 'FedProx: keepers are pulled to the common model',
  fedadam: 'FedAdam',
  fedyogi: 'FedYogi',
  'trimmed-mean': 'trimmed mean of groups',
  median: 'median of groups',
}
const ATTACK_WORDS: Record<(typeof ATTACKS)[number], string> = {
  'label-flip': 'train on wrong labels',
  'sign-flip': 'send the opposite',
  scaling: 'train on wrong labels, and exaggerate',
  'norm-bust': 'send an update of many times the bound',
}

const words = <T extends string>(all: readonly T[], of: Record<T, string>) => all.map((one) => [one, of[one]] as const)

type Change = (change: ChoiceChange) => void

export function SamplesForm({
  choices,
  table,
  change,
  onTable,
}: {
  readonly choices: Choices
  readonly table: Table | null
  readonly change: Change
  readonly onTable: (table: Table | null) => void
}) {
  const [problem, setProblem] = useState('')
  const take = async (file: File | undefined): Promise<void> => {
    setProblem('')
    if (file === undefined) return onTable(null)
    if (file.size > MOST_FILE) {
      setProblem(
        `Your table: ${file.name} has ${(file.size / 2 ** 20).toFixed(0)} MiB, at most ${MOST_FILE >> 20} are read`,
      )
      return onTable(null)
    }
    onTable({ text: await file.text(), name: file.name, label: '' })
  }
  const header = table === null ? [] : (table.text.slice(0, 10_000).split(/\r?\n/, 1)[0] ?? '').split(/[,;\t]/)
  return (
    <fieldset>
      <legend>Samples</legend>
      <Field
        name="Your own table (CSV)"
        note="Stays in this page. Without one: the project’s own digits."
        problem={problem}
      >
        {(ids) => (
          <input
            {...ids}
            type="file"
            accept=".csv,text/csv"
            onChange={({ currentTarget }) => take(currentTarget.files?.[0])}
          />
        )}
      </Field>
      {table === null ? (
        <NumberField
          {...{ name: 'Samples to train on', value: choices.limit, min: 100, max: 12_000 }}
          onChange={(limit) => change({ limit })}
        />
      ) : (
        <ChoiceField
          {...{ name: 'Column to predict', value: table.label, onChange: (label) => onTable({ ...table, label }) }}
          options={[['', `the last: ${header.at(-1) ?? ''}`], ...header.map((one) => [one, one] as const)]}
        />
      )}
      <ChoiceField
        {...{ name: 'How they are dealt', value: choices.partition, options: words(PARTITIONS, PARTITION_WORDS) }}
        onChange={(partition) => change({ partition })}
      />
      {choices.partition === 'dirichlet' && (
        <NumberField
          {...{ name: 'Alpha', note: 'the smaller, the more unlike', value: choices.alpha, min: 0.01, max: 1000 }}
          step="any"
          onChange={(alpha) => change({ alpha })}
        />
      )}
    </fieldset>
  )
}

export function RoundsForm({ choices, change }: { readonly choices: Choices; readonly change: Change }) {
  return (
    <fieldset>
      <legend>Rounds</legend>
      <NumberField
        {...{ name: 'Keepers', value: choices.keepers, min: 1, max: 200, onChange: (keepers) => change({ keepers }) }}
      />
      <NumberField
        {...{ name: 'Rounds', value: choices.rounds, min: 1, max: 1000, onChange: (rounds) => change({ rounds }) }}
      />
      <ChoiceField
        {...{ name: 'Network', value: choices.model, options: MODELS.map((one) => [one, one] as const) }}
        onChange={(model) => change({ model })}
      />
      <NumberField
        {...{ name: 'Passes over the samples', value: choices.epochs, min: 1, max: 20 }}
        onChange={(epochs) => change({ epochs })}
      />
      <NumberField
        {...{ name: 'Learning rate', value: choices.lr, min: 0.0001, max: 10, step: 'any' }}
        onChange={(lr) => change({ lr })}
      />
      <NumberField
        {...{ name: 'Chance of absence', value: choices.dropOut, min: 0, max: 0.9, step: 'any' }}
        onChange={(dropOut) => change({ dropOut })}
      />
      <NumberField
        {...{ name: 'Seed', note: 'the same seed gives the same curve', value: choices.seed, min: 0, max: 0xffff_ffff }}
        onChange={(seed) => change({ seed })}
      />
    </fieldset>
  )
}

export function LiarsForm({ choices, change }: { readonly choices: Choices; readonly change: Change }) {
  const bad = badKeepers(choices)
  return (
    <fieldset>
      <legend>Lies, and what helps</legend>
      <NumberField
        {...{ name: 'Share of bad keepers', value: choices.poison, min: 0, max: 0.9, step: 'any' }}
        note={Number.isNaN(bad) ? '' : `${bad} of ${choices.keepers}`}
        onChange={(poison) => change({ poison })}
      />
      {choices.poison > 0 && (
        <>
          <ChoiceField
            {...{ name: 'What they do', value: choices.attack, options: words(ATTACKS, ATTACK_WORDS) }}
            onChange={(attack) => change({ attack })}
          />
          <NumberField
            {...{ name: 'Exaggeration', value: choices.strength, min: 0.1, max: 1000, step: 'any' }}
            onChange={(strength) => change({ strength })}
          />
        </>
      )}
      <ChoiceField
        {...{ name: 'Strategy', value: choices.strategy, options: words(STRATEGIES, STRATEGY_WORDS) }}
        onChange={(strategy) => change({ strategy })}
      />
      <ChoiceField
        name="Bound on each update"
        value={choices.bound === undefined ? 'none' : choices.boundCheck}
        options={[
          ['none', 'none'],
          ['member', 'each update: longer ones are left out'],
          ['mean', 'the mean: a longer one loses the round'],
        ]}
        onChange={(check) =>
          check === 'none' ? change({ bound: undefined }) : change({ bound: choices.bound ?? 1, boundCheck: check })
        }
      />
      {choices.bound !== undefined && (
        <NumberField
          {...{ name: 'Longest update (norm)', value: choices.bound, min: 0.001, max: 1000, step: 'any' }}
          onChange={(bound) => change({ bound })}
        />
      )}
    </fieldset>
  )
}
