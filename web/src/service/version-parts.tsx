// SPDX-License-Identifier: GPL-3.0-or-later
// Of one version: how far it is from another, who voted for it, and what was proven about it.
import { useState } from 'preact/hooks'
import { clients, countOf } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { idsToRead } from '../chain/count.ts'
import { MOST_MODELS } from '../model/hub-models.ts'
import { openVersion } from '../model/versions.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Hex, Inert } from '../ui/inert.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { Table } from '../ui/table.tsx'
import { distanceOf, distancesByPart, type PartDistance } from './difference.ts'
import type { Round } from './events.ts'
import { provenAbout, votesOf } from './proofs.ts'

/** Proofs that are shown, the newest. */
const MOST_PROOFS = 25

type Place = { readonly connection: Connection; readonly service: string }

export function Difference({
  connection,
  service,
  version,
  other,
  inForce,
}: Place & {
  readonly version: number
  /** Version that it is compared with; 0 for none. */
  readonly other: number
  /** Whether that one is in force; else it is the one before. */
  readonly inForce: boolean
}) {
  const [parts, setParts] = useState<readonly PartDistance[]>([])
  const name = `version ${other}, ${inForce ? 'which is in force' : 'the one before it'}`
  if (other === 0) return null
  return (
    <section>
      <h2>Difference to {name}</h2>
      <p>
        <Action
          run={async () => {
            const read = async (wanted: number) => await (await openVersion(connection, service, wanted)).weights()
            const [mine, theirs] = [await read(version), await read(other)]
            const all = { name: 'all', weights: mine.weights.length, ...distanceOf(mine.weights, theirs.weights) }
            setParts([all, ...distancesByPart(mine.weights, theirs.weights, mine.parts)])
            return `compared ${mine.weights.length.toLocaleString('en-US')} weights, both checked against the chain`
          }}
        >
          Fetch both and compare
        </Action>
      </p>
      {parts.length > 0 && (
        <Scrollable label="Difference by layer">
          <table>
            <thead>
              <tr>
                <th scope="col">Layer</th>
                <th scope="col">Weights</th>
                <th scope="col">L2 distance</th>
                <th scope="col">L∞ distance</th>
              </tr>
            </thead>
            <tbody>
              {parts.map(({ name: part, weights, l2, max }) => (
                <tr key={part}>
                  <td>
                    <Inert text={part} most={60} />
                  </td>
                  <td>{weights.toLocaleString('en-US')}</td>
                  <td>{l2.toPrecision(4)}</td>
                  <td>{max.toPrecision(4)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrollable>
      )}
    </section>
  )
}

export function Votes({ connection, service, round }: Place & { readonly round: Round }) {
  const { block } = connection.head.value
  const votes = useLoaded(
    async () => {
      const history = connection.history(service)
      await history.step()
      return votesOf(history.logs, round.round)
    },
    [service, round.round],
    block,
  )
  return (
    <section>
      <h2>Votes of round {round.round}</h2>
      <Show loaded={votes} what="the votes">
        {(list) =>
          list.length === 0 ? (
            <p>The log that was read has none.</p>
          ) : (
            <Table
              label="Votes"
              rows={list}
              keyOf={({ seat }) => String(seat)}
              columns={[
                ['Seat', ({ seat }) => seat],
                [
                  'For the model with the commitment',
                  ({ commitment }) => (
                    <>
                      <Hex value={commitment} />
                      {commitment === round.commitment ? ', this one' : ', another one'}
                    </>
                  ),
                ],
                ['Transaction', ({ transactionHash }) => <Hex value={transactionHash} />],
              ]}
            />
          )
        }
      </Show>
    </section>
  )
}

export function Proofs({ connection, service, version }: Place & { readonly version: number }) {
  const { block } = connection.head.value
  const proofs = useLoaded(
    async () => {
      const { provider, site } = connection
      const { InferenceHub } = site.deployment.contracts
      const hub = clients.hub(InferenceHub, provider)
      const history = connection.history(InferenceHub)
      const [count] = await Promise.all([hub.modelCount(), history.step()])
      const ids = idsToRead(countOf(count, 'models in the hub'), MOST_MODELS)
      const of = await Promise.all(ids.map(async (id) => ((await hub.modelOf(id)).service === service ? id : null)))
      return provenAbout(history.logs, new Set(of.filter((id) => id !== null)), version)
    },
    [service, version],
    block,
  )
  return (
    <section>
      <h2>Proven answers about it</h2>
      <Show loaded={proofs} what="the hub's log">
        {(list) =>
          list.length === 0 ? (
            <p>Nobody has asked a keeper about this version.</p>
          ) : (
            <Table
              label="Proven answers"
              rows={list.slice(-MOST_PROOFS).toReversed()}
              keyOf={({ transactionHash }) => transactionHash}
              columns={[
                ['Model of the hub', ({ modelId }) => String(modelId)],
                ['Output', ({ output }) => String(output)],
                ['Proven by', ({ prover }) => <Hex value={prover} />],
                ['Transaction with the proof', ({ transactionHash }) => <Hex value={transactionHash} />],
              ]}
            />
          )
        }
      </Show>
    </section>
  )
}
