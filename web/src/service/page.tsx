// SPDX-License-Identifier: GPL-3.0-or-later
// A service: its state now, its members, and every round that it made.
import { useMemo, useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Chart } from '../ui/chart.tsx'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { span, tokens } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Scrollable } from '../ui/scrollable.tsx'
import type { Round, ServiceStory } from './events.ts'
import { readStanding, type Standing } from './standing.ts'
import { useStory } from './story.ts'

/** Rows of the rounds that are shown at once. */
const PAGE = 25
/** Penalties that are shown, the newest. */
const MOST_PENALTIES = 50

export type ServiceName = { readonly name: string; readonly address: string }

export function ServicePage({
  connection,
  service,
}: {
  readonly connection: Connection
  readonly service: ServiceName
}) {
  const { block } = connection.head.value
  const standing = useLoaded(() => readStanding(connection, service.address), [service.address], block)
  const story = useStory(connection, service.address)
  const { services } = connection.site.deployment
  return (
    <>
      <h1>
        <Inert text={service.name} />
      </h1>
      {services.length > 1 && (
        <nav aria-label="Services">
          {services.map(({ name, address }) => (
            <a
              key={address}
              href={link('service', address)}
              aria-current={address === service.address ? 'page' : undefined}
            >
              <Inert text={name} most={40} />
            </a>
          ))}
        </nav>
      )}
      <Show loaded={standing} what="the service">
        {(now) => (
          <>
            <Now connection={connection} standing={now} />
            <Members service={service.address} standing={now} />
          </>
        )}
      </Show>
      <Show loaded={story} what="its history">
        {(told) => (
          <>
            <Rounds service={service.address} story={told} />
            <Penalties service={service.address} story={told} />
          </>
        )}
      </Show>
      <Explain>
        <p>
          Everything on this screen is read from the chain by your browser. The chain sees who took each step of a
          round, and a commitment to the result; it never sees an update. Updates are encrypted under a key that no
          member holds alone, and only their sum is decrypted, by as many members as the threshold says.
        </p>
        <p>
          Members vote for the model that they computed themselves. A version is accepted when a quorum voted for the
          same commitment.
        </p>
      </Explain>
    </>
  )
}

function Now({ connection, standing }: { readonly connection: Connection; readonly standing: Standing }) {
  const { timestamp } = connection.head.value
  const { state, epoch, round, end, memberCount, quorum, threshold, manifest, reward, pool } = standing
  return (
    <dl class="facts">
      <Fact name="State">{state}</Fact>
      <Fact name="Window closes in">
        {end > timestamp ? span(end - timestamp) : 'closed: the next step records it'}
      </Fact>
      <Fact name="Epoch, round">
        {epoch}, {round}
      </Fact>
      <Fact name="Members">{memberCount}</Fact>
      <Fact name="Quorum, threshold">
        {quorum}, {threshold}
      </Fact>
      <Fact name="Reward of a round">{tokens(reward)} COH</Fact>
      <Fact name="Reward pool">{tokens(pool)} COH</Fact>
      <Fact name="Manifest">{manifest === null ? 'none' : <Hex value={manifest} />}</Fact>
    </dl>
  )
}

function Members({ service, standing }: { readonly service: string; readonly standing: Standing }) {
  return (
    <section>
      <h2>Members</h2>
      <Scrollable label="Members">
        <table>
          <thead>
            <tr>
              <th scope="col">Seat</th>
              <th scope="col">Keeper</th>
              <th scope="col">Member</th>
              <th scope="col">Committed</th>
              <th scope="col">Revealed</th>
              <th scope="col">Attested</th>
              <th scope="col">Decrypted</th>
              <th scope="col">Missed in a row</th>
            </tr>
          </thead>
          <tbody>
            {standing.seats.map(({ seat, keeper, member, leaving, steps, drafted, leftOut, strikes }) => (
              <tr key={seat}>
                <td>{seat}</td>
                <td>
                  <a href={link('service', service, 'keeper', keeper)}>
                    <Hex value={keeper} />
                  </a>
                </td>
                <td>
                  {member ? (leftOut ? 'sits out' : 'yes') : 'waits'}
                  {leaving && ', leaving'}
                </td>
                <td>{steps.committed ? 'yes' : '–'}</td>
                <td>{steps.revealed ? 'yes' : '–'}</td>
                <td>{steps.attesters ? 'yes' : '–'}</td>
                <td>{steps.shared ? 'yes' : drafted ? 'drafted' : '–'}</td>
                <td>{strikes}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrollable>
    </section>
  )
}

function Rounds({ service, story }: { readonly service: string; readonly story: ServiceStory }) {
  const { rounds } = story
  const [page, setPage] = useState(0)
  const [numbers, curves] = useMemo(
    () => [
      rounds.map(({ round }) => round),
      [
        { label: 'updates', color: '#2b6cff', values: rounds.map(({ revealed }) => revealed) },
        { label: 'votes', color: '#c4541a', values: rounds.map(({ votes }) => votes) },
      ],
    ],
    [rounds],
  )
  const shown = rounds.toReversed().slice(page * PAGE, (page + 1) * PAGE)
  return (
    <section>
      <h2>Rounds</h2>
      {rounds.length === 0 ? (
        <p>No round has begun.</p>
      ) : (
        <>
          <Chart title="Updates and votes of each round" rounds={numbers} curves={curves} />
          <Scrollable label="Rounds">
            <table>
              <thead>
                <tr>
                  <th scope="col">Round</th>
                  <th scope="col">Epoch</th>
                  <th scope="col">Updates</th>
                  <th scope="col">Samples</th>
                  <th scope="col">Votes</th>
                  <th scope="col">Result</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((round) => (
                  <tr key={round.round}>
                    <td>{round.round}</td>
                    <td>{round.epoch}</td>
                    <td>{round.revealed}</td>
                    <td>{round.samples.toLocaleString('en-US')}</td>
                    <td>{round.votes}</td>
                    <td>
                      <Result service={service} round={round} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scrollable>
          {rounds.length > PAGE && (
            <p class="pages">
              <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
                Later
              </button>{' '}
              <button type="button" disabled={(page + 1) * PAGE >= rounds.length} onClick={() => setPage(page + 1)}>
                Earlier
              </button>
            </p>
          )}
        </>
      )}
    </section>
  )
}

function Result({ service, round }: { readonly service: string; readonly round: Round }) {
  if (round.version !== null) {
    return <a href={link('service', service, 'version', round.version)}>version {round.version}</a>
  }
  if (round.noMajority) return <>no majority</>
  return <>{round.over ? 'not completed' : 'in progress'}</>
}

function Penalties({ service, story }: { readonly service: string; readonly story: ServiceStory }) {
  return (
    <section>
      <h2>Penalties</h2>
      {story.penalties.length === 0 ? (
        <p>No member has paid a penalty.</p>
      ) : (
        <ul>
          {story.penalties
            .slice(-MOST_PENALTIES)
            .toReversed()
            .map(({ transactionHash, seat, keeper, epoch, reason, taken }) => (
              <li key={`${transactionHash}/${seat}`}>
                Epoch {epoch}, seat {seat}, <a href={link('service', service, 'keeper', keeper)}>{inert(keeper)}</a>:{' '}
                {inert(reason)}, {tokens(taken)} COH (<Hex value={transactionHash} />)
              </li>
            ))}
        </ul>
      )}
      {story.penalties.length > MOST_PENALTIES && <p>… and {story.penalties.length - MOST_PENALTIES} before them.</p>}
    </section>
  )
}
