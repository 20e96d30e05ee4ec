// SPDX-License-Identifier: GPL-3.0-or-later
// The visitor's bond and balance at the market for proofs.
import type { ContractTransactionResponse } from 'ethers'
import { useState } from 'preact/hooks'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Fact } from '../ui/fact.tsx'
import { ether, time, weiOf } from '../ui/format.ts'
import { send } from '../ui/send.ts'
import { readAccount } from './jobs.ts'

export function MarketAccount({ connection, address }: { readonly connection: Connection; readonly address: string }) {
  const { block, timestamp } = connection.head.value
  const [typed, setTyped] = useState('0.1')
  const mine = useLoaded(() => readAccount(connection, address), [address], block)
  const act =
    (what: string, call: (market: ReturnType<typeof clients.proverMarket>) => Promise<ContractTransactionResponse>) =>
    async () =>
      await send(
        connection,
        what,
        [contractInterface('ProverMarket')],
        async (signer) => await call(clients.proverMarket(connection.site.deployment.contracts.ProverMarket, signer)),
      )
  return (
    <section>
      <h2>Your bond</h2>
      <Show loaded={mine} what="your bond">
        {({ free, reserved, unbonding, unbondsAt, owed }) => (
          <>
            <dl class="facts">
              <Fact name="Free">{ether(free)}</Fact>
              <Fact name="Reserved for slots that you claimed">{ether(reserved)}</Fact>
              {unbonding > 0n && (
                <Fact name="On its way out, until (UTC)">
                  {ether(unbonding)}, {time(unbondsAt)}
                </Fact>
              )}
              <Fact name="Owed to you">{ether(owed)}</Fact>
            </dl>
            <p>
              <label>
                Amount in ether{' '}
                <input
                  inputMode="decimal"
                  size={10}
                  value={typed}
                  onInput={(event) => setTyped(event.currentTarget.value)}
                />
              </label>{' '}
              <Action run={act('bond put up', async (market) => await market.bond({ value: weiOf(typed) }))}>
                Put up bond
              </Action>{' '}
              <Action
                run={act('bond is on its way out', async (market) => await market.unbond(weiOf(typed)))}
                disabled={free === 0n}
              >
                Take bond out
              </Action>
            </p>
            {unbonding > 0n && unbondsAt <= timestamp && (
              <Action run={act('the bond is owed to you', async (market) => await market.withdrawBond())}>
                End the unbonding
              </Action>
            )}
            {owed > 0n && (
              <Action run={act('withdrawn', async (market) => await market.withdraw(address, address))}>
                Withdraw what you are owed
              </Action>
            )}
          </>
        )}
      </Show>
    </section>
  )
}
