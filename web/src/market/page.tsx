// SPDX-License-Identifier: GPL-3.0-or-later
// Prediction markets: their list, or one of them.
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { Explain } from '../ui/explain.tsx'
import { time } from '../ui/format.ts'
import { Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Listing } from '../ui/listing.tsx'
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
  return (
    <>
      <h1>Markets</h1>
      <Listing
        {...{ connection, label: 'Markets', what: 'the markets', page: PAGE }}
        none="There are no markets yet. `cohort market create` opens one."
        read={(page) => listMarkets(connection, page)}
        keyOf={({ view }) => String(view.marketId)}
        columns={[
          ['Market', ({ view: { marketId } }) => <a href={link('market', String(marketId))}>{String(marketId)}</a>],
          ['Question', ({ text }) => <Inert text={text} />],
          ['State', ({ view }) => view.status],
          ['Stories until (UTC)', ({ view }) => time(view.closesAt)],
          [
            'Held for it',
            ({ view: { pot, collateral } }) =>
              `${shown(pot, collateral)}${collateral.own ? '' : ' (a token of its own)'}`,
          ],
        ]}
      />
      <Explain>
        <p>
          A market pays when a story that its publisher signed is classified by its model: the proof of that
          classification settles it. Nobody decides the outcome; traders trust the publisher to report, and the model to
          read.
        </p>
      </Explain>
    </>
  )
}
