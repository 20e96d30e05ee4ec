// SPDX-License-Identifier: GPL-3.0-or-later
// Where the keeper stands in the present round, by the chain: of each service of the deployment at which its operator has a seat.
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { readStanding, type Seat, type Standing } from '../service/standing.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Fact } from '../ui/fact.tsx'
import { span } from '../ui/format.ts'
import { Inert } from '../ui/inert.tsx'

type Found = { readonly name: string; readonly address: string; readonly standing: Standing; readonly seat: Seat }

export function Place({ connection, operator }: { readonly connection: Connection; readonly operator: string }) {
  const { block, timestamp } = connection.head.value
  const found = useLoaded(
    async (): Promise<Found[]> => {
      const { services } = connection.site.deployment
      const all = await Promise.all(
        services.map(async ({ name, address }) => {
          const standing = await readStanding(connection, address)
          const seat = standing.seats.find((one) => one.operator.toLowerCase() === operator.toLowerCase())
          return seat === undefined ? [] : [{ name, address, standing, seat }]
        }),
      )
      return all.flat()
    },
    [operator],
    block,
  )
  return (
    <section>
      <h2>The round, by the chain</h2>
      <Show loaded={found} what="the keeper’s seats">
        {(places) =>
          places.length === 0 ? (
            <p>It has no seat at a service of this deployment.</p>
          ) : (
            places.map(
              ({ name, address, standing: { state, round, end }, seat: { seat, keeper, steps, drafted, strikes } }) => (
                <article key={address}>
                  <h3>
                    <Inert text={name} />, seat {seat}:{' '}
                    <a href={link('service', address, 'keeper', keeper)}>stake and rewards</a>
                  </h3>
                  <dl class="facts">
                    <Fact name="State, round">
                      {state}, {round}
                    </Fact>
                    <Fact name="Window closes in">{end > timestamp ? span(end - timestamp) : 'closed'}</Fact>
                    <Fact name="Committed">{steps.committed ? 'yes' : 'not yet'}</Fact>
                    <Fact name="Revealed">{steps.revealed ? 'yes' : 'not yet'}</Fact>
                    <Fact name="Attested">{steps.attesters ? 'yes' : 'not yet'}</Fact>
                    <Fact name="Decrypted">{steps.shared ? 'yes' : drafted ? 'drafted: due now' : 'not drafted'}</Fact>
                    <Fact name="Rounds missed in a row">{strikes}</Fact>
                  </dl>
                </article>
              ),
            )
          )
        }
      </Show>
    </section>
  )
}
