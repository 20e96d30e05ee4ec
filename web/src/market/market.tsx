// SPDX-License-Identifier: GPL-3.0-or-later
// One prediction market: what it asks, what its outcomes cost, how it ended, and what the visitor can do.
import { useMemo, useState } from 'preact/hooks'
import type { MarketView, PoolView } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Chart } from '../ui/chart.tsx'
import { COLOURS } from '../ui/colours.ts'
import { Fact } from '../ui/fact.tsx'
import { percent, time } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import { Table } from '../ui/table.tsx'
import { amountOf, LIMITS, type MarketDetails, readMarket, shown, signingBook, signingPool } from './markets.ts'
import { priceCurves, type Trade, tradesOf } from './trades.ts'

/** Trades of the table. */
const MOST_TRADES = 20

export function MarketPage({ connection, marketId }: { readonly connection: Connection; readonly marketId: bigint }) {
  const { block } = connection.head.value
  const address = account.value?.address ?? null
  const market = useLoaded(() => readMarket(connection, marketId, address), [marketId, address], block)
  return (
    <>
      <h1>Market {String(marketId)}</h1>
      <Show loaded={market} what="the market">
        {(details) => <Details connection={connection} details={details} />}
      </Show>
    </>
  )
}

function Details({ connection, details }: { readonly connection: Connection; readonly details: MarketDetails }) {
  const { view, text, pools, resolution } = details
  const { status, collateral, holdings } = view
  return (
    <>
      <p class="question">
        <Inert text={text} most={600} />
      </p>
      <dl class="facts">
        <Fact name="State">{status}</Fact>
        <Fact name="Stories from, until (UTC)">
          {time(view.opensAt)}, {time(view.closesAt)}
        </Fact>
        <Fact name="Proofs until (UTC)">{time(view.deadline)}</Fact>
        <Fact name="Publisher">{String(view.publisherId)}</Fact>
        <Fact name="Model, version">
          {String(view.modelId)}, {String(view.version)}
        </Fact>
        <Fact name="Held for it">{shown(view.pot, collateral)}</Fact>
        {!collateral.own && (
          <Fact name="Paid in a token of its own">
            <Hex value={collateral.address} />
          </Fact>
        )}
        {holdings.map((units, outcome) => (
          <Fact key={`${outcome}`} name={`You hold of outcome ${outcome}`}>
            {shown(units, { ...collateral, symbol: '' })}
          </Fact>
        ))}
      </dl>
      {view.resolution !== null && (
        <section>
          <h2>Resolved</h2>
          <p>
            {view.resolution.outcome === null
              ? 'Every outcome is paid the same'
              : `Outcome ${view.resolution.outcome} won`}
            , on {time(view.resolution.resolvedAt)} UTC
            {view.resolution.flagged !== null && `; ${view.resolution.flagged}, the DAO settles`}.
          </p>
          {resolution !== null && (
            <p>
              {resolution.story === null ? 'By a story that stays private, ' : 'By the signed story '}
              {resolution.story !== null && (
                <q>
                  <Inert text={resolution.story} />
                </q>
              )}{' '}
              with a proof, in <Hex value={resolution.transactionHash} />.
            </p>
          )}
        </section>
      )}
      {pools.length === 0 && <p>This market has no pool yet. `cohort market provide` makes one.</p>}
      {pools.map((pool) => (
        <Pool key={pool.address} connection={connection} view={view} pool={pool} />
      ))}
      {account.value !== null && <Settle connection={connection} details={details} />}
    </>
  )
}

function Pool({
  connection,
  view,
  pool,
}: {
  readonly connection: Connection
  readonly view: MarketView
  readonly pool: PoolView
}) {
  const { block } = connection.head.value
  const trades = useLoaded(
    async () => {
      const history = connection.history(pool.address)
      await history.step()
      return tradesOf(history.logs)
    },
    [pool.address],
    block,
  )
  return (
    <section>
      <h2>Pool with a fee of {pool.feeBps / 100} %</h2>
      {pool.prices.length === 0 ? (
        <p>Nobody provides liquidity.</p>
      ) : (
        <dl class="facts">
          {pool.prices.map((price, outcome) => (
            <Fact key={`${outcome}`} name={`Outcome ${outcome} costs`}>
              {percent(price)} of a token
            </Fact>
          ))}
        </dl>
      )}
      <Show loaded={trades} what="its trades">
        {(list) => <Trades list={list} outcomes={view.outcomes} />}
      </Show>
      {account.value !== null && view.status === 'trading' && pool.prices.length > 0 && (
        <Trading connection={connection} view={view} pool={pool} />
      )}
    </section>
  )
}

