// SPDX-License-Identifier: GPL-3.0-or-later
// Every round of a service: who took part, and what came of it.
import { useMemo, useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import { Chart } from '../ui/chart.tsx'
import { Pages } from '../ui/pages.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import type { Round, ServiceStory } from './events.ts'
import { blockOf } from './past.ts'
import { countSeats } from './seats.ts'

/** Rows of the rounds that are shown at once. */
const PAGE = 25

export function Rounds({ service, story }: { readonly service: string; readonly story: ServiceStory }) {
  const { rounds } = story
  const [skip, setSkip] = useState(0)
  const members = new Map(story.epochs.map(({ epoch, members: seats }) => [epoch, countSeats(seats)]))
  const [numbers, curves] = useMemo(
    () => [
      rounds.map(({ round }) => round),
      [
        { label: 'updates', color: '#2b6cff', values: rounds.map(({ revealed }) => revealed) },
        { label: 'votes', color: '#c4541a', values: rounds.map(({ votes }) => votes) },
        { label: 'members', color: '#198754', values: rounds.map(({ epoch }) => members.get(epoch) ?? null) },
      ],
    ],
    [rounds],
  )
  const shown = rounds.toReversed().slice(skip, skip + PAGE)
  return (
    <section>
      <h2>Rounds</h2>
      {rounds.length === 0 ? (
        <p>No round has begun.</p>
      ) : (
        <>
          <Chart title="Updates, votes and members of each round" rounds={numbers} curves={curves} />
          <Scrollable label="Rounds">
            <table>
              <thead>
                <tr>
                  <th scope="col">Round</th>
                  <th scope="col">Epoch</th>
                  <th scope="col">Updates</th>
                  <th scope="col">of members</th>
                  <th scope="col">Samples</th>
                  <th scope="col">Votes</th>
                  <th scope="col">Result</th>
                  <th scope="col">As of then</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((round) => (
                  <tr key={round.round}>
                    <td>{round.round}</td>
                    <td>{round.epoch}</td>
                    <td>{round.revealed}</td>
                    <td>{members.get(round.epoch) ?? '–'}</td>
                    <td>{round.samples.toLocaleString('en-US')}</td>
                    <td>{round.votes}</td>
                    <td>
                      <Result service={service} round={round} />
                    </td>
                    <td>
                      <a href={link('service', service, 'at', blockOf(rounds, round) ?? round.block)}>
                        block {blockOf(rounds, round) ?? round.block}
                      </a>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scrollable>
          <Pages count={rounds.length} page={PAGE} skip={skip} onSkip={setSkip} />
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
