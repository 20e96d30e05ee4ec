// SPDX-License-Identifier: GPL-3.0-or-later
import { getAddress, type Interface, type Provider, type TransactionReceipt } from 'ethers'
import {
  backoff,
  ChainError,
  type Clock,
  contractInterface,
  decodeRevert,
  type HeadWatch,
  type OperatorSigner,
  type Sender,
  type ServiceContracts,
  steady,
  systemClock,
  type TransactionQueue,
  type TransactionRequest,
} from '../chain/index.ts'
import { handOver } from './client.ts'
import type { RelayError } from './errors.ts'
import { placesOf, routeOf, type SignedCall, signCall } from './signed-call.ts'

export type RelayedEvent =
  | { readonly kind: 'handed over'; readonly key: string; readonly relayer: string; readonly hash: string }
  | {
      readonly kind: 'not relayed'
      readonly key: string
      readonly relayer: string
      readonly code: string
      readonly reason: string
    }
  | { readonly kind: 'own transaction'; readonly key: string }

export type RelayedSenderOptions = {
  /** Relayers, the preferred one first. */
  readonly urls: readonly string[]
  /** Most milliseconds for one relayer. */
  readonly patience: number
  readonly provider: Provider
  readonly heads: Pick<HeadWatch, 'latest'>
  readonly contracts: ServiceContracts
  readonly chainId: bigint
  readonly service: string
  readonly wallet: OperatorSigner
  /** The keeper's own sender: for calls that nobody relays, and for calls that relayers failed to deliver. */
  readonly queue: Pick<TransactionQueue, 'send' | 'has'>
  /** Blocks that a receipt must be deep. */
  readonly confirmations: number
  readonly pollInterval: number
  readonly clock?: Clock
  readonly onEvent?: (event: RelayedEvent) => void
}

/** Part of a window that all relayers together get, when the keeper can also send by itself. */
const RELAYERS_PART = 0.5
/** Least milliseconds for one relayer. */
const LEAST_PATIENCE = 500

/** A request in the form that another account can send. */
type Relayed = SignedCall & {
  readonly to: string
  readonly from: string
  /** A call simulated in the operator's name. The contract refuses it once the step is done. */
  readonly probe: string
}

/**
 * Sends a keeper's transactions through relayers. It does not trust them, and asks its own endpoints whether a call is done. A relayer
 * that refuses, stays silent or lies costs its time limit. Then the keeper asks the next one, and finally pays itself. A keeper without
 * coins asks them in turn until the caller gives up.
 */
export class RelayedSender implements Sender {
  readonly #options: RelayedSenderOptions & { readonly clock: Clock }
  readonly #errors: readonly Interface[]
  readonly #emit: (event: RelayedEvent) => void

  constructor(options: RelayedSenderOptions) {
    this.#options = { clock: systemClock, ...options, service: getAddress(options.service) }
    this.#errors = (['ILearningService', 'KeeperRegistry'] as const).map(contractInterface)
    this.#emit = options.onEvent ?? (() => undefined)
  }

  /** Resolves to the receipt of the transaction that contains the call, whoever sent it. @throws as TransactionQueue.send */
  async send(request: TransactionRequest, signal?: AbortSignal): Promise<TransactionReceipt> {
    const { queue, urls, clock, heads, patience } = this.#options
    const { window } = request
    const relayed = window === undefined || queue.has(request.key) ? null : await this.#relayedForm(request)
    if (relayed === null || window === undefined) return await queue.send(request, signal)
    const { number: first } = await heads.latest()
    const left = window.left * 1_000
    let broke = false
    for (let turn = 0; ; turn++) {
      signal?.throwIfAborted()
      let funded = !broke && (await this.#isFunded())
      if (turn >= urls.length && funded) {
        this.#emit({ kind: 'own transaction', key: request.key })
        try {
          return await queue.send(request, signal)
        } catch (error) {
          // The operator has coins, but perhaps too few.
          if (!(error instanceof ChainError && error.code === 'UNFUNDED')) throw error
          broke = true
          funded = false
        }
      }
      const share = ((funded ? RELAYERS_PART : 1) * left) / urls.length
      const until = steady(clock) + Math.max(LEAST_PATIENCE, Math.min(patience, share))
      const at = { key: request.key, url: urls[turn % urls.length]!, end: window.end, first, until }
      const receipt = await this.#through(relayed, at, signal)
      if (receipt !== null) return receipt
      // All relayers were asked. Pause, or relayers that refuse at once would be asked again without a break.
      if ((turn + 1) % urls.length === 0 && !funded) await clock.sleep(backoff(turn / urls.length), signal)
    }
  }

  /** The call in the form that relayers take; null for a call that nobody relays. */
  async #relayedForm({ to: given, data }: TransactionRequest): Promise<Relayed | null> {
    const to = getAddress(given)
    const { contracts, wallet, chainId, service } = this.#options
    const registry = await contracts.registry.getAddress()
    const keys = contractInterface('KeeperRegistry')
    const from = wallet.address
    const isKey = to === registry && data.startsWith(keys.getFunction('setEncryptionKey')!.selector)
    if (isKey) {
      const [owner, encryptionKey] = keys.decodeFunctionData('setEncryptionKey', data)
      const signature = await this.#signKey(registry, owner, encryptionKey)
      const call = keys.encodeFunctionData('setEncryptionKeyFor', [owner, encryptionKey, signature])
      return { ...(await signCall(wallet, { chainId, service }, call, false)), to, from, probe: call }
    }
    const route = to === service ? routeOf(data) : null
    if (route === null) return null
    const disputed = route.method === 'attest' && (await contracts.service.roundInfo()).disputed
    return { ...(await signCall(wallet, { chainId, service }, data, disputed)), to, from, probe: data }
  }

