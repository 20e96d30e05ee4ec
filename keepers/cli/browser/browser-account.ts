// SPDX-License-Identifier: GPL-3.0-or-later
import {
  AbstractSigner,
  getAddress,
  isAddress,
  type Provider,
  resolveProperties,
  type TransactionRequest,
  type TransactionResponse,
  toQuantity,
} from 'ethers'
import { CommandError, EXIT, UsageError } from '../failure.ts'
import type { WalletDoor } from './door.ts'

/** How often, in milliseconds, and how many times to look for a transaction that the wallet says it sent. */
const LOOK = { pause: 1_000, times: 120 }

/** An account of a browser's wallet, perhaps with a hardware wallet behind it. The wallet sends through an endpoint of its own. */
export class BrowserAccount extends AbstractSigner<Provider> {
  readonly address: string
  readonly #door: Pick<WalletDoor, 'ask'>
  readonly #pause: number

  private constructor(door: Pick<WalletDoor, 'ask'>, address: string, provider: Provider, pause: number) {
    super(provider)
    this.#door = door
    this.address = address
    this.#pause = pause
  }

  /** @param wanted The account that it must be (default: the one that the wallet's user chooses). @throws CommandError for another account */
  static async connect(
    door: Pick<WalletDoor, 'ask'>,
    provider: Provider,
    { wanted, pause = LOOK.pause }: { readonly wanted?: string | undefined; readonly pause?: number } = {},
  ): Promise<BrowserAccount> {
    const { chainId } = await provider.getNetwork()
    const account = await door.ask({ kind: 'connect', chainId: toQuantity(chainId) })
    if (!isAddress(account)) throw new CommandError('the wallet named no account', EXIT.failure)
    if (wanted !== undefined && account.toLowerCase() !== wanted.toLowerCase()) {
      throw new CommandError(
        `the wallet gave the account ${getAddress(account)}, not ${wanted} of --signer-address: choose that one in it`,
        EXIT.failure,
      )
    }
    return new BrowserAccount(door, getAddress(account), provider, pause)
  }

  getAddress(): Promise<string> {
    return Promise.resolve(this.address)
  }

  connect(provider: Provider | null): BrowserAccount {
    return new BrowserAccount(this.#door, this.address, provider ?? this.provider, this.#pause)
  }

  /**
   * Has the wallet sign and send. The transaction that is then on the chain, under the hash that the wallet gives, must be the requested one.
   * @throws CommandError for another transaction, or for one that does not appear on the command's chain
   */
  override async sendTransaction(request: TransactionRequest): Promise<TransactionResponse> {
    const { to, data, value, gasLimit } = await resolveProperties(request)
    const { chainId } = await this.provider.getNetwork()
    const wanted = { to: getAddress(String(to)), data: data ?? '0x', value: BigInt(value ?? 0) }
    // A refusal should come here, with the contract's own error, rather than in the wallet, with none.
    await this.provider.call({ from: this.address, ...wanted })
    const hash = await this.#door.ask({
      kind: 'send',
      chainId: toQuantity(chainId),
      what: `A call of ${wanted.to}`,
      transaction: {
        ...{ from: this.address, to: wanted.to, data: wanted.data, value: toQuantity(wanted.value) },
        chainId: toQuantity(chainId),
        ...(gasLimit === undefined || gasLimit === null ? {} : { gas: toQuantity(gasLimit) }),
      },
    })
    if (!/^0x[0-9a-f]{64}$/.test(hash)) throw new CommandError('the wallet gave no hash of a transaction', EXIT.failure)
    for (let look = 0; look < LOOK.times; look++) {
      const sent = await this.provider.getTransaction(hash)
      if (sent !== null) {
        const same = sent.from === this.address && sent.to === wanted.to && sent.data === wanted.data
        if (same && sent.value === wanted.value) return sent
        throw new CommandError(
          `the wallet sent another transaction, ${hash}: look at it before you go on`,
          EXIT.failure,
        )
      }
      await new Promise((done) => setTimeout(done, this.#pause))
    }
    throw new CommandError(
      `the wallet sent ${hash}, which does not appear on this chain: is the wallet on another one?`,
      EXIT.unavailable,
    )
  }

  signTransaction(): Promise<string> {
    throw new UsageError('a browser’s wallet sends what it signs')
  }
  signMessage(): Promise<string> {
    throw new UsageError('this command takes an account that signs messages: give a keystore')
  }
  signTypedData(): Promise<string> {
    throw new UsageError('this command takes an account that signs typed data: give a keystore, or --signer')
  }
}
