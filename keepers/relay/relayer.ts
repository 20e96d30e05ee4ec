// SPDX-License-Identifier: GPL-3.0-or-later
import {
  concat,
  type Interface,
  isError,
  keccak256,
  type Provider,
  recoverAddress,
  type TransactionReceipt,
} from 'ethers'
import {
  ChainError,
  type Clock,
  contractInterface,
  decodeRevert,
  type HeadWatch,
  RevertError,
  type Sender,
  type ServiceContracts,
  steady,
  systemClock,
} from '../chain/index.ts'
import { CheckSlots } from './check-slots.ts'
import { RelayError } from './errors.ts'
import { requestSchema } from './protocol.ts'
import { encodeRelay, isPlain, keyChangeIn, namedIn, routeOf, type SigningDomain, signerOf } from './signed-call.ts'
import { type WaitingCall, WaitingCalls, type WaitingLimits } from './waiting-calls.ts'

export type RelayerOptions = {
  readonly provider: Provider
  readonly contracts: ServiceContracts
  readonly domain: SigningDomain
  readonly heads: Pick<HeadWatch, 'latest'>
  /** Sends the transactions that the relayer pays for, and reports them to {@link Relayer.sent}. */
  readonly queue: Sender
  readonly limits: WaitingLimits & {
    /** Steps in one transaction. */
    readonly batch: number
  }
  /** Milliseconds that a step waits for others. */
  readonly wait: number
  /** Milliseconds between looks. */
  readonly pollInterval: number
  readonly clock?: Clock
  readonly onEvent?: (event: RelayerEvent) => void
}

export type RelayerEvent =
  | { readonly kind: 'taken'; readonly method: string; readonly signer: string }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | { readonly kind: 'sent'; readonly calls: number; readonly hash: string }
  | { readonly kind: 'confirmed'; readonly calls: number; readonly hash: string; readonly gas: number }
  /** A call that passed the checks but that the contract refused in the end. */
  | { readonly kind: 'wasted'; readonly signer: string; readonly method: string; readonly reason: string }

type Numbers = { readonly round: number; readonly epoch: number }

/** New encryption keys of one operator within `KEYS_WITHIN`. The contract takes any number; a keeper needs one per epoch. */
const MOST_KEYS = 8
/** The period for `MOST_KEYS`, in milliseconds. */
const KEYS_WITHIN = 3_600_000

/**
 * Collects members' signed calls, checks each before it costs gas, and sends steps together. Nobody has to trust it: a keeper sends a step
 * itself if the relayer does not.
 */
export class Relayer {
  readonly #options: RelayerOptions & { readonly clock: Clock }
  readonly #waiting: WaitingCalls
  readonly #errors: readonly Interface[]
  readonly #emit: (event: RelayerEvent) => void
  readonly #underWay = new Map<string, readonly WaitingCall[]>()
  /** By operator, times (clock) at which its key changes were sent. */
  readonly #keysSent = new Map<string, readonly number[]>()
  readonly #slots: CheckSlots
  /** Calls that the contract refused at the newest block; a repeated call gets the same answer. */
  #refused = { block: '', reasons: new Map<string, RelayError>() }
  /** The service's clock at the newest block. */
  #time: { readonly block: string; readonly of: Promise<Numbers> } | null = null

  constructor(options: RelayerOptions) {
    this.#options = { clock: systemClock, ...options }
    this.#waiting = new WaitingCalls(options.limits)
    this.#slots = new CheckSlots(options.contracts.service, this.#options.clock, options.limits.mostOfOne)
    this.#errors = (['ILearningService', 'KeeperRegistry'] as const).map(contractInterface)
    this.#emit = options.onEvent ?? (() => undefined)
  }

  /** Calls that wait to be sent. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Takes a request, and resolves to the hash of the transaction that carries its call as soon as that is sent.
   * @throws RelayError with the reason for a refusal
   */
  async handOver(request: unknown): Promise<string> {
    let sent: Promise<string>
    try {
      const call = await this.#check(request)
      sent = this.#waiting.add(call, steady(this.#options.clock))
      this.#emit({ kind: 'taken', method: call.method, signer: call.signer })
    } catch (error) {
      throw this.#refusal(refusalOf(error))
    }
    return await sent
  }

