// SPDX-License-Identifier: GPL-3.0-or-later
// The answer of a model that runs in the page, by the kind of its task.
import type { ServiceTask } from '../../../keepers/versions/index.ts'
import { percent } from '../ui/format.ts'
import { Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import type { Answer } from './worker.ts'

export function AnswerOf({ answer, task }: { readonly answer: Answer; readonly task: ServiceTask }) {
  const { scores, clamped } = answer
  return (
    <>
      {task.kind === 'regression' && <Amount value={scores[0]!} unit={task.unit} />}
      {task.kind === 'labels' && <Labels scores={scores} labels={task.labels} />}
      {task.kind === 'classification' && <Scores scores={scores} classes={task.classes} />}
      {clamped > 0 && (
        <p class="quiet">
          {clamped} of the values lie outside the range that the model was calibrated for, and were moved to its edge.
        </p>
      )}
    </>
  )
}

function Amount({ value, unit }: { readonly value: number; readonly unit: string }) {
  return (
    <p class="answer">
      <output data-value={value}>
        {value.toPrecision(4)} <Inert text={unit} most={40} />
      </output>
    </p>
  )
}

/** Each label has a chance of its own: they exclude nothing. */
function Labels({ scores, labels }: { readonly scores: readonly number[]; readonly labels: readonly string[] }) {
  const chances = scores.map((score) => 1 / (1 + Math.exp(-score)))
  const said = labels.filter((_, i) => chances[i]! > 0.5)
  return (
    <>
      <p class="answer">
        <output>
          <Inert text={said.length === 0 ? 'none of the labels' : said.join(', ')} most={120} />
        </output>
      </p>
      <Bars names={labels} shares={chances} />
    </>
  )
}

function Scores({ scores, classes }: { readonly scores: readonly number[]; readonly classes: readonly string[] }) {
  const best = scores.indexOf(Math.max(...scores))
  const shares = scores.map((score) => Math.exp(score - scores[best]!))
  const sum = shares.reduce((a, b) => a + b, 0)
  return (
    <>
      <p class="answer">
        <output data-label={best}>
          <Inert text={classes[best] ?? String(best)} most={60} />
        </output>
      </p>
      <Bars names={classes} shares={shares.map((share) => share / sum)} />
    </>
  )
}

/** So many bars are read by somebody; the others are in the model all the same. */
const MOST_BARS = 64

function Bars({ names, shares }: { readonly names: readonly string[]; readonly shares: readonly number[] }) {
  return (
    <ul class="bars">
      {names.slice(0, MOST_BARS).map((name, i) => (
        <li key={name}>
          <span>
            <Inert text={name} most={24} />
          </span>
          <meter min={0} max={1} value={shares[i]!} aria-label={inert(name, 60)} />
          <span>{percent(shares[i]!)}</span>
        </li>
      ))}
    </ul>
  )
}
