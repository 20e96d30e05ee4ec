// SPDX-License-Identifier: GPL-3.0-or-later
// Actions on a book of markets: open one, hold complete sets, resolve, dispute, redeem.
import { getAddress, getBytes, type JsonRpcApiProvider, type Signer, toBeHex, ZeroHash } from 'ethers'
import type { InputMarket, PredictionMarket } from '../../../types/index.ts'
import { clients } from '../contracts.ts'
import { countOf } from '../count.ts'
import { Sender } from '../dao/sender.ts'
import type { Sent } from '../dao/terms.ts'
import type { DeploymentFile } from '../deployment-file.ts'
import { MarketError } from './errors.ts'
import {
  ABSTAINS,
  FLAG_REASONS,
  LINEAR,
  type MarketKind,
  type MarketTerms,
  type MarketView,
  PAYOUTS,
  type Proven,
  type Signed,
  STATUSES,
} from './terms.ts'

export type MarketClientOptions = {
  readonly provider: JsonRpcApiProvider
  readonly deployment: DeploymentFile
  readonly kind: MarketKind
  /** Absent for a client that only looks. */
  readonly signer?: Signer
}

/** The longest token symbol that is shown; below, the most decimals of a readable amount. */
const MOST_SYMBOL = 16
const MOST_DECIMALS = 36

/** Bytes of the market's tag, with which a story begins. */
const TAG_BYTES = 8

export class MarketClient {
  readonly kind: MarketKind
  readonly sender: Sender
  readonly #options: MarketClientOptions
  /** Sets, disputes and views are the same in both books; `#inputs` has the rest. */
  readonly #book: PredictionMarket
  readonly #inputs: InputMarket

  constructor(options: MarketClientOptions) {
    const { provider, deployment, kind, signer } = options
    this.kind = kind
    this.#options = options
    this.sender = new Sender(signer, [
      ...(['PredictionMarket', 'InputMarket', 'OutcomePool', 'OutcomePoolFactory'] as const),
      ...(['PublisherRegistry', 'InferenceHub', 'VerifierRegistry', 'CohortToken'] as const),
    ])
    const { PredictionMarket, InputMarket } = deployment.contracts
    const address = kind === 'story' ? PredictionMarket : InputMarket
    this.#book = clients.predictionMarket(address, signer ?? provider)
    this.#inputs = clients.inputMarket(address, signer ?? provider)
  }

