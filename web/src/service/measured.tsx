// SPDX-License-Identifier: GPL-3.0-or-later
// What the weights of a service's versions show, measured here: how far each is from the one before it, and how many public samples it puts
// into their classes. The chain has only commitments to weights, and knows no accuracy.
import { useState } from 'preact/hooks'
import type { Connection } from '../chain/connection.ts'
import { openVersion } from '../model/versions.ts'
import { Action } from '../ui/async.tsx'
import { Chart } from '../ui/chart.tsx'
import { COLOURS } from '../ui/colours.ts'
import { percent } from '../ui/format.ts'
import { Scrollable } from '../ui/scrollable.tsx'
import { type Distance, distanceOf } from './difference.ts'
import type { Round } from './events.ts'
import { loadSamples } from './samples.ts'

/** Versions that are fetched at a time, the newest. */
const MOST = 10

type Row = {
  readonly version: number
  readonly round: number
  readonly distance: Distance | null
  readonly accuracy: number | null
}

export function Measured({
  connection,
  service,
  rounds,
}: {
  readonly connection: Connection
  readonly service: string
  readonly rounds: readonly Round[]
}) {
  const [rows, setRows] = useState<readonly Row[]>([])
  const [count, setCount] = useState(0)
  const place = connection.site.samples[service]
  const measure = async (): Promise<string> => {
    const versions = rounds.filter(({ version }) => version !== null).slice(-MOST)
    const samples = place === undefined ? null : await loadSamples(place)
    setCount(samples?.inputs.length ?? 0)
    const made: Row[] = []
    let before: Float32Array | null = null
    for (const { round, version } of versions) {
      const model = await openVersion(connection, service, version!)
      const { weights } = await model.weights()
      const distance = before === null ? null : distanceOf(weights, before)
      const right = samples === null ? null : await model.right(samples.inputs, samples.labels)
      made.push({
        version: version!,
        round,
        distance,
        accuracy: right === null ? null : right / samples!.inputs.length,
      })
      before = weights
      setRows([...made])
    }
    return `fetched ${versions.length} versions; each has the commitment that its members voted for`
  }
  return (
    <>
      <p>
        The page fetches the weights of the newest {MOST} versions by their CIDs, checks each against the commitment on
        the chain, and measures the update: the change from one version to the next.{' '}
        {place === undefined
          ? 'Neither the chain nor the weights show their accuracy: that takes samples, which the members keep to themselves, and this copy of the console has none.'
          : 'It measures their accuracy on public samples that came with this copy of the console. The members judge on samples of their own, and nobody proves either accuracy.'}
      </p>
      <Action run={measure}>Fetch and measure</Action>
      {rows.length > 0 && (
        <>
          <Chart
            title="Norm of each update"
            rounds={rows.map(({ round }) => round)}
            curves={[{ label: 'L2 norm', color: COLOURS[0], values: rows.map(({ distance }) => distance?.l2 ?? null) }]}
          />
          {count > 0 && (
            <Chart
              title={`Accuracy on ${count} public samples`}
              rounds={rows.map(({ round }) => round)}
              curves={[{ label: 'accuracy', color: COLOURS[1], values: rows.map(({ accuracy }) => accuracy) }]}
            />
          )}
          <Scrollable label="Updates">
            <table>
              <thead>
                <tr>
                  <th scope="col">Round</th>
                  <th scope="col">Version</th>
                  <th scope="col">L2 norm of the update</th>
                  <th scope="col">Largest change of a weight</th>
                  {count > 0 && <th scope="col">Accuracy on {count} public samples</th>}
                </tr>
              </thead>
              <tbody>
                {rows.toReversed().map(({ round, version, distance, accuracy }) => (
                  <tr key={round}>
                    <td>{round}</td>
                    <td>{version}</td>
                    <td>{distance?.l2.toPrecision(4) ?? '–'}</td>
                    <td>{distance?.max.toPrecision(4) ?? '–'}</td>
                    {count > 0 && <td>{accuracy === null ? '–' : percent(accuracy)}</td>}
                  </tr>
                ))}
              </tbody>
            </table>
          </Scrollable>
        </>
      )}
    </>
  )
}
