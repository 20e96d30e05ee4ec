// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of `cohort market`, once the options are read.
import { readFile } from 'node:fs/promises'
import type { MarketClient, MarketKind, MarketView, Payout, PoolClient, Signed } from '../chain/index.ts'
import { type ChainOptions, type ChainSession, print, withChain } from './chain-command.ts'
import { CommandError, EXIT, UsageError } from './failure.ts'
import { listText, marketText, resolutionText, shownUnits, unitsOf, type When } from './market-text.ts'

export type MarketOptions = ChainOptions & { readonly inputs?: boolean }
type TradeOptions = MarketOptions & { readonly fee: number; readonly slippage: number; readonly seconds: number }
type CreateOptions = MarketOptions & {
  readonly text: string
  readonly model: number
  readonly publisher?: number
  readonly opens: When
  readonly closes: When
  readonly deadline: When
  readonly minMargin: bigint
  readonly outcomes: number
  readonly classes: readonly (number | null)[]
  readonly collateral?: string
  readonly input?: string
  readonly payout?: Payout
  readonly lower?: bigint
  readonly width?: bigint
}
type ContentOptions = MarketOptions & {
  readonly story?: string
  readonly input?: string
  readonly key?: number
  readonly signature?: string
}

/** Pools that the deployment's users are likely to have: fees in hundredths of a percent. */
const SHOWN_FEES = [0, 30, 100, 300] as const

type Session = ChainSession & { readonly client: MarketClient; readonly account: string | undefined }

async function withMarkets(options: MarketOptions, body: (session: Session) => Promise<void>): Promise<void> {
  await withChain(options, async (session) => {
    const { MarketClient } = await import('../chain/index.ts')
    const { provider, deployment, signer } = session
    const kind: MarketKind = options.inputs === true ? 'input' : 'story'
    const client = new MarketClient({ provider, deployment, kind, ...(signer === undefined ? {} : { signer }) })
    await body({ ...session, client, account: await signer?.getAddress() })
  })
}

export async function list(options: MarketOptions & { readonly from?: number; readonly count: number }): Promise<void> {
  await withMarkets(options, async ({ client, account }) => {
    const count = await client.count()
    const newest = Math.min(options.from ?? count, count)
    const ids = Array.from({ length: Math.min(options.count, newest) }, (_, index) => BigInt(newest - index))
    const markets = await Promise.all(ids.map((id) => client.view(id, account)))
    print(options, { count, markets }, listText(markets, count))
  })
}

export async function show(id: bigint, options: MarketOptions): Promise<void> {
  await withMarkets(options, async (session) => {
    const { client, account } = session
    const market = await client.view(id, account)
    const found =
      client.kind === 'input'
        ? []
        : await Promise.all(SHOWN_FEES.map(async (fee) => (await poolOf(session, id, fee)).view(account)))
    const pools = found.filter((pool) => pool !== null)
    print(options, { ...market, pools }, marketText(market, pools))
  })
}

export async function create(options: CreateOptions): Promise<void> {
  await withMarkets(options, async ({ client, provider }) => {
    const now = (await provider.getBlock('latest'))!.timestamp
    const { publisher, collateral, input, payout, lower, width } = options
    const made = await client.create({
      text: options.text,
      modelId: BigInt(options.model),
      ...{ opensAt: options.opens(now), closesAt: options.closes(now), deadline: options.deadline(now) },
      ...{ minMargin: options.minMargin, outcomes: options.outcomes, classes: options.classes },
      ...(publisher === undefined ? {} : { publisherId: BigInt(publisher) }),
      ...(collateral === undefined ? {} : { collateral }),
      ...(input === undefined ? {} : { input }),
      ...(payout === undefined ? {} : { payout }),
      ...(lower === undefined ? {} : { lower }),
      ...(width === undefined ? {} : { width }),
    })
    print(options, made, `Market ${made.marketId} is open; \`cohort market show ${made.marketId}\` has its tag.`)
  })
}

