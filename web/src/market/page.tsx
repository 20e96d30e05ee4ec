// SPDX-License-Identifier: GPL-3.0-or-later
// Prediction markets: their list, or one of them.
import { useState } from 'preact/hooks'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { time } from '../ui/format.ts'
import { Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Pages } from '../ui/pages.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { MarketPage } from './market.tsx'
import { listMarkets, shown } from './markets.ts'

const PAGE = 20

export function MarketsPage({
  connection,
  chosen,
}: {
  readonly connection: Connection
  readonly chosen: string | null
}) {
  if (chosen === null) return <MarketList connection={connection} />
  if (!/^\d{1,18}$/.test(chosen)) return <p>'{inert(chosen, 40)}' is no number of a market.</p>
  return <MarketPage key={chosen} connection={connection} marketId={BigInt(chosen)} />
}

function MarketList({ connection }: { readonly connection: Connection }) {
  const { block } = connection.head.value
  const [skip, setSkip] = useState(0)
  const list = useLoaded(() => listMarkets(connection, { count: PAGE, skip }), [skip], block)
  return (
    <>
      <h1>Markets</h1>
      <Show loaded={list} what="the markets">
        {({ count, markets }) =>
          count === 0 ? (
            <p>Nobody has opened a market: `cohort market create` does.</p>
          ) : (
            <>
              <Scrollable label="Markets">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Market</th>
                      <th scope="col">Question</th>
                      <th scope="col">State</th>
                      <th scope="col">Stories until (UTC)</th>
                      <th scope="col">Held for it</th>
                    </tr>
                  </thead>
                  <tbody>
                    {markets.map(({ view, text }) => (
                      <tr key={String(view.marketId)}>
                        <td>
                          <a href={link('market', String(view.marketId))}>{String(view.marketId)}</a>
                        </td>
                        <td>
                          <Inert text={text} />
                        </td>
                        <td>{view.status}</td>
                        <td>{time(view.closesAt)}</td>
                        <td>
                          {shown(view.pot, view.collateral)}
                          {!view.collateral.own && ' (a token of its own)'}
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
      <Explain>
        <p>
          A market pays when a story that its publisher signed is classified by its model: the proof of that
          classification settles it. Nobody decides; who trades trusts the publisher to report, and the model to read.
        </p>
      </Explain>
    </>
  )
}
