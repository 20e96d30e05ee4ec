// SPDX-License-Identifier: GPL-3.0-or-later
// One guarded account: its policy, its limits, what waits, and what a model said about its spends.
import { ZeroAddress } from 'ethers'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account as connected } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { ether, span, time } from '../ui/format.ts'
import { Happened } from '../ui/happened.tsx'
import { Hex } from '../ui/inert.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { type AccountState, openAccount, type Policy } from './accounts.ts'
import { type Hand, handOf } from './hand.ts'
import { Pay } from './pay.tsx'
import { Verdicts } from './verdicts.tsx'

export function AccountPage({ connection, account }: { readonly connection: Connection; readonly account: string }) {
  const { block } = connection.head.value
  const opened = useLoaded(() => openAccount(connection, account), [account], block)
  return (
    <>
      <h1>
        Guarded account <Hex value={account} />
      </h1>
      <Show loaded={opened} what="the account">
        {(state) => {
          const hand = handOf(connection, state, connected.value?.address ?? null)
          return (
            <>
              <Keys state={state} />
              <PolicyFacts state={state} hand={hand} />
              <Limits state={state} hand={hand} />
              <Waiting connection={connection} state={state} hand={hand} />
              <Verdicts connection={connection} state={state} />
              {hand !== null && <Pay connection={connection} state={state} hand={hand} />}
              <h2>What happened</h2>
              <Happened events={state.told.happened} />
            </>
          )
        }}
      </Show>
      <p>
        <a href={link('guards')}>All guarded accounts</a>
      </p>
      <Explain>
        <p>
          Each verdict below shows what the model was asked: the guard computed it from the transaction and from its own
          record of the account, so nobody can ask about something else. The proof names the model's version and its
          answer. Any other transaction, and the same one after the account has spent again, needs another verdict.
        </p>
      </Explain>
    </>
  )
}

function Keys({ state }: { readonly state: AccountState }) {
  const { safe, hasCode } = state
  if (safe === null) {
    return (
      <p class={hasCode ? undefined : 'notice'}>
        {hasCode
          ? 'It is a contract, but not a Safe: its own code decides whether it asks the guard.'
          : 'It is an account without code: it states limits, but nothing enforces them.'}
      </p>
    )
  }
  return (
    <>
      <dl class="facts">
        <Fact name="It is a Safe, of which must sign">
          {safe.threshold} of {safe.owners.length}
        </Fact>
        {safe.owners.map((owner, i) => (
          <Fact key={owner} name={`Owner ${i + 1}`}>
            <Hex value={owner} />
          </Fact>
        ))}
      </dl>
      {!safe.guarded && <p class="notice">The Safe does not ask this guard: its limits have no effect.</p>}
    </>
  )
}

function policyFacts({ modelId, approvedLabel, margins, minMargin, window, verdictSeconds, delay }: Policy) {
  return (
    <>
      <Fact name="Asks model">{String(modelId)}</Fact>
      <Fact name="Approves with">
        label {String(approvedLabel)}
        {margins && `, by a margin of ${minMargin} or more`}
      </Fact>
      <Fact name="Limits are for">{span(window)}</Fact>
      <Fact name="A verdict serves for">{span(verdictSeconds)}</Fact>
      <Fact name="Announcements wait">{span(delay)}</Fact>
    </>
  )
}

function PolicyFacts({ state, hand }: { readonly state: AccountState; readonly hand: Hand | null }) {
  const { policy, pendingPolicy } = state
  return (
    <section>
      <h2>Policy</h2>
      {policy === null ? (
        <p>It has set none: it can spend nothing that needs one.</p>
      ) : (
        <dl class="facts">{policyFacts(policy)}</dl>
      )}
      {pendingPolicy !== null && (
        <>
          <p>
            From {time(pendingPolicy.effectiveAt)} UTC on, another policy is in force.{' '}
            {hand !== null && (
              <Action
                run={async () => await hand.call('taken back', (guard) => guard.encodeFunctionData('cancelPolicy'))}
              >
                Take the change of the policy back
              </Action>
            )}
          </p>
          <dl class="facts">{policyFacts(pendingPolicy.policy)}</dl>
        </>
      )}
    </section>
  )
}

/** Amounts of the chain's coin in ether, of a token in its least unit: its decimals are its own word. */
const amountOf = (asset: string, units: bigint): string => (asset === ZeroAddress ? ether(units) : `${units} units`)

function Limits({ state, hand }: { readonly state: AccountState; readonly hand: Hand | null }) {
  return (
    <section>
      <h2>Limits</h2>
      <Scrollable label="Limits">
        <table>
          <thead>
            <tr>
              <th scope="col">Asset</th>
              <th scope="col">Limit</th>
              <th scope="col">Left now without a verdict</th>
              <th scope="col">Changes</th>
            </tr>
          </thead>
          <tbody>
            {state.limits.map(({ asset, limit, available, pending }) => (
              <tr key={asset}>
                <td>{asset === ZeroAddress ? "the chain's coin" : <Hex value={asset} />}</td>
                <td>{amountOf(asset, limit)}</td>
                <td>{amountOf(asset, available)}</td>
                <td>
                  {pending === null
                    ? '–'
                    : `${pending.guarded ? `to ${amountOf(asset, pending.limit)}` : 'to no limit'} from ${time(pending.effectiveAt)} UTC `}
                  {pending !== null && hand !== null && (
                    <Action
                      run={async () =>
                        await hand.call('taken back', (guard) => guard.encodeFunctionData('cancelLimit', [asset]))
                      }
                    >
                      Take it back
                    </Action>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrollable>
    </section>
  )
}

function Waiting({
  connection,
  state,
  hand,
}: {
  readonly connection: Connection
  readonly state: AccountState
  readonly hand: Hand | null
}) {
  const { timestamp } = connection.head.value
  const waiting = state.told.announcements.filter((one) => one.state === 'waits' && one.expiresAt >= timestamp)
  return (
    <section>
      <h2>Announced transactions</h2>
      {waiting.length === 0 ? (
        <p>None waits.</p>
      ) : (
        <Scrollable label="Announced transactions">
          <table>
            <thead>
              <tr>
                <th scope="col">Hash</th>
                <th scope="col">Can be executed from (UTC)</th>
                <th scope="col">until</th>
                <th scope="col">Announced in</th>
                <th scope="col">Take back</th>
              </tr>
            </thead>
            <tbody>
              {waiting.map(({ spendHash, executableAt, expiresAt, transactionHash }) => (
                <tr key={spendHash}>
                  <td>
                    <Hex value={spendHash} />
                  </td>
                  <td>{time(executableAt)}</td>
                  <td>{time(expiresAt)}</td>
                  <td>
                    <Hex value={transactionHash} />
                  </td>
                  <td>
                    {hand === null ? (
                      'its owners may'
                    ) : (
                      <Action
                        run={async () =>
                          await hand.call('taken back', (guard) =>
                            guard.encodeFunctionData('cancelAnnouncement', [spendHash]),
                          )
                        }
                      >
                        Take it back
                      </Action>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrollable>
      )}
      <p class="quiet">
        An announcement is a hash: only somebody who knows the transaction can tell what it announces. Owners should
        take back an announcement that none of them made.
      </p>
    </section>
  )
}
