// SPDX-License-Identifier: GPL-3.0-or-later
// A payment of a guarded account: what the guard would say, announcing it, executing it.
import { getAddress, isAddress } from 'ethers'
import { useState } from 'preact/hooks'
import type { Connection } from '../chain/connection.ts'
import { Action } from '../ui/async.tsx'
import { Fact } from '../ui/fact.tsx'
import { ether, time, weiOf } from '../ui/format.ts'
import { Hex } from '../ui/inert.tsx'
import type { AccountState } from './accounts.ts'
import type { Hand } from './hand.ts'
import { type Payment, spendHashOf } from './spend.ts'

export function Pay({
  connection,
  state,
  hand,
}: {
  readonly connection: Connection
  readonly state: AccountState
  readonly hand: Hand
}) {
  const { timestamp } = connection.head.value
  const [to, setTo] = useState('')
  const [typed, setTyped] = useState('0.1')
  const spend = spendOf(to, typed)
  const found = spend === null ? null : answerOn(connection, state, spend, timestamp)
  return (
    <section>
      <h2>Pay</h2>
      <p>
        <label>
          To{' '}
          <input size={24} value={to} spellcheck={false} onInput={(event) => setTo(event.currentTarget.value.trim())} />
        </label>{' '}
        <label>
          Amount in ether{' '}
          <input inputMode="decimal" size={10} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
      </p>
      {spend === null || found === null ? (
        <p>Type an address and an amount: the guard's answer appears here.</p>
      ) : (
        <>
          <dl class="facts">
            <Fact name="Hash of this transaction">
              <Hex value={found.spendHash} />
            </Fact>
            <Fact name="The guard says">
              {found.within
                ? `within the limit: ${ether(spend.value)} can go`
                : found.verdict !== null
                  ? `a verdict on it serves until ${time(found.verdict.validUntil)} UTC`
                  : found.announced !== null
                    ? `announced; can be executed from ${time(found.announced.executableAt)} UTC on`
                    : 'above the limit: it needs a verdict (`cohort spend prove`), or an announcement'}
            </Fact>
          </dl>
          {hand.others > 0 && (
            <p>
              {hand.others} other {hand.others === 1 ? 'owner has' : 'owners have'} to sign, too: your signature comes
              first, and a page to send them.
            </p>
          )}
          <p>
            {found.announced === null && (
              <Action
                run={async () =>
                  await hand.call('announced', (guard) => guard.encodeFunctionData('announce', [found.spendHash]))
                }
              >
                Announce it
              </Action>
            )}{' '}
            {hand.checked && <Action run={async () => await hand.pay(spend.to, spend.value)}>Execute it</Action>}
          </p>
        </>
      )}
    </section>
  )
}

/** What the guard would say of a payment, and its hash: of what is typed now, so that nothing else is announced. */
function answerOn({ site }: Connection, { told, limits }: AccountState, spend: Payment, now: number) {
  const { account, verdicts, announcements } = told
  const { chainId, contracts } = site.deployment
  const spendHash = spendHashOf({ chainId, guard: contracts.SpendingGuard }, account, spend)
  return {
    spendHash,
    within: spend.value <= (limits.find(({ asset }) => /^0x0+$/.test(asset))?.available ?? 0n),
    verdict: verdicts.find((one) => one.spendHash === spendHash && one.over === null && one.validUntil >= now) ?? null,
    announced:
      announcements.find((one) => one.spendHash === spendHash && one.state === 'waits' && one.expiresAt >= now) ?? null,
  }
}

function spendOf(to: string, typed: string): Payment | null {
  if (!isAddress(to)) return null
  try {
    return { to: getAddress(to), value: weiOf(typed) }
  } catch {
    return null
  }
}