function Trades({ list, outcomes }: { readonly list: readonly Trade[]; readonly outcomes: number }) {
  const [numbers, curves] = useMemo(() => {
    const lines = priceCurves(list, outcomes)
    return [
      list.map((_, i) => i + 1),
      lines.map((values, i) => ({ label: `outcome ${i}`, color: COLOURS[i % COLOURS.length]!, values })),
    ]
  }, [list, outcomes])
  if (list.length === 0) return <p>Nobody has traded yet.</p>
  return (
    <>
      <Chart title="Price of each trade" rounds={numbers} curves={curves} axis="trade" />
      <Table
        label="Trades"
        rows={list.toReversed().slice(0, MOST_TRADES)}
        keyOf={({ transactionHash }, i) => `${transactionHash}/${i}`}
        columns={[
          ['Trade', ({ kind }, i) => `${list.length - i}, ${kind}`],
          ['Outcome', ({ outcome }) => outcome],
          ['Price', ({ price }) => price.toFixed(4)],
          ['By', ({ account: by }) => <Hex value={by} />],
          ['Transaction', ({ transactionHash }) => <Hex value={transactionHash} />],
        ]}
      />
    </>
  )
}

function Trading({
  connection,
  view,
  pool,
}: {
  readonly connection: Connection
  readonly view: MarketView
  readonly pool: PoolView
}) {
  const [outcome, setOutcome] = useState(0)
  const [typed, setTyped] = useState('1')
  const { marketId, collateral } = view
  const act = (run: (amount: bigint) => Promise<string>) => async () => {
    const said = await run(amountOf(typed, collateral))
    await connection.look()
    return said
  }
  const pooled = () => signingPool(connection, marketId, pool.feeBps)
  return (
    <fieldset>
      <legend>Trade, at most {LIMITS.slippageBps / 100} % off the quote</legend>
      <label>
        Outcome{' '}
        <select value={outcome} onChange={(event) => setOutcome(Number(event.currentTarget.value))}>
          {pool.prices.map((_, i) => (
            <option key={`${i}`} value={i}>
              {i}
            </option>
          ))}
        </select>
      </label>{' '}
      <label>
        Amount in {collateral.symbol || 'tokens'}{' '}
        <input inputMode="decimal" size={10} value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      <p>
        <Action
          run={act(async (amount) => {
            const { tokens, hash } = await (await pooled()).buy(outcome, amount, LIMITS)
            return `bought ${shown(tokens, { ...collateral, symbol: '' })} of outcome ${outcome}: ${hash}`
          })}
        >
          Buy
        </Action>{' '}
        <Action
          run={act(async (amount) => {
            const { paid, hash } = await (await pooled()).sell(outcome, { amount }, LIMITS)
            return `sold for ${shown(paid, collateral)}: ${hash}`
          })}
        >
          Sell for that amount
        </Action>{' '}
        <Action
          run={act(async (amount) => {
            const { hash } = await (await pooled()).provide(amount, null, LIMITS)
            return `provided ${shown(amount, collateral)}: ${hash}`
          })}
        >
          Provide liquidity
        </Action>
      </p>
    </fieldset>
  )
}

function Settle({ connection, details }: { readonly connection: Connection; readonly details: MarketDetails }) {
  const { view, challengeBond } = details
  const { marketId, status, collateral, holdings } = view
  const holds = holdings.some((units) => units > 0n)
  const act = (run: () => Promise<string>) => async () => {
    const said = await run()
    await connection.look()
    return said
  }
  if (status === 'pending') {
    return (
      <section>
        <h2>Dispute</h2>
        <p>
          Until the delay is over, anybody may claim that the model misread the story, with a bond of{' '}
          {shown(challengeBond, collateral)}.
        </p>
        <Action
          run={act(
            async () => `challenged: ${(await (await signingBook(connection)).dispute(marketId, 'challenge')).hash}`,
          )}
        >
          Challenge the reading
        </Action>
      </section>
    )
  }
  if (status === 'flagged') {
    return (
      <section>
        <h2>Dispute</h2>
        <p>Somebody claims that the model misread the story. To defend its reading, you can put up the same bond.</p>
        <Action
          run={act(async () => `defended: ${(await (await signingBook(connection)).dispute(marketId, 'defend')).hash}`)}
        >
          Defend the reading
        </Action>
      </section>
    )
  }
  if ((status !== 'final' && status !== 'invalid') || !holds) return null
  return (
    <section>
      <h2>Redeem</h2>
      <Action
        run={act(async () => {
          const { paid, hash } = await (await signingBook(connection)).redeem(marketId)
          return `paid ${shown(paid, collateral)}: ${hash}`
        })}
      >
        Redeem what you hold
      </Action>
    </section>
  )
}
