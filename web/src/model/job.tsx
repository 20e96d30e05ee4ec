// SPDX-License-Identifier: GPL-3.0-or-later
// Have the answer proven for pay at the market for proofs, by as many provers as the visitor wants to agree.
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action } from '../ui/async.tsx'
import { Field, NumberField } from '../ui/field.tsx'
import { ether } from '../ui/format.ts'
import { priceOf } from './ask.ts'
import type { HubModel } from './hub-models.ts'
import { postProvingJob } from './job.ts'
import type { Opened } from './versions.ts'

const USUAL_PRICE = '0.002'
const USUAL_SECONDS = 3_600
/** Of the market: fewer leave no prover the time to claim; more are refused. */
const [LEAST_SECONDS, MOST_SECONDS] = [60, 2_592_000]
const MOST_COPIES = 4

export function PostJob({
  connection,
  hubModel,
  opened,
  input,
}: {
  readonly connection: Connection
  readonly hubModel: HubModel
  readonly opened: Opened
  readonly input: readonly number[] | null
}) {
  const [price, setPrice] = useState(USUAL_PRICE)
  const [seconds, setSeconds] = useState(USUAL_SECONDS)
  const [copies, setCopies] = useState(1)
  const [posted, setPosted] = useState<bigint | null>(null)
  const connected = account.value !== null
  const post = async (): Promise<string> => {
    const wei = priceOf(price)
    requireWhole('Seconds until the deadline', seconds, LEAST_SECONDS, MOST_SECONDS)
    requireWhole('Provers that must agree', copies, 1, MOST_COPIES)
    const jobId = await postProvingJob(connection, hubModel, opened.model, {
      ...{ input: input!, price: wei, seconds, copies },
    })
    setPosted(jobId)
    return `posted, with ${ether(wei * BigInt(copies))} in escrow: job ${jobId}`
  }
  return (
    <section aria-label="Have it proven" class="wide">
      <h2>Have it proven</h2>
      <p>
        A job at the market for proofs: provers with bond claim it, and silence or a false proof costs them.{' '}
        <strong>Your input becomes public</strong>, as when you ask a keeper.
      </p>
      {!connected && <p>Connect a wallet: it pays the price into escrow.</p>}
      <Field name="Price of a proof (ether)" note="what nobody earns comes back to you">
        {(ids) => (
          <input
            {...ids}
            inputMode="decimal"
            value={price}
            onInput={({ currentTarget }) => setPrice(currentTarget.value)}
          />
        )}
      </Field>
      <NumberField
        {...{ name: 'Seconds until the deadline', value: seconds, min: LEAST_SECONDS, max: MOST_SECONDS }}
        onChange={setSeconds}
      />
      <NumberField
        {...{ name: 'Provers that must agree', value: copies, min: 1, max: MOST_COPIES, onChange: setCopies }}
      />
      <p>
        <Action run={post} disabled={input === null || !connected}>
          Post the job
        </Action>
        {posted !== null && <a href={link('provers', String(posted))}>Job {String(posted)}</a>}
      </p>
    </section>
  )
}

function requireWhole(name: string, value: number, min: number, max: number): void {
  if (!(Number.isInteger(value) && value >= min && value <= max))
    throw new Error(`${name}: takes a whole number from ${min} to ${max}`)
}
