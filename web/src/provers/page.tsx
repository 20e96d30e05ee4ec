// SPDX-License-Identifier: GPL-3.0-or-later
// The market for proofs: its jobs, its provers, and what the visitor's account has there.
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { ether, time } from '../ui/format.ts'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Pages } from '../ui/pages.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { MarketAccount } from './account.tsx'
import { JobPage } from './job.tsx'
import { listJobs, listProvers } from './jobs.ts'

/** Jobs that are shown at once. */
const PAGE = 20

export function ProversPage({
  connection,
  chosen,
}: {
  readonly connection: Connection
  readonly chosen: string | null
}) {
  if (chosen !== null) {
    if (!/^\d{1,18}$/.test(chosen)) return <p>'{inert(chosen, 40)}' is no number of a job.</p>
    return <JobPage connection={connection} id={BigInt(chosen)} />
  }
  return (
    <>
      <h1>Provers</h1>
      <p>
        A job is a proof that somebody pays for, whole or in segments. Provers put up bond, claim segments, and are paid
        when their proofs hold.
      </p>
      {account.value !== null && (
        <MarketAccount key={account.value.address} connection={connection} address={account.value.address} />
      )}
      <Jobs connection={connection} />
      <Provers connection={connection} />
      <Explain>
        <p>
          A segment's proof says: the network with this model commitment, on an input with this commitment, gives this
          output. It is bound to the job, the segment, the prover and the deadline, so that nobody can submit a proof of
          somebody else. The verifier that the DAO registered for the circuit checks it on the chain; the poster and
          everybody else can rely on the output without running the model.
        </p>
        <p>
          The proof hides neither the input from the provers nor, in a job that is open to all, from anybody else: a
          prover needs the witness, and the witness is in the log. For chosen provers it is encrypted; who was chosen is
          public.
        </p>
      </Explain>
    </>
  )
}

function Jobs({ connection }: { readonly connection: Connection }) {
  const { block } = connection.head.value
  const [skip, setSkip] = useState(0)
  const list = useLoaded(() => listJobs(connection, { count: PAGE, skip }), [skip], block)
  return (
    <section>
      <h2>Jobs</h2>
      <Show loaded={list} what="the jobs">
        {({ count, jobs }) =>
          count === 0 ? (
            <p>Nobody has posted a job: `cohort prover post` does.</p>
          ) : (
            <>
              <Scrollable label="Jobs">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Job</th>
                      <th scope="col">State</th>
                      <th scope="col">Proofs that hold</th>
                      <th scope="col">Most for a proof</th>
                      <th scope="col">Deadline (UTC)</th>
                      <th scope="col">Posted by</th>
                    </tr>
                  </thead>
                  <tbody>
                    {jobs.map(({ id, status, slots, maxPrice, deadline, poster, invited }) => (
                      <tr key={String(id)}>
                        <td>
                          <a href={link('provers', String(id))}>{String(id)}</a>
                        </td>
                        <td>
                          {status}
                          {invited && ', for chosen provers'}
                        </td>
                        <td>
                          {slots.filter(({ state }) => state === 'proven' || state === 'paid').length} of {slots.length}
                        </td>
                        <td>{ether(maxPrice)}</td>
                        <td>{time(Number(deadline))}</td>
                        <td>
                          <Hex value={poster} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </Scrollable>
              <Pages count={count} page={PAGE} skip={skip} onSkip={setSkip} />
            </>
          )
        }
      </Show>
    </section>
  )
}

function Provers({ connection }: { readonly connection: Connection }) {
  const { block } = connection.head.value
  const list = useLoaded(() => listProvers(connection), [], block)
  return (
    <section>
      <h2>Bonds and payments</h2>
      <Show loaded={list} what="the provers">
        {(provers) =>
          provers.length === 0 ? (
            <p>Nobody has put up bond: `cohort prover run` does, and proves.</p>
          ) : (
            <Scrollable label="Bonds and payments">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Prover</th>
                    <th scope="col">Claimed</th>
                    <th scope="col">Answered</th>
                    <th scope="col">Paid</th>
                    <th scope="col">Earned</th>
                    <th scope="col">Lost of its bond</th>
                    <th scope="col">Bond: free</th>
                    <th scope="col">reserved</th>
                    <th scope="col">on its way out</th>
                  </tr>
                </thead>
                <tbody>
                  {provers.map(({ prover, claimed, answered, paid, earned, lost, bond }) => (
                    <tr key={prover}>
                      <td>
                        <Hex value={prover} />
                      </td>
                      <td>{claimed}</td>
                      <td>{answered}</td>
                      <td>{paid}</td>
                      <td>{ether(earned)}</td>
                      <td>{ether(lost)}</td>
                      <td>{ether(bond.free)}</td>
                      <td>{ether(bond.reserved)}</td>
                      <td>{ether(bond.unbonding)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scrollable>
          )
        }
      </Show>
    </section>
  )
}
