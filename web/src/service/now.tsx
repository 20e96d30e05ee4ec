// SPDX-License-Identifier: GPL-3.0-or-later
// What a service does, and who its members are, as of one block.
import { link } from '../app/route.ts'
import { Fact } from '../ui/fact.tsx'
import { span, tokens } from '../ui/format.ts'
import { Hex } from '../ui/inert.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import type { Standing } from './standing.ts'

export function Now({
  standing,
  timestamp,
}: {
  readonly standing: Standing
  /** Unix seconds of the block that it is as of. */
  readonly timestamp: number
}) {
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
      {reward !== null && <Fact name="Reward of a round">{tokens(reward)} COH</Fact>}
      {pool !== null && (
        <>
          <Fact name="Reward pool">{tokens(pool)} COH</Fact>
          <Fact name="Manifest">{manifest === null ? 'none' : <Hex value={manifest} />}</Fact>
        </>
      )}
    </dl>
  )
}

export function Members({ service, standing }: { readonly service: string; readonly standing: Standing }) {
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
                <td>{strikes ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrollable>
    </section>
  )
}