  /** Sends waiting calls until `stopping` is aborted, and reports a failed transaction to the senders of its calls. */
  async run(stopping: AbortSignal): Promise<void> {
    const { clock, pollInterval, heads } = this.#options
    try {
      while (!stopping.aborted) {
        if (this.#waiting.size > 0) {
          const head = await heads.latest().catch(() => null)
          if (head !== null) this.#waiting.expire(head.timestamp)
          for (const call of this.#waiting.take('free', this.#options.limits.batch)) await this.#send([call], stopping)
          for (const call of this.#waiting.take('key', this.#options.limits.batch)) await this.#send([call], stopping)
          if (this.#isTime()) await this.#sendSteps(stopping)
        }
        await clock.sleep(pollInterval, stopping).catch(() => undefined)
      }
    } finally {
      this.#waiting.clear(new RelayError('UNAVAILABLE', 'the relayer stops'))
    }
  }

  /** The transaction queue calls this as soon as it has sent a transaction. */
  sent(key: string, hash: string): void {
    const calls = this.#underWay.get(key)
    if (calls === undefined) return
    this.#emit({ kind: 'sent', calls: calls.length, hash })
    for (const { done } of calls) done.resolve(hash)
  }

  #refusal(error: RelayError): RelayError {
    this.#emit({ kind: 'refused', code: error.code, reason: error.message })
    return error
  }

  async #check(given: unknown): Promise<Omit<WaitingCall, 'done' | 'since'>> {
    const { domain, heads } = this.#options
    const parsed = requestSchema.safeParse(given)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw new RelayError('BAD_REQUEST', `${issue!.path.join('.') || 'request'}: ${issue!.message}`)
    }
    const { chainId, service, call, disputed, signature, until } = parsed.data
    if (BigInt(chainId) !== domain.chainId || service.toLowerCase() !== domain.service.toLowerCase()) {
      throw new RelayError('WRONG_SERVICE', `this relayer is of ${domain.service} on chain ${domain.chainId}`)
    }
    const route = routeOf(call)
    if (route === null) throw new RelayError('BAD_REQUEST', `call: nobody relays ${call.slice(0, 10)}`)
    if (!isPlain(call)) throw new RelayError('BAD_REQUEST', 'call: it has more bytes than its arguments take')
    if (disputed && route.method !== 'attest')
      throw new RelayError('BAD_REQUEST', `disputed: false for ${route.method}`)
    const signer = signerOf(domain, { call, disputed, signature })
    if (signer === null) throw new RelayError('NOT_MEMBER', 'signature: it is of nobody')
    const { timestamp, hash } = await heads.latest()
    if (timestamp >= until) throw new RelayError('TOO_LATE', `until: ${until} is over, the chain is at ${timestamp}`)
    await this.#requireRecent(call, hash)
    if (this.#refused.block !== hash) this.#refused = { block: hash, reasons: new Map() }
    const { reasons } = this.#refused
    const name = keccak256(concat([signature, call]))
    const known = reasons.get(name)
    if (known !== undefined) throw known
    const checked = { ...route, call, disputed, signature, signer, until }
    await this.#slots
      .take(signer, () => this.#try(checked))
      .catch((error: unknown) => {
        // Signatures are public on the chain. A replay of a member's old calls must not take up its slots.
        if (error instanceof RelayError && error.code === 'REFUSED') reasons.set(name, error)
        throw error
      })
    return checked
  }

  /** Refuses a call that names a round or an epoch long over, without a request to the chain. @throws RelayError REFUSED */
  async #requireRecent(call: string, block: string): Promise<void> {
    const named = namedIn(call)
    if (named === null) return
    if (this.#time?.block !== block) {
      const asked = this.#options.contracts.service.clock()
      const of = asked.then(({ currentRound, currentEpoch }) => ({
        round: Number(currentRound),
        epoch: Number(currentEpoch),
      }))
      this.#time = { block, of }
      of.catch(() => {
        this.#time = null
      })
    }
    const now = (await this.#time.of)[named.what]
    // A step of the previous round or epoch may still be open.
    if (named.number < now - 1) {
      throw new RelayError('REFUSED', `call: it is of ${named.what} ${named.number}, the service is in ${now}`)
    }
  }

  async #try(checked: Pick<WaitingCall, 'route' | 'method' | 'signer' | 'call' | 'disputed'>): Promise<void> {
    const { contracts } = this.#options
    const { signer, method, disputed, route, call } = checked
    try {
      await contracts.service.seatOf(signer)
    } catch (error) {
      const revert = decodeRevert(error, this.#errors, 'seatOf')
      if (revert === null) throw error
      throw new RelayError('NOT_MEMBER', `the signature is of ${signer}, who has no seat`)
    }
    if (method === 'attest' && (await contracts.service.roundInfo()).disputed !== disputed) {
      throw new RelayError('REFUSED', `disputed: the round's dispute is ${disputed ? 'not ' : ''}over`)
    }
    if (route === 'key') await this.#checkKey(signer, call)
    await this.#simulate(checked)
  }

  /**
   * Accepts only a signature of this kind by the signer's own key. A contract that acts for a keeper would answer for itself (ERC-1271),
   * and could burn any amount of gas.
   */
  async #checkKey(signer: string, call: string): Promise<void> {
    const { contracts } = this.#options
    const { owner, encryptionKey, signature } = keyChangeIn(call)
    if ((await contracts.registry.ownerOfOperator(signer)) !== owner) {
      throw new RelayError('REFUSED', `call: ${signer} does not act for ${owner}`)
    }
    const digest = await contracts.registry.encryptionKeyDigest(owner, encryptionKey)
    if (recoveredFrom(digest, signature) !== signer) {
      throw new RelayError('REFUSED', `call: the signature in it is not of ${signer}, or was made before its last one`)
    }
    if (this.#keysOf(signer).length >= MOST_KEYS) {
      throw new RelayError('CROWDED', `${MOST_KEYS} keys of ${signer} were sent within the hour`)
    }
  }

  #keysOf(signer: string): readonly number[] {
    const from = steady(this.#options.clock) - KEYS_WITHIN
    return (this.#keysSent.get(signer) ?? []).filter((at) => at > from)
  }

  /** Simulates the call in its signer's name. @throws RelayError REFUSED */
  async #simulate({
    route,
    method,
    signer,
    call,
  }: Pick<WaitingCall, 'route' | 'method' | 'signer' | 'call'>): Promise<void> {
    const { provider, domain } = this.#options
    const to = route === 'key' ? await this.#registry() : domain.service
    try {
      await provider.call({ from: signer, to, data: call })
    } catch (error) {
      const revert = decodeRevert(error, this.#errors, method)
      if (revert === null) throw error
      throw new RelayError('REFUSED', revert.message, { cause: revert })
    }
  }

  async #registry(): Promise<string> {
    return await this.#options.contracts.registry.getAddress()
  }

