// SPDX-License-Identifier: GPL-3.0-or-later
// Markets as they stand, their questions in words, and their pools.
import { formatUnits, parseUnits, type Result, toUtf8String } from 'ethers'
import {
  contractInterface,
  MarketClient,
  type MarketView,
  PoolClient,
  type PoolView,
} from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { type PageOf, type PageTerms, readPage } from '../chain/count.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'
import { signerOn } from '../chain/wallet.ts'

/** At worst so much off the quote, within so many seconds. */
export const LIMITS = { slippageBps: 100, seconds: 600 } as const

export type Listed = { readonly view: MarketView; readonly text: string }

/** What somebody may know of how a market was resolved. */
export type Resolution = {
  readonly transactionHash: string
  /** The story that a publisher signed, where it was shown. */
  readonly story: string | null
}

export type MarketDetails = Listed & {
  readonly pools: readonly PoolView[]
  readonly resolution: Resolution | null
  readonly challengeBond: bigint
}

const reading = (connection: Connection): MarketClient =>
  new MarketClient({ provider: connection.provider, deployment: connection.site.deployment, kind: 'story' })

/** The book with the visitor's wallet. @throws WalletError */
export async function signingBook({ provider, site }: Connection): Promise<MarketClient> {
  const { deployment } = site
  return new MarketClient({ provider, deployment, kind: 'story', signer: await signerOn(deployment.chainId) })
}

export async function signingPool(connection: Connection, marketId: bigint, feeBps: number): Promise<PoolClient> {
  const { provider, site } = connection
  const { deployment } = site
  const signer = await signerOn(deployment.chainId)
  return new PoolClient({ provider, deployment, signer, market: await signingBook(connection), marketId, feeBps })
}

/** Story markets, the newest first. */
export async function listMarkets(connection: Connection, page: PageTerms): Promise<PageOf<Listed>> {
  const book = reading(connection)
  const history = connection.history(connection.site.deployment.contracts.PredictionMarket)
  const [said] = await Promise.all([book.count(), history.step()])
  const texts = textsOf(history.logs)
  return await readPage(BigInt(said), 'markets', page, async (id) => ({
    view: await book.view(id),
    text: texts.get(id) ?? 'a question that is not in the log yet',
  }))
}

/** One market with its pools. @throws MarketError unknown-market */
export async function readMarket(connection: Connection, id: bigint, account: string | null): Promise<MarketDetails> {
  const { provider, site } = connection
  const { deployment } = site
  const market = reading(connection)
  const history = connection.history(deployment.contracts.PredictionMarket)
  const factory = connection.history(deployment.contracts.OutcomePoolFactory)
  await Promise.all([history.step(), factory.step()])
  const [view, challengeBond, ...pools] = await Promise.all([
    market.view(id, account ?? undefined),
    market.challengeBond(id),
    ...feesOf(factory.logs, id).map(
      async (feeBps) =>
        await new PoolClient({ provider, deployment, market, marketId: id, feeBps }).view(account ?? undefined),
    ),
  ])
  return {
    ...{ view, challengeBond, text: textsOf(history.logs).get(id) ?? '', resolution: resolutionOf(history.logs, id) },
    pools: pools.filter((pool) => pool !== null),
  }
}

/** Fees of the pools that somebody made for a market, in hundredths of a percent. */
function feesOf(logs: readonly StoredLog[], id: bigint): number[] {
  const abi = contractInterface('OutcomePoolFactory')
  return logs
    .map((log) => readLog(abi, log))
    .filter((event) => event?.name === 'PoolCreated' && event.args.marketId === id)
    .map((event) => Number(event!.args.feeBps))
}

export function textsOf(logs: readonly StoredLog[]): Map<bigint, string> {
  const texts = new Map<bigint, string>()
  for (const { name, args } of eventsOf(logs)) if (name === 'MarketCreated') texts.set(args.marketId, textOf(args))
  return texts
}

/** A contract takes any bytes for a text, and those that are not UTF-8 throw when they are read: one market's must not hide the others. */
function textOf(args: Result): string {
  try {
    return String(args.text)
  } catch {
    return 'a question that is not text'
  }
}

function resolutionOf(logs: readonly StoredLog[], id: bigint): Resolution | null {
  let found: Resolution | null = null
  for (const { name, args, transactionHash } of eventsOf(logs)) {
    if (args.marketId !== id) continue
    if (name === 'MarketResolved') found = { transactionHash, story: storyText(args.story) }
    if (name === 'MarketResolvedPrivately') found = { transactionHash, story: null }
  }
  return found
}

function* eventsOf(logs: readonly StoredLog[]) {
  const abi = contractInterface('PredictionMarket')
  for (const log of logs) {
    const event = readLog(abi, log)
    if (event !== null) yield { ...event, transactionHash: log.transactionHash }
  }
}

/** The bytes that a publisher signed, without the market's tag; null when they are no text. */
function storyText(story: unknown): string | null {
  if (typeof story !== 'string') return null
  try {
    return toUtf8String(`0x${story.slice(2 + 16)}`)
  } catch {
    return null
  }
}

/** An amount of a token for people. */
export function shown(units: bigint, { decimals, symbol }: MarketView['collateral']): string {
  const [whole, part = ''] = formatUnits(units, decimals).split('.')
  return `${whole}${part.replace(/0+$/, '') === '' ? '' : `.${part.slice(0, 4)}`} ${symbol}`.trim()
}

/** What was typed, in the token's least unit. @throws Error that says what is wrong with it */
export function amountOf(typed: string, { decimals }: MarketView['collateral']): bigint {
  if (!/^\d{1,18}(\.\d{1,18})?$/.test(typed.trim()))
    throw new Error(`'${typed.slice(0, 40)}' is no amount: type a number such as 2.5`)
  const units = parseUnits(typed.trim(), decimals)
  if (units === 0n) throw new Error('type an amount above 0')
  return units
}
