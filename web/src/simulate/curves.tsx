// SPDX-License-Identifier: GPL-3.0-or-later
// A simulation's rounds as curves, and the same figures as a table.
import type { RoundRecord } from '../../../keepers/learning/index.ts'
import { Chart, type Curve } from '../ui/chart.tsx'
import { percent } from '../ui/format.ts'
import { Scrollable } from '../ui/scrollable.tsx'

const [NOW, BEFORE, LOSS, NORM] = ['#1f6feb', '#8a8f98', '#c2410c', '#2e8b57']

/** @param before the run before this one, to compare with */
export function Curves({
  records,
  before,
}: {
  readonly records: readonly RoundRecord[]
  readonly before: readonly RoundRecord[]
}) {
  const rounds = Array.from({ length: Math.max(records.length, before.length) }, (_, i) => i + 1)
  const curve = (
    label: string,
    color: string,
    of: readonly RoundRecord[],
    value: (one: RoundRecord) => number | null,
  ) => ({
    label,
    color,
    values: rounds.map((_, i) => (of[i] === undefined ? null : value(of[i]))),
  })
  const accuracy: Curve[] = [
    curve('accuracy, %', NOW, records, ({ accuracy: share }) => 100 * share),
    curve('the run before, %', BEFORE, before, ({ accuracy: share }) => 100 * share),
  ]
  const others: Curve[] = [
    curve('loss', LOSS, records, ({ loss }) => loss),
    curve('norm of the step', NORM, records, ({ norm }) => norm),
  ]
  return (
    <>
      <Chart rounds={rounds} curves={accuracy} title="Accuracy on samples that no keeper has" />
      <Chart rounds={rounds} curves={others} title="Loss, and the norm of each step" />
    </>
  )
}

export function RoundsTable({ records }: { readonly records: readonly RoundRecord[] }) {
  return (
    <Scrollable label="Rounds of the simulation">
      <table>
        <thead>
          <tr>
            {['Round', 'Accuracy', 'Loss', 'Norm', 'Keepers', 'Of them bad', 'Left out', 'Absent'].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {records.toReversed().map((one) => (
            <tr key={one.round}>
              <td>{one.round}</td>
              <td>{percent(one.accuracy)}</td>
              <td>{one.loss.toPrecision(5)}</td>
              <td>{one.norm?.toPrecision(4)}</td>
              <td>{one.members}</td>
              <td>{one.poisoned}</td>
              <td>{one.refused}</td>
              <td>{one.dropped}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrollable>
  )
}
