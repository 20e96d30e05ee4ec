// SPDX-License-Identifier: GPL-3.0-or-later
// A pool that gives a market's outcomes a price: trades with a limit, and liquidity.
import { type JsonRpcApiProvider, type Signer, ZeroAddress } from 'ethers'
import type { OutcomePool, PredictionMarket } from '../../../types/index.ts'
import { clients } from '../contracts.ts'
import type { Sent } from '../dao/terms.ts'
import type { DeploymentFile } from '../deployment-file.ts'
import { allow, type MarketClient } from './client.ts'
import { MarketError } from './errors.ts'
import { requireMadeBy } from './pool-address.ts'
import type { PoolView } from './terms.ts'

export type PoolClientOptions = {
  readonly provider: JsonRpcApiProvider
  readonly deployment: DeploymentFile
  readonly signer?: Signer
  /** The client of the market's book. Only story markets have pools. */
  readonly market: MarketClient
  readonly marketId: bigint
  /** Hundredths of a percent, 0 … 1000. */
  readonly feeBps: number
}

/** Limits of a trade: the worst deviation from the quote in hundredths of a percent, and the seconds until it expires. */
export type Limits = { readonly slippageBps: number; readonly seconds: number }

const BPS = 10_000n
/** Halvings of a range of 256 bits until a sale is known to a thousandth. */
const HALVINGS = 24

export class PoolClient {
  readonly #options: PoolClientOptions
  #pool: OutcomePool | null = null

  constructor(options: PoolClientOptions) {
    this.#options = options
    if (options.market.kind !== 'story') {
      throw new MarketError('no-pool', 'the deployment makes pools for story markets: split sets of this one instead')
    }
  }

