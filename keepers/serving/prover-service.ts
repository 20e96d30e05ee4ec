// SPDX-License-Identifier: GPL-3.0-or-later
// A prover of the ProverMarket: watches jobs, claims those it can prove, proves, submits, settles, and accuses liars. It reads all
// its knowledge from the chain, so it can be killed at any point and started again.
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ContractTransactionReceipt,
  type ContractTransactionResponse,
  type JsonRpcApiProvider,
  type Signer,
  Wallet,
} from 'ethers'
import type { ProverMarket } from '../../types/index.ts'
import { backoff, blockAt, clients, decodeRevert, type RevertError } from '../chain/index.ts'
import { type DataPlane, NetworkError } from '../network/index.ts'
import { toSolidityProof } from '../zkml/index.ts'
import { ServingError } from './errors.ts'
import { type JobView, readAnswers, readJob, readStatus, readWitness, type SlotView } from './prover-jobs.ts'
import type { CircuitShelf } from './prover-shelf.ts'
import type { SegmentWitness } from './prover-witness.ts'

export type ProverEvent =
  | 'started'
  | 'bonded'
  | 'claimed'
  | 'proving'
  | 'submitted'
  | 'settled'
  | 'accused'
  | 'closed'
  | 'ended'
  | 'skipped'
  | 'refused'
  | 'retrying'
  | 'stopped'

export type ProverServiceOptions = {
  readonly provider: JsonRpcApiProvider
  /** Claims, submits, is paid; its bond is at stake. */
  readonly signer: Signer
  readonly market: string
  readonly shelf: CircuitShelf
  /** Without one, skips jobs that give their witness as a blob. */
  readonly plane: DataPlane | null
  /** Block from which the market's events are in the log. */
  readonly fromBlock: number
  /** Wei; cheaper segments are left to others. */
  readonly minPrice: bigint
  /** Wei; the bond is filled up as jobs need it, to this much at most. */
  readonly maxBond: bigint
  /** Slots that leave less time than this to prove and to answer, in seconds, are left alone: silence costs a fifth of the bond. */
  readonly minSeconds: number
  /** Milliseconds between looks at the chain. */
  readonly pollMs: number
  readonly onEvent?: (event: ProverEvent, fields: Readonly<Record<string, unknown>>) => void
}

/** The results of a run. */
export type ProverTotals = { submitted: number; settled: number; accused: number; refused: number }

/** Looks that each prover waits for those before it, so that not all send the same settlement at once. */
const LOOKS_PER_RANK = 4
/** Fetches of a witness before a job is left alone. */
const MOST_ABSENCES = 5
/** A slot must leave this many times the circuit's last proving time: the machine may be busier, and the answer needs a block. */
const TIME_TO_SPARE = 3

export class ProverService {
  readonly #options: ProverServiceOptions
  readonly #market: ProverMarket
  readonly #address: string
  #seen = 0n
  readonly #live = new Set<bigint>()
  readonly #witnesses = new Map<bigint, readonly SegmentWitness[]>()
  readonly #firstBlocks = new Map<bigint, number>()
  /** Fetches of a job's witness that failed: its holder may be away for a while. */
  readonly #absences = new Map<bigint, number>()
  /** Segments that our own computation says cannot be proven as stated. */
  readonly #unprovable = new Set<string>()
  /** Answers of others that were found to hold. */
  readonly #checked = new Set<string>()
  /** Jobs already reported as leaving too little time in their slots. */
  readonly #hasty = new Set<bigint>()
  /** The last proving time of each circuit, in seconds. */
  readonly #seconds = new Map<string, number>()
  /** Looks since something first waited to be sent by anybody. */
  readonly #waiting = new Map<string, number>()
  readonly totals: ProverTotals = { submitted: 0, settled: 0, accused: 0, refused: 0 }

  private constructor(options: ProverServiceOptions, address: string) {
    this.#options = options
    this.#market = clients.proverMarket(options.market, options.signer)
    this.#address = address
  }

  /** @throws ServingError wrong-circuit when no market answers at the address */
  static async open(options: ProverServiceOptions): Promise<ProverService> {
    const { provider, market } = options
    const known = await clients
      .proverMarket(market, provider)
      .jobCount()
      .catch(() => null)
    if (known === null) {
      throw new ServingError('wrong-circuit', `${market} is not a prover market on this chain: correct --market`)
    }
    return new ProverService(options, await options.signer.getAddress())
  }

