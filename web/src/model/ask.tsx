// SPDX-License-Identifier: GPL-3.0-or-later
// Ask whoever proves: the price waits in escrow, the answer arrives with a proof, and the page checks it.
import { formatEther } from 'ethers'
import { useEffect, useState } from 'preact/hooks'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { Field, NumberField } from '../ui/field.tsx'
import { time } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import { askKeepers, type Followed, followRequest, priceOf, resumeRequests, takeBack } from './ask.ts'
import { type Asked, rememberedRequests } from './asked.ts'
import type { HubModel } from './hub-models.ts'
import { outputText } from './output.ts'
import type { Opened } from './versions.ts'

const USUAL_PRICE = '0.01'
const USUAL_SECONDS = 600
/** Fewer are over before anybody has looked. */
const LEAST_SECONDS = 10
/** Of the hub: thirty days. */
const MOST_SECONDS = 2_592_000
/** Milliseconds between looks at an open request: a quiet chain makes no block that would ask for one. */
const LOOK_EVERY = 3_000
/** Requests that are shown, the newest first. */
const SHOWN = 3

type Asking = {
  readonly connection: Connection
  readonly hubModel: HubModel
  readonly opened: Opened
  readonly input: readonly number[] | null
}

const isSame = (one: Asked, other: Asked): boolean => one.requestId === other.requestId

export function AskKeeper({ connection, hubModel, opened, input }: Asking) {
  const [price, setPrice] = useState(USUAL_PRICE)
  const [seconds, setSeconds] = useState(USUAL_SECONDS)
  const [requests, setRequests] = useState(() => rememberedRequests(connection.site, hubModel.modelId).slice(0, SHOWN))
  const connected = account.value !== null
  const { block, timestamp } = connection.head.value
  const unseen = useLoaded(
    () => resumeRequests(connection, hubModel.modelId),
    [hubModel.modelId],
    `${block} ${timestamp}`,
  )
  useEffect(() => {
    const kept = rememberedRequests(connection.site, hubModel.modelId)
    // A browser that denies storage keeps none, and those of this visit stay.
    setRequests((last) => [...kept, ...last.filter((one) => !kept.some((other) => isSame(one, other)))].slice(0, SHOWN))
  }, [unseen.value])
  const ask = async (): Promise<string> => {
    const wei = priceOf(price)
    if (!(Number.isInteger(seconds) && seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS))
      throw new Error(`Seconds to wait: takes a whole number from ${LEAST_SECONDS} to ${MOST_SECONDS}`)
    const order = { input: input!, price: wei, seconds }
    // Whatever comes of it, a declined one is no longer under way.
    const posted = await askKeepers(connection, hubModel, opened.model, order).finally(unseen.again)
    setRequests((last) => [posted, ...last.filter((one) => !isSame(one, posted))].slice(0, SHOWN))
    return `asked, with ${formatEther(wei)} ether in escrow: request ${Number(posted.requestId)}`
  }
  return (
    <section aria-label="Ask a keeper" class="wide">
      <h2>Ask a keeper</h2>
      <p>
        <strong>Your input becomes public:</strong> it goes onto the chain, where whoever proves reads it. To keep it to
        yourself, prove here.
      </p>
      {!connected && <p>Connect a wallet: it pays the price into escrow.</p>}
      <Field name="Price (ether)" note="for the first valid proof; back to you when nobody answers in time">
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
        {...{ name: 'Seconds to wait', value: seconds, min: LEAST_SECONDS, max: MOST_SECONDS, onChange: setSeconds }}
      />
      <p>
        <Action run={ask} disabled={input === null || !connected}>
          Ask a keeper
        </Action>
      </p>
      {unseen.value?.map(({ account: payer, inputCommitment, until }) => (
        <p key={inputCommitment} role="status">
          A question went to your wallet for <Hex value={payer} />, and the chain does not have it yet. If the wallet
          sends it, it appears here; after {time(until)} UTC it cannot be sent any more.
        </p>
      ))}
      {requests.map((asked) => (
        <Request key={asked.requestId} {...{ connection, hubModel, opened, asked }} />
      ))}
      <Explain>
        <p>
          The proof says the same as one that you make here: the weights with that commitment give this answer to the
          input with this commitment. The hub pays for nothing else, and each proof names the prover that is paid, so
          nobody can use another prover's proof. It is proven to everybody who reads the chain; here, the page checks it
          again.
        </p>
        <p>
          Nothing about your input is hidden: request, input and salt are in the chain's log for good. The prover learns
          no more than everybody else. Nobody is obliged to answer, and the price comes back after the deadline.
        </p>
      </Explain>
    </section>
  )
}