  /** Null before anybody made the pool. */
  async view(account?: string): Promise<PoolView | null> {
    const pool = await this.#find()
    if (pool === null) return null
    const [reserves, totalShares, shares, address] = await Promise.all([
      pool.reserves(),
      pool.totalSupply(),
      account === undefined ? 0n : pool.balanceOf(account),
      pool.getAddress(),
    ])
    const prices =
      totalShares === 0n
        ? []
        : await Promise.all(
            reserves.map(async (_, outcome) => Number((await pool.priceOf(outcome)) / 10n ** 12n) / 1e6),
          )
    return { address, feeBps: this.#options.feeBps, prices, reserves: [...reserves], totalShares, shares }
  }

  /**
   * Adds liquidity; makes the pool, and starts it at the odds given, when that was not done.
   * @param odds one number for each outcome, for the first deposit only
   */
  async provide(
    amount: bigint,
    odds: readonly bigint[] | null,
    limits: Limits,
  ): Promise<Sent & { readonly shares: bigint }> {
    const { market, marketId, feeBps, deployment } = this.#options
    const pools = clients.pools(deployment.contracts.OutcomePoolFactory, this.#runner)
    if ((await this.#find()) === null) await market.sender.send('createPool', () => pools.createPool(marketId, feeBps))
    const pool = await this.#require()
    const account = await market.sender.address()
    const [reserves, total, before] = await Promise.all([pool.reserves(), pool.totalSupply(), pool.balanceOf(account)])
    const deadline = await this.#deadline(limits)
    if (total === 0n && odds === null) {
      throw new MarketError('bad-terms', 'the first to provide liquidity says the odds, one number for each outcome')
    }
    if (total > 0n && odds !== null) {
      throw new MarketError('bad-terms', 'the pool has its odds already: leave them out, or trade')
    }
    if (odds !== null && odds.length !== reserves.length) {
      throw new MarketError('bad-terms', `${odds.length} odds for ${reserves.length} outcomes`)
    }
    await allow(market.sender, await this.#collateral(pool), await pool.getAddress(), amount)
    const sent = await market.sender.send('provide', () => {
      if (odds !== null) return pool.start(amount, [...odds], deadline)
      const largest = reserves.reduce((most, reserve) => (reserve > most ? reserve : most), 0n)
      const least = below((amount * total) / largest, limits)
      return pool.addLiquidity(amount, least, [...reserves], limits.slippageBps, deadline)
    })
    return { ...sent, shares: (await pool.balanceOf(account)) - before }
  }

  /** Takes liquidity out: complete sets come as collateral, the remainder as outcome tokens. */
  async withdraw(shares: bigint | null, limits: Limits): Promise<Sent & { readonly paid: bigint }> {
    const { market } = this.#options
    const pool = await this.#require()
    const account = await market.sender.address()
    const held = await pool.balanceOf(account)
    const given = shares ?? held
    if (given === 0n || given > held) throw new MarketError('too-little', `${account} holds ${held} shares of the pool`)
    const [reserves, total, deadline] = await Promise.all([pool.reserves(), pool.totalSupply(), this.#deadline(limits)])
    const sets = reserves
      .map((reserve) => (reserve * given) / total)
      .reduce((least, reserve) => (reserve < least ? reserve : least))
    const token = await this.#collateral(pool)
    const before = await token.balanceOf(account)
    const sent = await market.sender.send('withdraw', () => pool.removeLiquidity(given, below(sets, limits), deadline))
    return { ...sent, paid: (await token.balanceOf(account)) - before }
  }

  /** Spends collateral on one outcome. */
  async buy(outcome: number, amount: bigint, limits: Limits): Promise<Sent & { readonly tokens: bigint }> {
    const { market } = this.#options
    const pool = await this.#trading(outcome)
    const { tokens: quoted } = await pool.quoteBuy(outcome, amount)
    await allow(market.sender, await this.#collateral(pool), await pool.getAddress(), amount)
    const before = await this.#holding(outcome)
    const deadline = await this.#deadline(limits)
    const sent = await market.sender.send('buy', () => pool.buy(outcome, amount, below(quoted, limits), deadline))
    return { ...sent, tokens: (await this.#holding(outcome)) - before }
  }

  /**
   * Sells one outcome for collateral.
   * @param wanted collateral to get, or at most so many tokens to give (null: all that are held)
   */
  async sell(
    outcome: number,
    wanted: { readonly amount: bigint } | { readonly tokens: bigint | null },
    limits: Limits,
  ): Promise<Sent & { readonly tokens: bigint; readonly paid: bigint }> {
    const { market } = this.#options
    const pool = await this.#trading(outcome)
    const held = await this.#holding(outcome)
    const paid = 'amount' in wanted ? wanted.amount : await this.#worth(pool, outcome, wanted.tokens ?? held)
    const { tokens: quoted } = await pool.quoteSell(outcome, paid)
    if (quoted > held) {
      throw new MarketError('too-little', `that takes ${quoted} units of outcome ${outcome}, ${held} are held`)
    }
    await this.#allowTokens(pool)
    const most = quoted + (quoted * BigInt(limits.slippageBps)) / BPS
    const deadline = await this.#deadline(limits)
    const sent = await market.sender.send('sell', () => pool.sell(outcome, paid, most < held ? most : held, deadline))
    return { ...sent, tokens: held - (await this.#holding(outcome)), paid }
  }

  /** The most collateral that these tokens fetch, rounded down by at most a thousandth. */
  async #worth(pool: OutcomePool, outcome: number, tokens: bigint): Promise<bigint> {
    const enough = async (amount: bigint): Promise<boolean> => {
      // The pool refuses to quote more than its reserves can pay.
      const quote = await pool.quoteSell(outcome, amount).catch(() => null)
      return quote !== null && quote.tokens <= tokens
    }
    // A token never pays more than one.
    let [low, high] = [0n, tokens + 1n]
    for (let i = 0; i < HALVINGS && high - low > 1n && (high - low) * 1000n > low; i++) {
      const middle = (low + high) / 2n
      if (await enough(middle)) low = middle
      else high = middle
    }
    if (low === 0n) throw new MarketError('too-little', `${tokens} units of outcome ${outcome} fetch nothing here`)
    return low
  }

  async #allowTokens(pool: OutcomePool): Promise<void> {
    const { market } = this.#options
    const [account, operator] = await Promise.all([market.sender.address(), pool.getAddress()])
    const book = this.#book()
    if (await book.isApprovedForAll(account, operator)) return
    await market.sender.send('setApprovalForAll', () => book.setApprovalForAll(operator, true))
  }

  async #holding(outcome: number): Promise<bigint> {
    const { market, marketId } = this.#options
    return await this.#book().balanceOf(await market.sender.address(), (marketId << 8n) | BigInt(outcome))
  }

  #book(): PredictionMarket {
    return clients.predictionMarket(this.#options.deployment.contracts.PredictionMarket, this.#runner)
  }

  get #runner() {
    return this.#options.signer ?? this.#options.provider
  }

  async #collateral(pool: OutcomePool) {
    return clients.token(await pool.COLLATERAL(), this.#runner)
  }

  /** Deadline in Unix seconds by the chain's clock, because this machine's may be wrong. */
  async #deadline({ seconds }: Limits): Promise<number> {
    return (await this.#options.provider.getBlock('latest'))!.timestamp + seconds
  }

  async #trading(outcome: number): Promise<OutcomePool> {
    const pool = await this.#require()
    const [{ length }, total] = await Promise.all([pool.reserves(), pool.totalSupply()])
    if (outcome >= length)
      throw new MarketError('bad-terms', `the market has outcomes 0 to ${length - 1}, not ${outcome}`)
    if (total === 0n) throw new MarketError('no-pool', 'nobody provides liquidity: `cohort market provide` does')
    return pool
  }

  async #require(): Promise<OutcomePool> {
    const pool = await this.#find()
    const { marketId, feeBps, deployment } = this.#options
    if (pool !== null) {
      requireMadeBy(deployment.contracts.OutcomePoolFactory, await pool.getAddress())
      return pool
    }
    const fee = `${feeBps / 100} %`
    throw new MarketError(
      'no-pool',
      `market ${marketId} has no pool with a fee of ${fee}: \`cohort market provide\` makes one`,
    )
  }

  async #find(): Promise<OutcomePool | null> {
    if (this.#pool !== null) return this.#pool
    const { deployment, marketId, feeBps } = this.#options
    const address = await clients.pools(deployment.contracts.OutcomePoolFactory, this.#runner).poolOf(marketId, feeBps)
    this.#pool = address === ZeroAddress ? null : clients.pool(address, this.#runner)
    return this.#pool
  }
}

function below(quoted: bigint, { slippageBps }: Limits): bigint {
  return quoted - (quoted * BigInt(slippageBps)) / BPS
}