export async function onSets(
  id: bigint,
  options: MarketOptions & { readonly amount: string },
  what: 'split' | 'merge',
): Promise<void> {
  await withMarkets(options, async ({ client }) => {
    const { collateral } = await client.view(id)
    const amount = unitsOf(options.amount, collateral.decimals)
    const sent = await client[what](id, amount)
    print(options, { ...sent, amount }, `${options.amount} complete sets of market ${id}: ${what} done.`)
  })
}

export async function provide(
  id: bigint,
  options: TradeOptions & { amount: string; odds?: readonly bigint[] },
): Promise<void> {
  await onPool(id, options, async (pool, { collateral }) => {
    const amount = unitsOf(options.amount, collateral.decimals)
    const given = await pool.provide(amount, options.odds ?? null, limitsOf(options))
    print(options, given, `You got ${shownUnits(given.shares, collateral.decimals)} shares of the pool.`)
  })
}

export async function withdraw(id: bigint, options: TradeOptions & { shares?: string }): Promise<void> {
  await onPool(id, options, async (pool, { collateral }) => {
    const shares = options.shares === undefined ? null : unitsOf(options.shares, collateral.decimals)
    const taken = await pool.withdraw(shares, limitsOf(options))
    const paid = `${shownUnits(taken.paid, collateral.decimals)} ${collateral.symbol}`
    print(options, taken, `${paid} came back, the rest as outcome tokens: \`cohort market show ${id}\`.`)
  })
}

export async function buy(id: bigint, options: TradeOptions & { outcome: number; amount: string }): Promise<void> {
  await onPool(id, options, async (pool, { collateral }) => {
    const bought = await pool.buy(options.outcome, unitsOf(options.amount, collateral.decimals), limitsOf(options))
    print(options, bought, `Bought ${shownUnits(bought.tokens, collateral.decimals)} of outcome ${options.outcome}.`)
  })
}

export async function sell(
  id: bigint,
  options: TradeOptions & { outcome: number; amount?: string; tokens?: string },
): Promise<void> {
  const { amount, tokens, outcome } = options
  if (amount !== undefined && tokens !== undefined) throw new UsageError('give --amount or --tokens, not both')
  await onPool(id, options, async (pool, { collateral }) => {
    const units = (text: string): bigint => unitsOf(text, collateral.decimals)
    const wanted =
      amount === undefined ? { tokens: tokens === undefined ? null : units(tokens) } : { amount: units(amount) }
    const sold = await pool.sell(outcome, wanted, limitsOf(options))
    const shown = (value: bigint): string => shownUnits(value, collateral.decimals)
    print(
      options,
      sold,
      `Sold ${shown(sold.tokens)} of outcome ${outcome} for ${shown(sold.paid)} ${collateral.symbol}.`,
    )
  })
}

export async function record(id: bigint, options: ContentOptions): Promise<void> {
  await withMarkets(options, async ({ client }) => {
    const sent = await client.record(id, await contentOf(client.kind, options), await signedBy(options))
    print(options, sent, 'Recorded: the proof may follow until the deadline. Pools no longer trade this market.')
  })
}

export async function resolve(
  id: bigint,
  options: ContentOptions & { proof: string; private?: boolean },
): Promise<void> {
  const [{ readProofFile }, { toSolidityProof }] = await Promise.all([
    import('./zkml/proof-file.ts'),
    import('../zkml/index.ts'),
  ])
  const { proof, publicSignals } = await readProofFile(options.proof)
  await withMarkets(options, async ({ client }) => {
    const { context } = await client.view(id)
    if (publicSignals[3] !== context) {
      throw new CommandError(
        `${options.proof} is for context ${publicSignals[3]}, market ${id} has ${context}: prove it with that --context`,
        EXIT.data,
      )
    }
    const { key, private: hidden } = options
    const pinned = client.kind === 'input' && key === undefined
    const unseen = hidden === true ? { keyId: BigInt(needed(key, '--key')), signature: '0x' } : null
    const content = hidden === true ? null : await contentOf(client.kind, options)
    const signed = unseen ?? (pinned ? null : await signedBy(options))
    const sent = await client.resolve(id, content, signed, { output: publicSignals[2]!, proof: toSolidityProof(proof) })
    const { resolution } = await client.view(id)
    print(
      options,
      { ...sent, outcome: resolution?.outcome, share: resolution?.share },
      `Resolved: ${resolution === null ? 'not yet' : resolutionText(resolution)}.`,
    )
  })
}

