// SPDX-License-Identifier: GPL-3.0-or-later
// Penalties of a service's members, each with what the log has on it.
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { tokens } from '../ui/format.ts'
import { Happened } from '../ui/happened.tsx'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import type { Penalty, ServiceStory } from './events.ts'
import { evidenceFor } from './evidence.ts'

/** Penalties that are shown, the newest. */
const MOST = 50

type Place = { readonly connection: Connection; readonly service: string }

export function Penalties({ connection, service, story }: Place & { readonly story: ServiceStory }) {
  const { penalties } = story
  return (
    <section>
      <h2>Penalties</h2>
      {penalties.length === 0 ? (
        <p>No member has paid a penalty.</p>
      ) : (
        <ul>
          {penalties
            .slice(-MOST)
            .toReversed()
            .map((penalty) => (
              <PenaltyView
                key={`${penalty.transactionHash}/${penalty.seat}`}
                connection={connection}
                service={service}
                penalty={penalty}
              />
            ))}
        </ul>
      )}
      {penalties.length > MOST && <p>… and {penalties.length - MOST} before them.</p>}
    </section>
  )
}

function PenaltyView({ connection, service, penalty }: Place & { readonly penalty: Penalty }) {
  const { transactionHash, seat, keeper, epoch, reason, taken } = penalty
  const [open, setOpen] = useState(false)
  return (
    <li>
      Epoch {epoch}, seat {seat}, <a href={link('service', service, 'keeper', keeper)}>{inert(keeper)}</a>:{' '}
      {inert(reason)}, {tokens(taken)} COH (<Hex value={transactionHash} />)
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>The evidence</summary>
        {open && <Evidence connection={connection} service={service} penalty={penalty} />}
      </details>
    </li>
  )
}

function Evidence({ connection, service, penalty }: Place & { readonly penalty: Penalty }) {
  const found = useLoaded(async () => {
    const history = connection.history(service)
    await history.step()
    return evidenceFor(penalty, history.logs)
  }, [penalty.transactionHash, penalty.seat])
  return (
    <Show loaded={found} what="the log">
      {(events) => (
        <>
          <p>
            The steps of this seat in this epoch, and what others said about it, up to the penalty. A step that is not
            listed was not taken.
          </p>
          <Happened events={events} none="The log has nothing from this seat or about it: it was silent." />
        </>
      )}
    </Show>
  )
}
