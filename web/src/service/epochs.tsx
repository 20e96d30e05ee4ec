// SPDX-License-Identifier: GPL-3.0-or-later
// Epochs of a service, and what its rounds paid.
import { link } from '../app/route.ts'
import { tokens } from '../ui/format.ts'
import { Hex } from '../ui/inert.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import type { ServiceStory } from './events.ts'
import { countSeats } from './seats.ts'

/** Rows that are shown, the newest. */
const MOST = 25

export function Epochs({ service, story }: { readonly service: string; readonly story: ServiceStory }) {
  const { epochs, rounds, rewards, collected } = story
  return (
    <>
      <section>
        <h2>Epochs</h2>
        {epochs.length === 0 ? (
          <p>None has begun.</p>
        ) : (
          <Scrollable label="Epochs">
            <table>
              <thead>
                <tr>
                  <th scope="col">Epoch</th>
                  <th scope="col">Since block</th>
                  <th scope="col">Members</th>
                  <th scope="col">Quorum</th>
                  <th scope="col">Threshold</th>
                  <th scope="col">Rounds</th>
                  <th scope="col">of which made a version</th>
                </tr>
              </thead>
              <tbody>
                {epochs
                  .slice(-MOST)
                  .toReversed()
                  .map(({ epoch, block, members, quorum, threshold }) => {
                    const own = rounds.filter((round) => round.epoch === epoch)
                    return (
                      <tr key={epoch}>
                        <td>{epoch}</td>
                        <td>{block}</td>
                        <td>{countSeats(members)}</td>
                        <td>{quorum}</td>
                        <td>{threshold}</td>
                        <td>{own.length}</td>
                        <td>{own.filter(({ version }) => version !== null).length}</td>
                      </tr>
                    )
                  })}
              </tbody>
            </table>
          </Scrollable>
        )}
      </section>
      <section>
        <h2>Rewards</h2>
        {rewards.length === 0 ? (
          <p>No round has paid.</p>
        ) : (
          <>
            <p>
              {rewards.length} rounds set{' '}
              {tokens(rewards.reduce((sum, { perShare, shares }) => sum + perShare * shares, 0n))} COH aside. A round
              pays when the next one closes its training.
            </p>
            <Scrollable label="Rewards">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Round</th>
                    <th scope="col">Shares</th>
                    <th scope="col">COH for each</th>
                  </tr>
                </thead>
                <tbody>
                  {rewards
                    .slice(-MOST)
                    .toReversed()
                    .map(({ round, perShare, shares }) => (
                      <tr key={round}>
                        <td>{round}</td>
                        <td>{String(shares)}</td>
                        <td>{tokens(perShare)}</td>
                      </tr>
                    ))}
                </tbody>
              </table>
            </Scrollable>
          </>
        )}
        {collected.size > 0 && (
          <ul>
            {[...collected].map(([keeper, amount]) => (
              <li key={keeper}>
                <a href={link('service', service, 'keeper', keeper)}>
                  <Hex value={keeper} />
                </a>{' '}
                collected {tokens(amount)} COH
              </li>
            ))}
          </ul>
        )}
      </section>
    </>
  )
}