export async function dispute(
  id: bigint,
  options: MarketOptions & { defend?: boolean; flag?: boolean },
): Promise<void> {
  if (options.defend && options.flag) throw new UsageError('give --defend or --flag, not both')
  await withMarkets(options, async ({ client }) => {
    if (options.flag) {
      const sent = await client.flag(id)
      return print(options, sent, `Market ${id} waits for the DAO.`)
    }
    const put = await client.dispute(id, options.defend ? 'defend' : 'challenge')
    const { collateral } = await client.view(id)
    const shown = `${shownUnits(put.bond, collateral.decimals)} ${collateral.symbol}`
    print(
      options,
      put,
      `${shown} are at stake until the DAO decides; \`cohort market bond ${id}\` pays whoever was right.`,
    )
  })
}

export async function redeem(id: bigint, options: MarketOptions): Promise<void> {
  await withMarkets(options, async ({ client }) => {
    const { collateral } = await client.view(id)
    const redeemed = await client.redeem(id)
    print(options, redeemed, `${shownUnits(redeemed.paid, collateral.decimals)} ${collateral.symbol} paid.`)
  })
}

export async function bond(id: bigint, options: MarketOptions & { of?: string }): Promise<void> {
  await withMarkets(options, async ({ client }) => {
    const to = options.of ?? (await client.sender.address())
    print(options, { ...(await client.returnBond(id, to)), to }, `The bond went back to ${to}.`)
  })
}

async function onPool(
  id: bigint,
  options: TradeOptions,
  body: (pool: PoolClient, market: MarketView) => Promise<void>,
): Promise<void> {
  await withMarkets(options, async (session) => {
    const market = await session.client.view(id)
    await body(await poolOf(session, id, options.fee), market)
  })
}

async function poolOf(
  { client, provider, deployment, signer }: Session,
  marketId: bigint,
  feeBps: number,
): Promise<PoolClient> {
  const { PoolClient } = await import('../chain/index.ts')
  const acting = signer === undefined ? {} : { signer }
  return new PoolClient({ provider, deployment, market: client, marketId, feeBps, ...acting })
}

const limitsOf = ({ slippage, seconds }: TradeOptions) => ({ slippageBps: slippage, seconds })

/** The story's bytes, or the input commitment, in hexadecimal. */
async function contentOf(kind: MarketKind, { story, input }: ContentOptions): Promise<string> {
  if (kind === 'input') return needed(input, '--input')
  return `0x${(await contentsOf(needed(story, '--story'))).toString('hex')}`
}

async function signedBy({ key, signature }: ContentOptions): Promise<Signed> {
  const given = needed(signature, '--signature')
  const keyId = BigInt(needed(key, '--key'))
  if (/^0x([0-9a-fA-F]{2})+$/.test(given)) return { keyId, signature: given }
  const bytes = await contentsOf(given)
  // DER begins with a sequence. The raw forms that the registry takes have other lengths.
  const isDer = bytes[0] === 0x30 && bytes[1] === bytes.length - 2
  const { p256Signature } = await import('../apps/story/index.ts')
  return { keyId, signature: isDer ? p256Signature(bytes) : `0x${bytes.toString('hex')}` }
}

async function contentsOf(file: string): Promise<Buffer> {
  return await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot read ${file}: ${cause.code}`, EXIT.noInput)
  })
}

function needed<T>(value: T | undefined, option: string): T {
  if (value === undefined) throw new UsageError(`this needs ${option}`)
  return value
}
