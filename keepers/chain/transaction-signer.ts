// SPDX-License-Identifier: GPL-3.0-or-later
// Turns a request into signed bytes: simulated, with gas and fees, and checked against the account's balance.
import { type Interface, isError, type JsonRpcApiProvider, Transaction } from 'ethers'
import type { TransactionRow } from '../store/index.ts'
import { type Clock, steady } from './clock.ts'
import { ChainError, decodeRevert } from './errors.ts'
import { FeeMarket, type FeePolicy, type OfferedFees } from './fees.ts'
import type { HeadWatch } from './head-watch.ts'
import type { OperatorSigner } from './signer/signer.ts'

export type TransactionRequest = {
  /** Identifies the act. A second request under the same key is the same transaction, even after a restart. */
  readonly key: string
  readonly to: string
  readonly data: string
  readonly value?: bigint
  /**
   * When the caller gets the receipt: once it is `confirmations` deep (the default), or once it is in a block. In either case, a transaction
   * that a reorganisation takes back is sent again. Only a caller that then acts irrevocably must wait for the depth.
   */
  readonly told?: 'deep' | 'included'
  /** The end of its usefulness, for a sender with several ways to send. */
  readonly window?: {
    /** Unix seconds, by the chain. */
    readonly end: number
    /** Seconds from now. */
    readonly left: number
  }
}

export type SignerOptions = {
  readonly provider: JsonRpcApiProvider
  readonly heads: HeadWatch
  readonly wallet: OperatorSigner
  readonly chainId: bigint
  /** ABIs with custom errors that explain a refusal. */
  readonly interfaces: readonly Interface[]
  readonly fees: FeePolicy
  readonly clock: Clock
}

type Attempt = TransactionRow['attempts'][number]

/**
 * Room above the estimate, because state changes between estimate and execution: the last member of a step also pays for the transition,
 * and the deciding vote for publishing a version. Unused gas costs nothing.
 */
const GAS_MARGIN = { numerator: 130n, denominator: 100n, fixed: 600_000n }

/** Milliseconds before the balance is read again; only this key's own transactions reduce it. */
const PURSE_AGE = 600_000

export class TransactionSigner {
  readonly #options: SignerOptions
  readonly #market: FeeMarket
  /** A lower bound on the operator's balance, in wei, because its signed transactions cannot cost more; and the time of the request. */
  #purse: { least: bigint; readonly at: number } | null = null

  constructor(options: SignerOptions) {
    this.#options = options
    this.#market = new FeeMarket(options)
  }

  /**
   * Simulates the request and signs it for `nonce`.
   * @throws RevertError (the chain would refuse it), ChainError UNFUNDED, FEE_CAP, SignerError
   */
  async sign(request: TransactionRequest, nonce: number): Promise<Omit<TransactionRow, 'receipt'>> {
    const { provider, wallet, interfaces } = this.#options
    const value = request.value ?? 0n
    const call = { from: wallet.address, to: request.to, data: request.data, value }
    let gas: bigint
    try {
      gas = await provider.estimateGas(call)
    } catch (error) {
      throw decodeRevert(error, interfaces, request.key) ?? (await this.explainFunds(error))
    }
    const gasLimit = (gas * GAS_MARGIN.numerator) / GAS_MARGIN.denominator + GAS_MARGIN.fixed
    const fees = await this.#market.offer()
    await this.#setAside(gasLimit * fees.maxFeePerGas + value, request.key)
    const stored = { to: request.to, data: request.data, value: String(value), gasLimit: String(gasLimit) }
    return { key: request.key, nonce, request: stored, attempts: [await this.#attempt(stored, nonce, fees)] }
  }

  /** The same transaction at a higher fee, enough for nodes to replace the last attempt. @throws ChainError FEE_CAP */
  async raise({ request, nonce, attempts }: TransactionRow): Promise<Attempt> {
    // It may cost more than the amount set aside for it.
    this.#purse = null
    return this.#attempt(request, nonce, await this.#market.offer(attempts.at(-1)!.raw))
  }

  /** Asks for the balance only when the known lower bound may not suffice. @throws ChainError UNFUNDED */
  async #setAside(needed: bigint, key: string): Promise<void> {
    const { provider, wallet, clock } = this.#options
    const purse = this.#purse
    if (purse !== null && purse.least >= needed && steady(clock) < purse.at + PURSE_AGE) {
      purse.least -= needed
      return
    }
    this.#purse = null
    const balance = await provider.getBalance(wallet.address)
    if (balance < needed) {
      throw new ChainError(
        'UNFUNDED',
        `the operator ${wallet.address} has ${balance} wei, ${key} may need ${needed}: send it funds for gas`,
      )
    }
    this.#purse = { least: balance - needed, at: steady(clock) }
  }

  /** ChainError UNFUNDED when the account cannot pay; otherwise the error itself. */
  async explainFunds(error: unknown): Promise<unknown> {
    const { provider, wallet } = this.#options
    this.#purse = null
    const balance = await provider.getBalance(wallet.address).catch(() => null)
    if (balance === 0n || isError(error, 'INSUFFICIENT_FUNDS')) {
      return new ChainError(
        'UNFUNDED',
        `the operator ${wallet.address} has ${balance ?? 'too few'} wei: send it funds for gas`,
        { cause: error },
      )
    }
    return error
  }

  async #attempt(request: TransactionRow['request'], nonce: number, fees: OfferedFees): Promise<Attempt> {
    const raw = await this.#options.wallet.signTransaction({
      type: 2,
      chainId: this.#options.chainId,
      to: request.to,
      data: request.data,
      value: BigInt(request.value),
      gasLimit: BigInt(request.gasLimit),
      nonce,
      ...fees,
    })
    return { hash: Transaction.from(raw).hash!, raw, maxFeePerGas: String(fees.maxFeePerGas) }
  }
}