  /** Whether steps have waited long enough for others, or are enough for a batch. */
  #isTime(): boolean {
    const { clock, limits, wait } = this.#options
    const { count, since } = this.#waiting.standing('step')
    return count >= limits.batch || (count > 0 && steady(clock) - since >= wait)
  }

  async #sendSteps(stopping: AbortSignal): Promise<void> {
    const taken = this.#waiting.take('step', this.#options.limits.batch)
    // In the meantime, somebody else may have sent one of them, or a state may have ended.
    const standing = await Promise.all(
      taken.map(async (step) => {
        try {
          await this.#simulate(step)
          return [step]
        } catch (error) {
          step.done.reject(this.#refusal(refusalOf(error)))
          return []
        }
      }),
    )
    const steps = standing.flat()
    if (steps.length > 0) await this.#send(steps, stopping)
  }

  async #send(calls: readonly WaitingCall[], stopping: AbortSignal): Promise<void> {
    const { queue, domain } = this.#options
    const [{ route, call, signer }] = calls as readonly [WaitingCall]
    const data = route === 'step' ? encodeRelay(calls) : call
    const key = `${route}/${keccak256(data)}`
    this.#underWay.set(key, calls)
    if (route === 'key') this.#keysSent.set(signer, [...this.#keysOf(signer), steady(this.#options.clock)])
    try {
      const to = route === 'key' ? await this.#registry() : domain.service
      const receipt = await queue.send({ key, to, data }, stopping)
      // After a restart, the senders of a transaction's calls have not been told yet.
      for (const { done } of calls) done.resolve(receipt.hash)
      this.#emit({ kind: 'confirmed', calls: calls.length, hash: receipt.hash, gas: Number(receipt.gasUsed) })
      if (route === 'step') this.#note(calls, receipt)
    } catch (error) {
      const refusal = this.#refusal(refusalOf(error))
      for (const { done } of calls) done.reject(refusal)
    } finally {
      this.#underWay.delete(key)
    }
  }

  /** Reports steps that failed although they had been checked, because their signers or others were faster. */
  #note(calls: readonly WaitingCall[], { logs }: TransactionReceipt): void {
    const { domain } = this.#options
    const abi = contractInterface('ILearningService')
    for (const log of logs) {
      if (log.address.toLowerCase() !== domain.service.toLowerCase()) continue
      const found = abi.parseLog(log)
      if (found?.name !== 'StepRefused') continue
      const call = calls[Number(found.args.index)]
      if (call === undefined) continue
      const reason = abi.parseError(String(found.args.reason))?.name ?? 'unknown'
      this.#emit({ kind: 'wasted', signer: call.signer, method: call.method, reason })
    }
  }
}

/** Null for an invalid signature. */
function recoveredFrom(digest: string, signature: string): string | null {
  try {
    return recoverAddress(digest, signature)
  } catch {
    return null
  }
}

/** The error in the form that the sender gets. */
function refusalOf(error: unknown): RelayError {
  if (error instanceof RelayError) return error
  if (error instanceof RevertError) return new RelayError('REFUSED', error.message, { cause: error })
  if (error instanceof ChainError && (error.code === 'UNFUNDED' || error.code === 'FEE_CAP')) {
    // The error's text stays out: it contains the relayer's account and balance.
    return new RelayError('UNFUNDED', 'the relayer cannot pay for this now', { cause: error })
  }
  if (isError(error, 'INSUFFICIENT_FUNDS')) return new RelayError('UNFUNDED', 'the relayer cannot pay for this now')
  return new RelayError('UNAVAILABLE', 'the relayer cannot reach its chain now', { cause: error })
}
