// SPDX-License-Identifier: GPL-3.0-or-later
// Random calls on markets and their pools, and what must hold after each of them.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { expect } from 'chai'
import { randomFrom } from '../invariants/random.ts'
import { createMarkets, DAY, DISPUTE, INVALID, STATUS } from './market.ts'

const THREE = { outcomes: 3, classMap: '0x000102ff' }
const LIMIT = 2n ** 255n
const LATE = 2n ** 40n

async function createWorld() {
  const world = await createMarkets()
  const { market, token, ethers, open, accounts, verifiers, owner } = world
  // The guardian of the markets (market.ts) may pause the intake, too.
  await verifiers.grantRole(await verifiers.GUARDIAN_ROLE(), owner)
  const books = []
  const kinds = [
    { changes: {}, outcomes: 2, feeBps: 0 },
    { changes: THREE, outcomes: 3, feeBps: 30 },
    { changes: THREE, outcomes: 3, feeBps: 250 },
  ]
  for (const { changes, outcomes, feeBps } of kinds) {
    const id = await open(changes)
    const pool = await ethers.deployContract('OutcomePool', [market, id, feeBps])
    for (const account of accounts) {
      await token.connect(account).approve(pool, LIMIT)
      await market.connect(account).setApprovalForAll(pool, true)
    }
    books.push({ id, outcomes, pool })
  }
  return { ...world, books }
}

type World = Awaited<ReturnType<typeof createWorld>>
type Book = World['books'][number]

/** A revert is fine, and must be one of ours. */
function refused(error: unknown): undefined {
  if (!/reverted with .*custom error/.test((error as Error).message)) throw error
}

/** Drives three markets with a pool each; a seed replays a run. */
export class MarketDriver {
  /** How often each action succeeded. */
  readonly done: Record<string, number> = {}
  readonly world: World
  readonly #random: () => number
  readonly #people: HardhatEthersSigner[]

  private constructor(world: World, seed: number) {
    this.world = world
    this.#random = randomFrom(seed)
    this.#people = world.accounts.slice(2, 7)
  }

  static async create(seed: number): Promise<MarketDriver> {
    return new MarketDriver(await createWorld(), seed)
  }

