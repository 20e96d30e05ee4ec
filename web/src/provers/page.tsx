// SPDX-License-Identifier: GPL-3.0-or-later
// The market for proofs: its jobs, its provers, and what the visitor's account has there.
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { ether, time } from '../ui/format.ts'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Listing } from '../ui/listing.tsx'
import { Table } from '../ui/table.tsx'
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
          output. It is bound to the job, the segment, the prover and the deadline, so nobody can submit somebody else's
          proof. The verifier that the DAO registered for the circuit checks it on the chain; the poster and everybody
          else can rely on the output without running the model.
        </p>
        <p>
          The proof does not hide the input from the provers, nor, if the job is open to all, from anybody else: a
          prover needs the witness, and the witness is in the log. For chosen provers it is encrypted; who was chosen is
          public.
        </p>
      </Explain>
    </>
  )
}

function Jobs({ connection }: { readonly connection: Connection }) {
  return (
    <section>
      <h2>Jobs</h2>
      <Listing
        {...{ connection, label: 'Jobs', what: 'the jobs', page: PAGE }}
        none="There are no jobs yet. Post one from the model's screen, or with `cohort prover post`."
        read={(page) => listJobs(connection, page)}
        keyOf={({ id }) => String(id)}
        columns={[
          ['Job', ({ id }) => <a href={link('provers', String(id))}>{String(id)}</a>],
          ['State', ({ status, invited }) => `${status}${invited ? ', for chosen provers' : ''}`],
          [
            'Proofs that hold',
            ({ slots }) =>
              `${slots.filter(({ state }) => state === 'proven' || state === 'paid').length} of ${slots.length}`,
          ],
          ['Most for a proof', ({ maxPrice }) => ether(maxPrice)],
          ['Deadline (UTC)', ({ deadline }) => time(Number(deadline))],
          ['Posted by', ({ poster }) => <Hex value={poster} />],
        ]}
      />
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
            <p>No prover has put up bond yet. `cohort prover run` does this, and proves.</p>
          ) : (
            <Table
              label="Bonds and payments"
              rows={provers}
              keyOf={({ prover }) => prover}
              columns={[
                ['Prover', ({ prover }) => <Hex value={prover} />],
                ['Claimed', ({ claimed }) => claimed],
                ['Answered', ({ answered }) => answered],
                ['Paid', ({ paid }) => paid],
                ['Earned', ({ earned }) => ether(earned)],
                ['Lost of its bond', ({ lost }) => ether(lost)],
                ['Bond: free', ({ bond }) => ether(bond.free)],
                ['reserved', ({ bond }) => ether(bond.reserved)],
                ['on its way out', ({ bond }) => ether(bond.unbonding)],
              ]}
            />
          )
        }
      </Show>
    </section>
  )
}