  /** Signs a change of the encryption key. Computes the digest itself, because an endpoint's `encryptionKeyDigest` could be anything. */
  async #signKey(registry: string, owner: string, encryptionKey: string): Promise<string> {
    const { contracts, wallet, chainId } = this.#options
    const nonce = await contracts.registry.consentNonce(wallet.address)
    return await wallet.signTypedData(
      { name: 'Cohort KeeperRegistry', version: '1', chainId, verifyingContract: registry },
      {
        EncryptionKey: [
          { name: 'owner', type: 'address' },
          { name: 'encryptionKey', type: 'bytes32' },
          { name: 'nonce', type: 'uint256' },
        ],
      },
      { owner, encryptionKey, nonce },
    )
  }

  async #isFunded(): Promise<boolean> {
    const { provider, wallet } = this.#options
    return (await provider.getBalance(wallet.address)) > 0n
  }

  /**
   * Hands the call to one relayer and waits for its time. Null when nothing came of it.
   * @throws RevertError when the contract refuses the call, or when somebody unknown has sent it
   */
  async #through(
    relayed: Relayed,
    at: {
      readonly key: string
      readonly url: string
      readonly end: number
      readonly first: number
      readonly until: number
    },
    signal: AbortSignal | undefined,
  ): Promise<TransactionReceipt | null> {
    const { clock, pollInterval, chainId, service } = this.#options
    const found = await this.#look(relayed, at)
    if (found !== null) return await this.#deep(found, signal)
    using giving = new Ending(signal, at.until - steady(clock))
    const { call, disputed, signature } = relayed
    const relayer = new URL(at.url).origin
    let refused = false
    void handOver(
      at.url,
      { chainId: Number(chainId), service, call, disputed, signature, until: at.end },
      giving.signal,
    ).then(
      (hash) => this.#emit({ kind: 'handed over', key: at.key, relayer, hash }),
      (error: RelayError) => {
        refused = true
        if (signal?.aborted) return
        const { code, message: reason } = error
        this.#emit({ kind: 'not relayed', key: at.key, relayer, code, reason })
      },
    )
    let seen = ''
    while (steady(clock) < at.until && !refused) {
      await clock.sleep(Math.min(pollInterval, Math.max(1, at.until - steady(clock))), signal)
      const { hash } = await this.#options.heads.latest()
      if (hash === seen) continue
      seen = hash
      const receipt = await this.#look(relayed, at)
      if (receipt !== null) {
        const deep = await this.#deep(receipt, signal)
        if (deep !== null) return deep
      }
    }
    return null
  }

  /**
   * Whether the call is done, by this keeper's own endpoints. Null while the contract would still take it.
   * @throws RevertError when it would revert, and no transaction since `first` contains the call
   */
  async #look(
    { to, from, probe, call, disputed, signature }: Relayed,
    { key, first }: { readonly key: string; readonly first: number },
  ): Promise<TransactionReceipt | null> {
    const { provider } = this.#options
    let refusal: Error | null
    try {
      await provider.call({ from, to, data: probe })
      return null
    } catch (error) {
      refusal = decodeRevert(error, this.#errors, key)
      if (refusal === null) throw error
    }
    const logs = await provider.getLogs({ address: to, fromBlock: first, toBlock: 'latest' })
    for (const hash of new Set(logs.map((log) => log.transactionHash))) {
      const transaction = await provider.getTransaction(hash)
      if (transaction === null || transaction.to !== to) continue
      const isAlone = transaction.data === call
      const places = placesOf(transaction.data, { call, disputed, signature })
      if (!isAlone && places.length === 0) continue
      const receipt = await provider.getTransactionReceipt(hash)
      if (receipt?.status === 1 && (isAlone || isAccepted(receipt, to, places))) return receipt
    }
    throw refusal
  }

  /** Waits until the block is deep enough. Null when the chain has lost it. */
  async #deep({ hash }: TransactionReceipt, signal: AbortSignal | undefined): Promise<TransactionReceipt | null> {
    const { provider, confirmations, heads, clock, pollInterval } = this.#options
    for (;;) {
      const [{ number }, receipt] = [await heads.latest(), await provider.getTransactionReceipt(hash)]
      if (receipt === null) return null
      if (number - receipt.blockNumber + 1 >= confirmations) return receipt
      await clock.sleep(pollInterval, signal)
    }
  }
}

/** Whether the contract accepted the step at one of these places in the calldata. */
function isAccepted({ logs }: TransactionReceipt, service: string, places: readonly number[]): boolean {
  const abi = contractInterface('ILearningService')
  const refused = logs
    .filter(({ address }) => address === service)
    .map((log) => abi.parseLog(log))
    .filter((log) => log?.name === 'StepRefused')
    .map((log) => Number(log!.args.index))
  return places.some((place) => !refused.includes(place))
}

/** A signal that ends with another one, after a time, or with its block. */
class Ending {
  readonly #own = new AbortController()
  readonly signal: AbortSignal

  constructor(outer: AbortSignal | undefined, milliseconds: number) {
    const timeout = AbortSignal.timeout(Math.max(1, Math.ceil(milliseconds)))
    this.signal = AbortSignal.any([this.#own.signal, timeout, ...(outer === undefined ? [] : [outer])])
  }

  [Symbol.dispose](): void {
    this.#own.abort(new Error('the relayer had its time'))
  }
}
