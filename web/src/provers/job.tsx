// SPDX-License-Identifier: GPL-3.0-or-later
// One proving job: what is to be proven, who works on it, what became of it, and what the visitor may do about it.
import { type ContractTransactionResponse, toBeHex } from 'ethers'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import { answersIn, type JobView } from '../../../keepers/serving/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { ether, span, time } from '../ui/format.ts'
import { Happened } from '../ui/happened.tsx'
import { Hex } from '../ui/inert.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { send } from '../ui/send.ts'
import type { ToldJob } from './events.ts'
import { type JobDetails, openJob, possibleFor } from './jobs.ts'

export function JobPage({ connection, id }: { readonly connection: Connection; readonly id: bigint }) {
  const { block } = connection.head.value
  const details = useLoaded(() => openJob(connection, id), [id], block)
  return (
    <>
      <h1>Job {String(id)}</h1>
      <Show loaded={details} what="the job">
        {(opened) => (
          <>
            <Terms connection={connection} details={opened} />
            <Slots job={opened.job} told={opened.told} />
            {account.value !== null && <Acts connection={connection} details={opened} />}
            <h2>What happened</h2>
            <Happened events={opened.told?.happened ?? []} />
          </>
        )}
      </Show>
      <p>
        <a href={link('provers')}>All jobs</a>
      </p>
      <Explain>
        <p>
          Each segment is a statement of its own: this network, on an input with this commitment, gives an output whose
          commitment is the next segment's input. All can be proven at the same time. The last output is the job's
          result; it stands when every copy of every segment has a proof that holds.
        </p>
        <p>
          An answer is stored as a hash, and verified when somebody settles. Anybody who shows that a proof does not
          hold gets a part of its prover's bond, and the slot opens again.
        </p>
      </Explain>
    </>
  )
}

function Terms({ connection, details }: { readonly connection: Connection; readonly details: JobDetails }) {
  const { timestamp } = connection.head.value
  const { job, told, settleSeconds, revoked } = details
  const deadline = Number(job.deadline)
  return (
    <>
      <dl class="facts">
        <Fact name="State">{job.status}</Fact>
        <Fact name="Posted by">
          <Hex value={job.poster} />
        </Fact>
        <Fact name="Deadline (UTC)">
          {time(deadline)}
          {deadline > timestamp && `, in ${span(deadline - timestamp)}`}
        </Fact>
        <Fact name="Answers are settled until (UTC)">{time(deadline + settleSeconds)}</Fact>
        <Fact name="For a proof">
          {job.startPrice === job.maxPrice
            ? ether(job.maxPrice)
            : `${ether(job.startPrice)}, rising to ${ether(job.maxPrice)}`}
        </Fact>
        <Fact name="Held for it">{ether(job.escrow)}</Fact>
        <Fact name="Bond for a slot">{ether(job.bond)}</Fact>
        <Fact name="A prover has">{span(job.claimSeconds)}</Fact>
        <Fact name="Who may claim">
          {job.invited ? `${told?.invited.length ?? 'some'} chosen provers` : 'anybody with bond'}
        </Fact>
        {told?.witnessBytes != null && !job.invited && (
          <Fact name="Witness, or where it is, in the log">{told.witnessBytes.toLocaleString('en-US')} bytes</Fact>
        )}
        <Fact name="Result">
          {job.result === null ? (
            'none yet'
          ) : (
            <Hex value={job.result < 1n << 32n ? String(job.result) : toBeHex(job.result)} />
          )}
        </Fact>
      </dl>
      {revoked && (
        <p class="notice">
          A circuit of this job was revoked: its proofs no longer count, and anybody may close the job.
        </p>
      )}
    </>
  )
}