  /**
   * Looks and acts until the signal is aborted, and then finishes the segment it has claimed. Faults of the endpoint are
   * waited out.
   */
  async run(signal: AbortSignal): Promise<ProverTotals> {
    const { pollMs, shelf } = this.#options
    this.#say('started', { prover: this.#address, circuits: shelf.size })
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.step(signal)
        failures = 0
      } catch (error) {
        if (signal.aborted) break
        this.#say('retrying', { reason: (error as Error).message })
        failures++
      }
      const pause = failures === 0 ? pollMs : backoff(failures, pollMs, 30_000)
      await sleep(pause, undefined, { signal }).catch(() => undefined)
    }
    this.#say('stopped', { ...this.totals })
    return this.totals
  }

  /** One look at the chain, and the actions that follow from it: proves at most one segment. */
  async step(signal: AbortSignal): Promise<void> {
    const count = await this.#market.jobCount()
    for (; this.#seen < count; this.#seen++) this.#live.add(this.#seen + 1n)
    for (const id of this.#live) {
      signal.throwIfAborted()
      const status = await readStatus(this.#market, id)
      if (status !== 'open' && status !== 'settling' && status !== 'expired') {
        this.#forget(id, status)
        continue
      }
      const job = await readJob(this.#market, this.#options.provider, id)
      if (!job.segments.some((segment) => this.#options.shelf.has(segment.circuitId, segment.modelCommitment))) {
        this.#forget(id, 'no circuit of ours')
        continue
      }
      if (status === 'expired') {
        await this.#close(job)
      } else {
        await this.#judge(job)
        if (status === 'open') await this.#serve(job, signal)
      }
    }
  }

  #forget(id: bigint, why: string): void {
    this.#live.delete(id)
    this.#witnesses.delete(id)
    this.#firstBlocks.delete(id)
    this.#absences.delete(id)
    this.#hasty.delete(id)
    this.#say('ended', { job: id, status: why })
  }

  /** Settles submitted answers when no more are to come; accuses a liar as soon as it is seen. */
  async #judge(job: JobView): Promise<void> {
    const submitted = job.slots.filter(({ state }) => state === 'submitted')
    if (submitted.length === 0) return
    const complete = job.slots.every(({ state }) => state !== 'open' && state !== 'claimed')
    const unchecked = submitted.filter((slot) => slot.prover !== this.#address && !this.#checked.has(keyOf(job, slot)))
    if (!complete && job.status !== 'settling' && unchecked.length === 0) return
    const answers = await readAnswers(this.#market, job, await this.#postedIn(job))
    for (const slot of unchecked) {
      const answer = answers.find(({ segment, copy }) => segment === slot.segment && copy === slot.copy)
      if (answer === undefined) continue
      const innocent = await this.#market.accuse.staticCall(job.id, answer).then(
        () => false,
        (error: unknown) => this.#revertOf(error, 'accuse').error === 'ProofHolds',
      )
      if (innocent) this.#checked.add(keyOf(job, slot))
      else if (this.#myTurn(job, `accuse ${keyOf(job, slot)}`, slot.prover)) {
        const receipt = await this.#send('accuse', () => this.#market.accuse(job.id, answer))
        if (receipt !== null) {
          this.totals.accused++
          this.#say('accused', { ...whereOf(job, slot), prover: slot.prover })
        }
        return
      } else return
    }
    if (!complete && job.status !== 'settling') return
    const key = `settle ${job.id} ${submitted.map(({ answer }) => answer).join()}`
    if (answers.length === 0 || !this.#myTurn(job, key)) return
    const receipt = await this.#send('settle', () => this.#market.settle(job.id, answers))
    if (receipt === null) return
    this.totals.settled++
    this.#say('settled', { job: job.id, segments: answers.length, gas: receipt.gasUsed })
  }

  /** Claims and proves one slot, or goes on with one that was claimed before a restart. */
  async #serve(job: JobView, signal: AbortSignal): Promise<void> {
    const mine = job.slots.find(({ state, prover, due }) => {
      return state === 'claimed' && prover === this.#address && due > job.now
    })
    if (mine !== undefined) return await this.#prove(job, mine)
    if ((await this.#market.priceAt(job.id, job.now)) < this.#options.minPrice) return
    if (job.invited && BigInt(await this.#market.witnessHashOf(job.id, this.#address)) === 0n) {
      return this.#forget(job.id, 'for other provers')
    }
    const candidates = job.slots.filter((slot) => this.#claimable(job, slot))
    // Everybody starts elsewhere, or all would run for the first slot.
    const first = Math.floor(Math.random() * candidates.length)
    for (const slot of [...candidates.slice(first), ...candidates.slice(0, first)]) {
      if (!(await this.#provable(job, slot, signal))) continue
      if (!(await this.#fillBond(job))) return
      const claimed = await this.#send('claim', () => this.#market.claim(job.id, slot.segment, slot.copy))
      if (claimed === null) continue
      this.#say('claimed', whereOf(job, slot))
      return await this.#prove(job, slot)
    }
  }

  #claimable(job: JobView, slot: SlotView): boolean {
    const { circuitId, modelCommitment } = job.segments[slot.segment]!
    if (!this.#options.shelf.has(circuitId, modelCommitment)) return false
    if (this.#unprovable.has(`${job.id}:${slot.segment}`) || slot.prover === this.#address) return false
    const beside = job.slots.filter(({ segment, state }) => segment === slot.segment && state !== 'open')
    if (beside.some(({ prover }) => prover === this.#address)) return false
    if (!this.#hasTime(job, circuitId)) return false
    return slot.state === 'open' || (slot.state === 'claimed' && slot.due < job.now)
  }

  /** A poster can offer windows that nobody can answer in, for its half of the slash. */
  #hasTime(job: JobView, circuitId: string): boolean {
    const window = Math.min(job.claimSeconds, Number(job.deadline - job.now))
    const needed = Math.max(this.#options.minSeconds, TIME_TO_SPARE * (this.#seconds.get(circuitId) ?? 0))
    if (window >= needed) return true
    if (!this.#hasty.has(job.id)) {
      this.#hasty.add(job.id)
      this.#say('skipped', { job: job.id, reason: `${window} s to answer in, ${Math.ceil(needed)} s are needed` })
    }
    return false
  }

  /** Nothing is claimed before the registered key is loaded and our own run of the circuit gives the signals that the job states. */
  async #provable(job: JobView, slot: SlotView, signal: AbortSignal): Promise<boolean> {
    const segment = job.segments[slot.segment]!
    try {
      const witness = await this.#witnessOf(job, signal)
      const { circuit, metadata } = await this.#options.shelf.prover(segment.circuitId, segment.modelCommitment)
      await this.#requireRegistered(segment.circuitId, metadata.vkHash)
      const { publicSignals } = circuit.witness({ ...witness[slot.segment]!, integers: true, context: 0n })
      const stated = [segment.modelCommitment, segment.inputCommitment, segment.output ?? publicSignals[2]]
      const at = stated.findIndex((value, i) => value !== publicSignals[i])
      if (at < 0) return true
      throw new ServingError('bad-payload', `signal ${at} is ${publicSignals[at]}, the job states ${stated[at]}`)
    } catch (error) {
      signal.throwIfAborted()
      const absences = this.#absences.get(job.id) ?? 0
      const away = error instanceof NetworkError && absences < MOST_ABSENCES
      if (away) this.#absences.set(job.id, absences + 1)
      else this.#unprovable.add(`${job.id}:${slot.segment}`)
      this.#say('skipped', { ...whereOf(job, slot), reason: (error as Error).message })
      return false
    }
  }

  /** A circuit that was set up twice has two keys and one name. Of proofs by the other key anybody shows that they are false. */
  async #requireRegistered(circuitId: string, own: string): Promise<void> {
    const verifiers = clients.verifiers(await this.#market.VERIFIERS(), this.#options.provider)
    const { vkHash } = await verifiers.getVerifier(circuitId)
    if (vkHash === own) return
    throw new ServingError(
      'wrong-circuit',
      `circuit ${circuitId} is verified with key ${vkHash}, the folder's is ${own}: get the folder whose key was registered`,
    )
  }

  async #witnessOf(job: JobView, signal?: AbortSignal): Promise<readonly SegmentWitness[]> {
    const known = this.#witnesses.get(job.id)
    if (known !== undefined) return known
    const { plane } = this.#options
    const fromBlock = await this.#postedIn(job)
    const prover = { address: this.#address, privateKey: privateKeyOf(this.#options.signer) }
    const witness = await readWitness(this.#market, job, { fromBlock, plane, prover, ...(signal ? { signal } : {}) })
    this.#witnesses.set(job.id, witness)
    return witness
  }

  /** A block just before the job; the log has the job's events from there on. A market may be too old for an endpoint. */
  async #postedIn({ id, postedAt }: JobView): Promise<number> {
    const known = this.#firstBlocks.get(id)
    if (known !== undefined) return known
    const { provider, fromBlock } = this.#options
    const first = await blockAt(provider, Number(postedAt) - 1, fromBlock)
    this.#firstBlocks.set(id, first)
    return first
  }

  /** Not to be interrupted by a stop: walking away from a claim would cost the bond. */
  async #prove(job: JobView, slot: SlotView): Promise<void> {
    const { circuitId, modelCommitment, output } = job.segments[slot.segment]!
    const witness = (await this.#witnessOf(job))[slot.segment]!
    const context = await this.#market.contextOf(job.id, slot.segment, this.#address, circuitId, job.deadline)
    this.#say('proving', whereOf(job, slot))
    const start = performance.now()
    const prover = await this.#options.shelf.prover(circuitId, modelCommitment)
    const made = await prover.prove({ ...witness, integers: true, context })
    const proveMs = Math.round(performance.now() - start)
    this.#seconds.set(circuitId, proveMs / 1000)
    const { a, b, c } = toSolidityProof(made.proof)
    const proof = { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] } as const
    const given = output ?? made.publicSignals[2]!
    const receipt = await this.#send('submit', () =>
      this.#market.submit(job.id, slot.segment, slot.copy, given, proof as never),
    )
    if (receipt === null) return
    this.totals.submitted++
    this.#say('submitted', { ...whereOf(job, slot), output: given, proveMs, gas: receipt.gasUsed })
  }

  /** Deposits the part of the job's bond that the free bond does not cover. False when that is more than we may. */
  async #fillBond(job: JobView): Promise<boolean> {
    const { free, reserved, unbonding } = await this.#market.bondOf(this.#address)
    if (free >= job.bond) return true
    const missing = job.bond - free
    if (free + reserved + unbonding + missing > this.#options.maxBond) {
      this.#say('skipped', { job: job.id, reason: `a slot needs a bond of ${job.bond} wei: raise --max-bond` })
      this.#forget(job.id, 'bond too high')
      return false
    }
    const receipt = await this.#send('bond', () => this.#market.bond({ value: missing }))
    if (receipt !== null) this.#say('bonded', { amount: missing })
    return receipt !== null
  }

  async #close(job: JobView): Promise<void> {
    const held = job.slots.some(({ prover, state }) => {
      return prover === this.#address && state !== 'open' && state !== 'paid'
    })
    if (!held) return this.#forget(job.id, job.status)
    if (!this.#myTurn(job, `close ${job.id}`)) return
    if ((await this.#send('close', () => this.#market.close(job.id))) !== null) this.#say('closed', { job: job.id })
  }

  /** Whether those who come before us had time to do it. Provers of the job come first, in the order of its slots. */
  #myTurn(job: JobView, what: string, not?: string): boolean {
    const looks = this.#waiting.get(what) ?? 0
    this.#waiting.set(what, looks + 1)
    const busy = job.slots.filter(({ state, prover }) => state !== 'open' && prover !== not)
    const provers = [...new Set(busy.map(({ prover }) => prover))]
    const at = provers.indexOf(this.#address)
    return looks >= LOOKS_PER_RANK * (at < 0 ? provers.length + 1 : at)
  }

  /** Sends and waits; null when the market refuses, which is mostly somebody having been faster. */
  async #send(
    what: string,
    act: () => Promise<ContractTransactionResponse>,
  ): Promise<ContractTransactionReceipt | null> {
    try {
      return await (await act()).wait()
    } catch (error) {
      this.totals.refused++
      this.#say('refused', { act: what, reason: this.#revertOf(error, what).message })
      return null
    }
  }

  /** @throws whatever is not a revert: the endpoint is at fault, and `run` waits */
  #revertOf(error: unknown, what: string): RevertError {
    const revert = decodeRevert(error, [this.#market.interface], what)
    if (revert === null) throw error
    return revert
  }

  #say(event: ProverEvent, fields: Readonly<Record<string, unknown>>): void {
    this.#options.onEvent?.(event, fields)
  }
}

/** Of an account that a node holds, nobody here has the key. */
function privateKeyOf(signer: Signer): string | null {
  return signer instanceof Wallet ? signer.privateKey : null
}

function keyOf(job: JobView, { segment, copy, answer }: SlotView): string {
  return `${job.id}:${segment}:${copy}:${answer}`
}

function whereOf(job: JobView, { segment, copy }: SlotView): { job: bigint; segment: number; copy: number } {
  return { job: job.id, segment, copy }
}