function Request({ connection, hubModel, opened, asked }: Omit<Asking, 'input'> & { readonly asked: Asked }) {
  const { block, timestamp } = connection.head.value
  const [looks, setLooks] = useState(0)
  const followed = useLoaded(
    () => followRequest(connection, hubModel, asked),
    [asked.requestId],
    `${block} ${timestamp} ${looks}`,
  )
  const isOpen = followed.value === null || followed.value.view.status === 'open'
  useEffect(() => {
    if (!isOpen) return
    const timer = setInterval(() => setLooks((last) => last + 1), LOOK_EVERY)
    return () => clearInterval(timer)
  }, [isOpen])
  return (
    <div aria-live="polite">
      <h3>Request {Number(asked.requestId)}</h3>
      <Show loaded={followed} what="the request">
        {(now) => (
          <>
            <State {...{ connection, hubModel, opened, asked, now }} />
            <Seen {...{ opened, hubModel, asked, now }} />
          </>
        )}
      </Show>
    </div>
  )
}

function State({
  connection,
  hubModel,
  opened,
  asked,
  now: { view, answered },
}: Omit<Asking, 'input'> & { readonly asked: Asked; readonly now: Followed }) {
  if (view.status === 'open') {
    // Contracts go by the time of the newest block.
    const isLate = Date.now() / 1000 > Number(view.deadline)
    const waits = isLate ? 'The deadline is over, and the chain has no block after it yet.' : 'Nobody has answered yet.'
    return (
      <p>
        Open until {time(Number(view.deadline))} UTC. {waits}
      </p>
    )
  }
  if (view.status === 'expired') {
    return (
      <p>
        Nobody answered in time.{' '}
        <Action run={async () => `${formatEther(await takeBack(connection, asked.requestId))} ether sent back to you`}>
          Take the price back
        </Action>
      </p>
    )
  }
  if (view.status === 'refunded') return <p>Nobody answered, and the price went back.</p>
  if (answered === null) return <p>Answered.</p>
  const { proven, why, prover, transactionHash } = answered
  return (
    <>
      <p class="answer">
        <output data-answer={String(answered.output)}>
          <Inert text={outputText(opened.manifest, answered.output, hubModel.scale)} most={80} />
        </output>
      </p>
      {proven === true && <p class="done">The proof holds: checked in this page, and by the verifier on the chain.</p>}
      {proven === false && (
        <p class="problem" role="alert">
          The proof does not hold here, although the hub accepted it: trust neither this answer nor this endpoint.
        </p>
      )}
      {proven === null && <p>Not checked in this page: {why}.</p>}
      <dl class="facts">
        <Fact name="Prover">
          <Hex value={prover} />
        </Fact>
        <Fact name="Transaction">
          <Hex value={transactionHash} />
        </Fact>
        <Fact name="Version">{String(view.version)}</Fact>
      </dl>
    </>
  )
}

function Seen({
  opened,
  hubModel,
  asked,
  now: { view, answered },
}: {
  readonly opened: Opened
  readonly hubModel: HubModel
  readonly asked: Asked
  readonly now: Followed
}) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Stayed private</th>
          <th scope="col">The chain sees</th>
        </tr>
      </thead>
      <tbody>
        <tr>
          <td>nothing of the input</td>
          <td>
            the input itself: {asked.values} values, {asked.payloadBytes} bytes
          </td>
        </tr>
        <tr>
          <td>how your input came to be: a drawing, a form, a file</td>
          <td>
            its commitment <Hex value={asked.inputCommitment} />, your account, the price {formatEther(view.price)}{' '}
            ether
          </td>
        </tr>
        <tr>
          <td>nothing of the weights: every accepted version is public</td>
          <td>
            {answered === null ? (
              'no answer yet'
            ) : (
              <>
                the answer: <Inert text={outputText(opened.manifest, answered.output, hubModel.scale)} most={80} />
              </>
            )}
          </td>
        </tr>
      </tbody>
    </table>
  )
}