  async count(): Promise<number> {
    return countOf(await this.#book.marketCount(), 'markets')
  }

  /**
   * Opens a market on the version that the hub's model pins, under the key that it names.
   * @throws MarketError bad-terms when the model pins no version, or terms of another kind are given; DaoError reverted
   */
  async create(terms: MarketTerms): Promise<Sent & { readonly marketId: bigint }> {
    const { provider, deployment } = this.#options
    const { modelId, publisherId, collateral, text, classes } = terms
    this.#checkTerms(terms)
    const { pinned, vkHash } = await this.#modelOf(modelId)
    if (pinned === 0n) {
      throw new MarketError(
        'bad-terms',
        `model ${modelId} follows the releases: a market needs one that pins a version`,
      )
    }
    const question = {
      collateral: collateral ?? deployment.contracts.CohortToken,
      ...{ modelId, version: pinned, vkHash, publisherId: publisherId ?? 0n },
      ...{ opensAt: terms.opensAt, closesAt: terms.closesAt, deadline: terms.deadline },
      ...{ minMargin: terms.minMargin, outcomes: terms.outcomes },
      classMap: `0x${classes.map((outcome) => toBeHex(outcome ?? ABSTAINS, 1).slice(2)).join('')}`,
    }
    const sent = await this.sender.send('createMarket', () => {
      if (this.kind === 'story') return this.#book.createMarket(question, text)
      const { input = ZeroHash, payout = 'classes', lower = 0n, width = 0n } = terms
      return this.#inputs.createMarket({ question, input, payout: PAYOUTS.indexOf(payout), lower, width }, text)
    })
    const receipt = await provider.getTransactionReceipt(sent.hash)
    const made = (receipt?.logs ?? [])
      .map((log) => (this.kind === 'story' ? this.#book : this.#inputs).interface.parseLog(log))
      .find((event) => event?.name === 'MarketCreated' || event?.name === 'InputMarketCreated')
    if (made == null)
      throw new MarketError('unknown-market', `${sent.hash} made no market: another contract is at the address`)
    return { ...sent, marketId: made.args.marketId as bigint }
  }

  /** @throws MarketError unknown-market */
  async view(marketId: bigint, account?: string): Promise<MarketView> {
    await this.#require(marketId)
    const book = this.#book
    const [status, question, resolution, [pot], tag, context] = await Promise.all([
      book.statusOf(marketId),
      book.questionOf(marketId),
      book.resolutionOf(marketId),
      book.potOf(marketId),
      book.tagOf(marketId),
      book.contextOf(marketId),
    ])
    const outcomes = Number(question.outcomes)
    const { provider } = this.#options
    const token = clients.token(question.collateral, provider)
    const [symbol, decimals, holdings, input] = await Promise.all([
      // A token is its creator's own code: a wrong or missing answer must not hide the other markets of a list.
      token.symbol().then(shownSymbol, () => ''),
      token.decimals().then(Number, () => 0),
      account === undefined ? [] : this.holdings(marketId, outcomes, account),
      this.kind === 'input' ? this.#inputs.termsOf(marketId) : null,
    ])
    const { outcome, resolvedAt, reason } = resolution
    return {
      ...{ kind: this.kind, marketId, status: STATUSES[Number(status)]!, outcomes },
      ...{ modelId: question.modelId, version: question.version, publisherId: question.publisherId },
      ...{
        opensAt: Number(question.opensAt),
        closesAt: Number(question.closesAt),
        deadline: Number(question.deadline),
      },
      minMargin: question.minMargin,
      classes: [...getBytes(question.classMap)].map((found) => (found === ABSTAINS ? null : found)),
      collateral: {
        ...{ address: question.collateral, symbol, decimals: decimals <= MOST_DECIMALS ? decimals : 0 },
        own: question.collateral === getAddress(this.#options.deployment.contracts.CohortToken),
      },
      ...{ pot, tag, context, holdings },
      resolution:
        resolvedAt === 0n
          ? null
          : {
              outcome: Number(outcome) >= LINEAR ? null : Number(outcome),
              ...(Number(outcome) === LINEAR ? { share: Number(input!.share) / 1e18 } : {}),
              resolvedAt: Number(resolvedAt),
              flagged: reason === 0n ? null : (FLAG_REASONS[Number(reason)] ?? 'unknown'),
            },
      ...(input === null
        ? {}
        : {
            input: {
              pinned: input.input === ZeroHash ? null : input.input,
              payout: PAYOUTS[Number(input.payout)]!,
              ...{ lower: input.lower, width: input.width },
            },
          }),
    }
  }

  /** Outcome tokens of an account, one number an outcome. */
  async holdings(marketId: bigint, outcomes: number, account: string): Promise<bigint[]> {
    const ids = Array.from({ length: outcomes }, (_, outcome) => (marketId << 8n) | BigInt(outcome))
    return await this.#book.balanceOfBatch(
      ids.map(() => account),
      ids,
    )
  }

  /** Complete sets for collateral, which is approved when it must be. */
  async split(marketId: bigint, amount: bigint): Promise<Sent> {
    await this.#require(marketId)
    await this.#allow(marketId, amount)
    return await this.sender.send('split', () => this.#book.split(marketId, amount))
  }

  async merge(marketId: bigint, amount: bigint): Promise<Sent> {
    await this.#require(marketId)
    return await this.sender.send('merge', () => this.#book.merge(marketId, amount))
  }

  /** Shows that a signed story, or a signed input commitment, existed within the window. @param content bytes in hexadecimal */
  async record(marketId: bigint, content: string, { keyId, signature }: Signed): Promise<Sent> {
    await this.#requireContent(marketId, content)
    return await this.sender.send('record', () =>
      this.kind === 'story'
        ? this.#book.recordStory(marketId, content, keyId, signature)
        : this.#inputs.recordInput(marketId, content, keyId, signature),
    )
  }

  /**
   * Resolves a market by a proof.
   * @param content the story's bytes, or the input commitment, in hexadecimal; null for a private story
   * @param signed absent for a pinned input
   */
  async resolve(marketId: bigint, content: string | null, signed: Signed | null, proven: Proven): Promise<Sent> {
    const { output } = proven
    const [a, b, c] = [proven.proof.a, proven.proof.b, proven.proof.c]
    const proof = { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] } as Parameters<PredictionMarket['resolve']>[5]
    const { keyId, signature } = signed ?? { keyId: 0n, signature: '0x' }
    if (content === null) {
      if (this.kind === 'input')
        throw new MarketError('bad-terms', 'an input market takes the input commitment: give it')
      await this.#require(marketId)
      return await this.sender.send('resolvePrivate', () => this.#book.resolvePrivate(marketId, keyId, output, proof))
    }
    await this.#requireContent(marketId, content)
    return await this.sender.send('resolve', () =>
      this.kind === 'story'
        ? this.#book.resolve(marketId, content, keyId, signature, output, proof)
        : this.#inputs.resolve(marketId, content, keyId, signature, output, proof),
    )
  }

  /** The bond of a challenge, in the collateral's smallest unit. */
  async challengeBond(marketId: bigint): Promise<bigint> {
    return await this.#book.challengeBond(marketId)
  }

  /** Puts a bond on the model having misread, or on its having read well; approves the collateral when it must be. */
  async dispute(marketId: bigint, side: 'challenge' | 'defend'): Promise<Sent & { readonly bond: bigint }> {
    await this.#require(marketId)
    const bond =
      side === 'challenge' ? await this.challengeBond(marketId) : (await this.#book.challengeOf(marketId)).bond
    await this.#allow(marketId, bond)
    const sent = await this.sender.send(side, () =>
      side === 'challenge' ? this.#book.challenge(marketId) : this.#book.defend(marketId),
    )
    return { ...sent, bond }
  }

  /** Stops a resolution after its key, version or circuit was withdrawn. */
  async flag(marketId: bigint): Promise<Sent> {
    await this.#require(marketId)
    return await this.sender.send('flag', () => this.#book.flag(marketId))
  }

  async returnBond(marketId: bigint, account: string): Promise<Sent> {
    await this.#require(marketId)
    return await this.sender.send('returnBond', () => this.#book.returnBond(marketId, account))
  }

  /** Pays out all that the signer holds of a final or invalid market. */
  async redeem(marketId: bigint): Promise<Sent & { readonly paid: bigint }> {
    await this.#require(marketId)
    const account = await this.sender.address()
    const token = await this.#collateralOf(marketId)
    const before = await token.balanceOf(account)
    const sent = await this.sender.send('redeem', () => this.#book.redeem(marketId))
    return { ...sent, paid: (await token.balanceOf(account)) - before }
  }

  async #modelOf(modelId: bigint) {
    const { provider, deployment } = this.#options
    const hub = clients.hub(deployment.contracts.InferenceHub, provider)
    const [{ pinned }, { commitment }] = await Promise.all([hub.modelOf(modelId), hub.getModel(modelId)])
    return { pinned, vkHash: commitment.vkHash }
  }

  #checkTerms({ input, payout, lower, width, publisherId, text }: MarketTerms): void {
    const wrong = (what: string): never => {
      throw new MarketError('bad-terms', what)
    }
    if (text.trim() === '') wrong('a market needs its question in words')
    if (this.kind === 'story') {
      if ([input, payout, lower, width].some((given) => given !== undefined)) {
        wrong('input, payout, lower and width are for input markets')
      }
      if (publisherId === undefined) wrong('a story market needs its publisher')
    } else if ((input === undefined) === (publisherId === undefined)) {
      wrong('an input market takes either one fixed input or the inputs that a publisher signs: give one of the two')
    }
  }

  async #require(marketId: bigint): Promise<void> {
    const count = await this.count()
    if (marketId < 1n || marketId > BigInt(count)) {
      throw new MarketError('unknown-market', `there are ${this.kind} markets 1 to ${count}, not ${marketId}`)
    }
  }

  /** A story of another market is refused before anybody pays gas for it. */
  async #requireContent(marketId: bigint, content: string): Promise<void> {
    await this.#require(marketId)
    if (this.kind === 'input') return
    const tag = await this.#book.tagOf(marketId)
    const found = content.slice(0, 2 + 2 * TAG_BYTES)
    if (found.toLowerCase() === tag.toLowerCase()) return
    throw new MarketError(
      'bad-terms',
      `the story begins with ${found}: one for market ${marketId} begins with its tag ${tag}`,
    )
  }

  async #collateralOf(marketId: bigint) {
    const { collateral } = await this.#book.questionOf(marketId)
    return clients.token(collateral, this.#options.signer ?? this.#options.provider)
  }

  async #allow(marketId: bigint, amount: bigint): Promise<void> {
    await allow(this.sender, await this.#collateralOf(marketId), await this.#book.getAddress(), amount)
  }
}

function shownSymbol(symbol: string): string {
  return [...symbol.replace(/[\p{C}\s]/gu, '')].slice(0, MOST_SYMBOL).join('')
}

/** Lets a contract take that much of a token, when it may not yet. @throws MarketError too-little when there is less */
export async function allow(
  sender: Sender,
  token: ReturnType<typeof clients.token>,
  spender: string,
  amount: bigint,
): Promise<void> {
  const owner = await sender.address()
  const [held, allowed] = await Promise.all([token.balanceOf(owner), token.allowance(owner, spender)])
  if (held < amount) {
    throw new MarketError('too-little', `${owner} holds ${held} units of the collateral, ${amount} are needed`)
  }
  if (allowed < amount) await sender.send('approve', () => token.approve(spender, amount))
}