  /** One random call; a revert is fine, and must be one of ours. Returns what was tried. */
  async step(): Promise<string> {
    const { market, publishers, owner, dao, treasury, networkHelpers, tell, submit, verifiers } = this.world
    const book = this.#pick(this.world.books)
    const { id, pool, outcomes } = book
    const [who, other] = [this.#pick(this.#people), this.#pick(this.#people)]
    const amount = this.#amount()
    const outcome = this.#below(outcomes)
    const [mine, traded] = [market.connect(who), pool.connect(who)]
    const before = await this.#poolState(book)
    const now = await networkHelpers.time.latest()
    const paused = (await verifiers.intakePausedUntil()) > BigInt(now + 60)
    const actions: Record<string, [weight: number, act: () => Promise<unknown>]> = {
      split: [6, () => mine.split(id, amount)],
      merge: [4, () => mine.merge(id, amount / 2n + 1n)],
      transfer: [3, () => mine.safeTransferFrom(who, other, (id << 8n) | BigInt(outcome), amount / 3n + 1n, '0x')],
      redeem: [3, () => mine.redeem(id)],
      'add liquidity': [4, () => this.#join(book, who, amount)],
      'remove liquidity': [3, () => this.#leave(book)],
      buy: [6, () => traded.buy(outcome, amount, 0, LATE)],
      sell: [5, () => traded.sell(outcome, amount / 3n + 1n, LIMIT, LATE)],
      wait: [1, () => networkHelpers.time.increase(this.#below(6 * 3600) + 1)],
      resolve: [0.5, async () => submit(await tell(id, { label: this.#below(4) }))],
      revoke: [0.1, () => publishers.connect(owner).revokeKey(1)],
      flag: [0.3, () => market.flag(id)],
      challenge: [0.4, () => mine.challenge(id)],
      defend: [0.3, () => mine.defend(id)],
      freeze: [0.1, () => market.connect(owner).freeze(id)],
      pause: [0.3, () => verifiers.connect(owner).pauseIntake(now + this.#below(DAY))],
      'end a pause': [0.3, () => verifiers.connect(owner).pauseIntake(0)],
      'return a bond': [1, () => market.returnBond(id, this.#below(3) === 0 ? treasury : other.address)],
      settle: [0.3, () => market.connect(dao).settle(id, this.#pick([0, 1, INVALID]))],
    }
    const name = this.#choose(Object.entries(actions).map(([action, [weight]]) => [action, weight]))
    try {
      const sent = await actions[name]![1]()
      if (paused && name === 'split') throw new Error('collateral came in while intake was paused')
      if (sent !== undefined) this.done[name] = (this.done[name] ?? 0) + 1
    } catch (error) {
      refused(error)
    }
    await this.#checkPool(book, name, before)
    return name
  }

  /** Collateral in = redeemable out, for each market and all together. */
  async check(): Promise<void> {
    const { market, token, books } = this.world
    let owed = 0n
    for (const book of books) {
      const [collateral, tokens] = await market.potOf(book.id)
      owed += collateral + (await this.#bonds(book.id))
      const supply = await this.#supply(book)
      expect(
        supply.reduce((sum, value) => sum + value, 0n),
        'tokens on the books',
      ).to.equal(tokens)
      const status = await market.statusOf(book.id)
      const n = BigInt(book.outcomes)
      if (status === STATUS.final) {
        const { outcome } = await market.resolutionOf(book.id)
        expect(supply[Number(outcome)], 'what the winners are owed').to.equal(collateral)
      } else if (status === STATUS.invalid) {
        expect(tokens <= collateral * n, 'what everyone is owed').to.equal(true)
      } else {
        for (const value of supply) expect(value, 'of each outcome as many as collateral').to.equal(collateral)
      }
    }
    expect(await token.balanceOf(market), 'collateral held').to.equal(owed)
  }

  /** Ends all markets; everyone leaves. What is left of each pot after that, and what of it stands behind the dead shares. */
  async windUp(): Promise<[left: bigint, dead: bigint][]> {
    const { market, networkHelpers, books } = this.world
    await networkHelpers.time.increase(14 * DAY + DISPUTE + 91 * DAY)
    // A guardian that turned keeps intake paused: nobody's way out passes it.
    const { verifiers, owner } = this.world
    await verifiers.connect(owner).pauseIntake((await networkHelpers.time.latest()) + 14 * DAY - 1)
    const left: [bigint, bigint][] = []
    for (const { id, pool, outcomes } of books) {
      for (const who of this.#people) {
        const shares = await pool.balanceOf(who)
        if (shares > 0n) await pool.connect(who).removeLiquidity(shares, 0, LATE)
      }
      for (const who of this.#people) {
        let held = 0n
        for (let outcome = 0; outcome < outcomes; outcome++) {
          held += await market.balanceOf(who, (id << 8n) | BigInt(outcome))
        }
        if (held > 0n) await market.connect(who).redeem(id)
      }
      for (const account of [...this.#people.map(({ address }) => address), this.world.treasury]) {
        await market.returnBond(id, account).catch(refused)
      }
      expect(await this.#bonds(id), 'bonds that nobody can take out').to.equal(0n)
      const reserves = [...(await pool.reserves())]
      left.push([(await market.potOf(id))[0], reserves.reduce((most, held) => (held > most ? held : most), 0n)])
    }
    return left
  }

  /** What lies in the market for a challenge and its defence. */
  async #bonds(id: bigint): Promise<bigint> {
    const { market } = this.world
    const { bond, defender } = await market.challengeOf(id)
    const paid = await market.queryFilter(market.filters.BondReturned(id))
    const put = BigInt(defender) === 0n ? bond : 2n * bond
    return paid.reduce((left, { args }) => left - args.amount, put)
  }

  /** Starts the pool, or joins it. */
  async #join({ pool, outcomes }: Book, who: HardhatEthersSigner, amount: bigint): Promise<unknown> {
    if ((await pool.totalSupply()) > 0n) {
      return await pool.connect(who).addLiquidity(amount, 0, [...(await pool.reserves())], 0, LATE)
    }
    const odds = Array.from({ length: outcomes }, () => 1 + this.#below(20))
    return await pool.connect(who).start(amount, odds, LATE)
  }

  /** A provider takes out some of its shares, or all. */
  async #leave({ pool }: Book): Promise<unknown> {
    for (const who of this.#people) {
      const shares = await pool.balanceOf(who)
      if (shares > 0n)
        return await pool.connect(who).removeLiquidity(this.#below(3) === 0 ? shares : shares / 3n + 1n, 0, LATE)
    }
    return undefined
  }

  async #supply({ id, outcomes, pool }: Book): Promise<bigint[]> {
    const { market } = this.world
    const holders = [...this.#people.map(({ address }) => address), await pool.getAddress()]
    const ids = Array.from({ length: outcomes }, (_, outcome) => (id << 8n) | BigInt(outcome))
    const supply = ids.map(() => 0n)
    for (const holder of holders) {
      const balances = await market.balanceOfBatch(
        ids.map(() => holder),
        ids,
      )
      for (const [outcome, balance] of balances.entries()) supply[outcome]! += balance
    }
    return supply
  }

  async #poolState({ pool }: Book) {
    const reserves = [...(await pool.reserves())]
    const k = reserves.reduce((product, reserve) => product * reserve, 1n)
    return { reserves, k, shares: await pool.totalSupply() }
  }

  /** Trades never lower the product; joining and leaving never lower what a share stands for. */
  async #checkPool(book: Book, name: string, before: { k: bigint; shares: bigint }): Promise<void> {
    const { market, token } = this.world
    const { reserves, k, shares } = await this.#poolState(book)
    for (const [outcome, reserve] of reserves.entries()) {
      const held = await market.balanceOf(book.pool, (book.id << 8n) | BigInt(outcome))
      expect(held, `${name}: reserves are what the pool has`).to.equal(reserve)
    }
    expect(await token.balanceOf(book.pool), `${name}: the pool keeps no collateral`).to.equal(0n)
    if (shares === before.shares) expect(k >= before.k, `${name}: k fell`).to.equal(true)
    const n = BigInt(book.outcomes)
    if (before.shares > 0n && shares > 0n) {
      expect(k * before.shares ** n >= before.k * shares ** n, `${name}: a share lost`).to.equal(true)
    }
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  /** Mostly dust, at times a lot: rounding shows in the small, overflow in the large. */
  #amount(): bigint {
    return 1n + BigInt(this.#below(1000)) * 10n ** BigInt(this.#pick([0, 0, 0, 3, 18]))
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!
  }

  #choose(weights: [name: string, weight: number][]): string {
    let left = this.#random() * weights.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of weights) {
      left -= weight
      if (left < 0) return name
    }
    return weights[0]![0]
  }
}
