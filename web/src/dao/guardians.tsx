// SPDX-License-Identifier: GPL-3.0-or-later
// Guardians: who they are, what they stopped, and the buttons of one.
import type { ContractTransactionResponse } from 'ethers'
import { useState } from 'preact/hooks'
import { clients, contractInterface, type Proposal } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { time } from '../ui/format.ts'
import { Happened } from '../ui/happened.tsx'
import { Hex } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { send } from '../ui/send.ts'
import { type GuardianView, operationOf, readGuardians } from './guardians.ts'

/** Queued proposals are looked for among so many, the newest. */
const LOOKED_AT = 20
const HOUR = 3_600

export function Guardians({ connection }: { readonly connection: Connection }) {
  const { block, timestamp } = connection.head.value
  const view = useLoaded(() => readGuardians(connection), [], block)
  return (
    <Show loaded={view} what="the guardians">
      {(found) => {
        const until = found.terms.get(account.value?.address ?? '') ?? 0
        return (
          <>
            <h2>Guardians</h2>
            {found.pausedUntil > timestamp && (
              <p class="notice">
                No new work is taken until {time(found.pausedUntil)} UTC: a guardian paused the intake.
              </p>
            )}
            {found.terms.size === 0 ? (
              <p>There is no guardian. A passed proposal appoints one, for 180 days at most.</p>
            ) : (
              <ul>
                {[...found.terms].map(([address, end]) => (
                  <li key={address}>
                    <Hex value={address} />, {end > timestamp ? 'until' : 'whose term ended on'} {time(end)} UTC
                  </li>
                ))}
              </ul>
            )}
            {until > timestamp ? (
              <Stops connection={connection} view={found} />
            ) : (
              <p class="quiet">Connect a guardian's wallet to pause, revoke, freeze or cancel from here.</p>
            )}
            <h2>What they did</h2>
            <Happened events={found.happened} />
          </>
        )
      }}
    </Show>
  )
}

function Stops({ connection, view }: { readonly connection: Connection; readonly view: GuardianView }) {
  const { block, timestamp } = connection.head.value
  const { contracts } = connection.site.deployment
  const standing = view.circuits.filter(({ revoked }) => !revoked)
  const [hours, setHours] = useState('24')
  const [circuit, setCircuit] = useState(standing[0]?.circuitId ?? '')
  const [market, setMarket] = useState('1')
  const queued = useLoaded(
    async (): Promise<readonly Proposal[]> => {
      const listed = await (await connection.dao).proposals.list({ count: LOOKED_AT, skip: 0 })
      return listed.filter(({ state }) => state === 'queued')
    },
    [],
    block,
  )
  const act =
    (what: string, call: (guardian: ReturnType<typeof clients.guardian>) => Promise<ContractTransactionResponse>) =>
    async () =>
      await send(
        connection,
        what,
        (['Guardian', 'VerifierRegistry', 'PredictionMarket', 'TimelockController'] as const).map(contractInterface),
        async (signer) => await call(clients.guardian(contracts.Guardian, signer)),
      )
  return (
    <fieldset>
      <legend>You are a guardian</legend>
      <p>
        <label>
          Hours{' '}
          <input inputMode="numeric" size={6} value={hours} onInput={(event) => setHours(event.currentTarget.value)} />
        </label>{' '}
        <Action
          run={act('no new work is taken', async (guardian) => {
            const wanted = whole(hours, 'hours')
            return await guardian.pauseIntake(contracts.VerifierRegistry, timestamp + Number(wanted) * HOUR)
          })}
        >
          Pause the intake of new work
        </Action>{' '}
        {view.pausedUntil > timestamp && (
          <Action
            run={act(
              'new work is taken again',
              async (guardian) => await guardian.pauseIntake(contracts.VerifierRegistry, timestamp),
            )}
          >
            End the pause
          </Action>
        )}
      </p>
      <p>
        <label>
          Circuit{' '}
          <select value={circuit} onChange={(event) => setCircuit(event.currentTarget.value)}>
            {standing.map(({ circuitId }) => (
              <option key={circuitId} value={circuitId}>
                {circuitId.slice(0, 18)}…
              </option>
            ))}
          </select>
        </label>{' '}
        <Action
          disabled={standing.length === 0}
          run={act('revoked', async (guardian) => await guardian.revokeCircuit(contracts.VerifierRegistry, circuit))}
        >
          Revoke the circuit, for good
        </Action>
      </p>
      <p>
        <label>
          Market{' '}
          <input
            inputMode="numeric"
            size={6}
            value={market}
            onInput={(event) => setMarket(event.currentTarget.value)}
          />
        </label>{' '}
        <Action
          run={act(
            'frozen',
            async (guardian) => await guardian.freezeMarket(contracts.PredictionMarket, whole(market, 'the market')),
          )}
        >
          Freeze the market
        </Action>
      </p>
      <Show loaded={queued} what="what waits in the timelock">
        {(proposals) =>
          proposals.length === 0 ? (
            <p>No proposal waits in the timelock.</p>
          ) : (
            <ul>
              {proposals.map(({ id, actions }) => (
                <li key={String(id)}>
                  Proposal <Hex value={String(id)} />: {inert(actions.join('; '), 200)}{' '}
                  <Action
                    run={act(
                      'cancelled',
                      async (guardian) => await guardian.cancel(...(await operationOf(connection, id))),
                    )}
                  >
                    Cancel it
                  </Action>
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </fieldset>
  )
}

function whole(typed: string, what: string): bigint {
  if (!/^\d{1,9}$/.test(typed.trim()) || Number(typed) === 0) {
    throw new Error(`${what}: type a whole number from 1, not '${typed.slice(0, 20)}'`)
  }
  return BigInt(typed.trim())
}
