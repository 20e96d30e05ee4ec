// SPDX-License-Identifier: GPL-3.0-or-later
// What the weights of a service's versions show, measured here: how far each is from the one before it. The chain has only commitments to them.
import { useState } from 'preact/hooks'
import type { Connection } from '../chain/connection.ts'
import { openVersion } from '../model/versions.ts'
import { Action } from '../ui/async.tsx'
import { Chart } from '../ui/chart.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { type Distance, distanceOf } from './difference.ts'
import type { Round } from './events.ts'

/** Versions that are fetched at a time, the newest. */
const MOST = 10

type Row = { readonly version: number; readonly round: number; readonly distance: Distance }

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
  const measure = async (): Promise<string> => {
    const versions = rounds.filter(({ version }) => version !== null).slice(-MOST)
    const made: Row[] = []
    let before: Float32Array | null = null
    for (const { round, version } of versions) {
      const { weights } = await (await openVersion(connection, service, version!)).weights()
      if (before !== null) made.push({ version: version!, round, distance: distanceOf(weights, before) })
      before = weights
      setRows([...made])
    }
    return `fetched ${versions.length} versions; each has the commitment that its members voted for`
  }
  return (
    <>
      <p>
        The page fetches the weights of the newest {MOST} versions by their CIDs, checks each against the commitment on
        the chain, and measures the update: the change from one version to the next. Their accuracy is in neither chain
        nor weights: it takes samples, which the members keep to themselves.
      </p>
      <Action run={measure}>Fetch and measure</Action>
      {rows.length > 0 && (
        <>
          <Chart
            title="Norm of each update"
            rounds={rows.map(({ round }) => round)}
            curves={[{ label: 'L2 norm', color: '#2b6cff', values: rows.map(({ distance }) => distance.l2) }]}
          />
          <Scrollable label="Updates">
            <table>
              <thead>
                <tr>
                  <th scope="col">Round</th>
                  <th scope="col">Version</th>
                  <th scope="col">L2 norm of the update</th>
                  <th scope="col">Largest change of a weight</th>
                </tr>
              </thead>
              <tbody>
                {rows.toReversed().map(({ round, version, distance }) => (
                  <tr key={round}>
                    <td>{round}</td>
                    <td>{version}</td>
                    <td>{distance.l2.toPrecision(4)}</td>
                    <td>{distance.max.toPrecision(4)}</td>
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