function Slots({ job, told }: { readonly job: JobView; readonly told: ToldJob | null }) {
  return (
    <section>
      <h2>Segments</h2>
      <Scrollable label="Segments">
        <table>
          <thead>
            <tr>
              <th scope="col">Segment, copy</th>
              <th scope="col">State</th>
              <th scope="col">Prover</th>
              <th scope="col">Price</th>
              <th scope="col">Due (UTC)</th>
              <th scope="col">Circuit</th>
              <th scope="col">Model commitment</th>
              <th scope="col">Input commitment</th>
              <th scope="col">Output</th>
            </tr>
          </thead>
          <tbody>
            {job.slots.map(({ segment, copy, state, prover, due, answer }) => {
              const { circuitId, modelCommitment, inputCommitment, output } = job.segments[segment]!
              const price = told?.prices.get(`${segment}:${copy}`)
              const nobody = /^0x0+$/.test(prover)
              const proven = state === 'proven' || state === 'paid'
              return (
                <tr key={`${segment}/${copy}`}>
                  <td>
                    {segment}, {copy}
                  </td>
                  <td>{state}</td>
                  <td>
                    {nobody ? '–' : <Hex value={prover} />}
                    {!nobody && state === 'open' && ' failed it'}
                  </td>
                  <td>{price === undefined || state === 'open' ? '–' : ether(price)}</td>
                  <td>{state === 'claimed' ? time(Number(due)) : '–'}</td>
                  <td>
                    <Hex value={circuitId} />
                  </td>
                  <td>
                    <Hex value={toBeHex(modelCommitment, 32)} />
                  </td>
                  <td>
                    <Hex value={toBeHex(inputCommitment, 32)} />
                  </td>
                  <td>{proven ? <Hex value={answer} /> : output === null ? 'the result' : 'the next input'}</td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </Scrollable>
    </section>
  )
}

function Acts({ connection, details }: { readonly connection: Connection; readonly details: JobDetails }) {
  const { job, told, revoked } = details
  const { cancel, expire, settle, close } = possibleFor(job, revoked, connection.head.value.timestamp)
  const mine = account.value?.address === job.poster
  const act =
    (what: string, call: (market: ReturnType<typeof clients.proverMarket>) => Promise<ContractTransactionResponse>) =>
    async () =>
      await send(
        connection,
        what,
        [contractInterface('ProverMarket'), contractInterface('VerifierRegistry')],
        async (signer) => await call(clients.proverMarket(connection.site.deployment.contracts.ProverMarket, signer)),
      )
  const answers = settle ? answersIn(job, told?.submitted ?? []) : []
  if (!((cancel && mine) || expire.length > 0 || settle || close)) {
    return <p>There is nothing that you could do about it now.</p>
  }
  return (
    <section>
      <h2>What you can do</h2>
      {cancel && mine && (
        <p>
          Nobody works on it: you can take the whole price back.{' '}
          <Action run={act('cancelled', async (market) => await market.cancel(job.id))}>Take the job back</Action>
        </p>
      )}
      {expire.map(({ segment, copy, prover }) => (
        <p key={`${segment}/${copy}`}>
          <Hex value={prover} /> let its time for segment {segment}, copy {copy} pass.{' '}
          <Action run={act('opened again', async (market) => await market.expire(job.id, segment, copy))}>
            Open segment {segment}, copy {copy} again
          </Action>
        </p>
      ))}
      {settle && (
        <p>
          {answers.length} answers wait to be verified.{' '}
          <Action run={act('settled', async (market) => await market.settle(job.id, answers))}>
            Have them verified, and paid
          </Action>
        </p>
      )}
      {answers.map((answer) => (
        <p key={`${answer.segment}/${answer.copy}`}>
          If the proof of segment {answer.segment}, copy {answer.copy} does not hold, you are paid for showing it.{' '}
          <Action run={act('accused', async (market) => await market.accuse(job.id, answer))}>
            Accuse segment {answer.segment}, copy {answer.copy}
          </Action>
        </p>
      ))}
      {close && (
        <p>
          Nobody can answer any more. Closing pays what is proven, and gives the rest back to the poster.{' '}
          <Action run={act('closed', async (market) => await market.close(job.id))}>Close the job</Action>
        </p>
      )}
    </section>
  )
}
