// SPDX-License-Identifier: GPL-3.0-or-later
// A prover of the ProverMarket: watches jobs, claims those it can prove, proves, submits, settles, and accuses liars. It reads all
// its knowledge from the chain, so it can be killed at any point and started again.
import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonRpcApiProvider, Signer } from 'ethers'
import { backoff, clients, countOf } from '../chain/index.ts'
import { type JobQueue, LocalQueue, proofs } from '../jobs/index.ts'
import type { DataPlane } from '../network/index.ts'
import { toSolidityProof } from '../zkml/index.ts'
import { ServingError } from './errors.ts'
import { type JobView, readJob, readStatus, type SlotView, whereOf } from './job-state.ts'
import { ProverAccount, type ProverReport, type ProverTotals } from './prover-account.ts'
import { SlotChoice } from './prover-choice.ts'
import { JobKnowledge } from './prover-knowledge.ts'
import type { CircuitShelf } from './prover-shelf.ts'
import { JobVerdicts } from './prover-verdicts.ts'

export type ProverServiceOptions = {
  readonly provider: JsonRpcApiProvider
  /** The account that claims, submits and is paid, and whose bond is at stake. */
  readonly signer: Signer
  readonly market: string
  readonly shelf: CircuitShelf
  /** Queue of workers that prove; by default this process does. */
  readonly queue?: JobQueue
  /** Data plane for witnesses that are blobs. Without one, such jobs are skipped. */
  readonly plane: DataPlane | null
  /** Block from which the market's events are in the log. */
  readonly fromBlock: number
  /** Wei; cheaper segments are left to others. */
  readonly minPrice: bigint
  /** Wei. The bond is raised as jobs need it, to at most this. */
  readonly maxBond: bigint
  /** Least seconds that a slot must leave for proving and answering. Silence after a claim costs a fifth of the bond. */
  readonly minSeconds: number
  /** Milliseconds between looks at the chain. */
  readonly pollMs: number
  readonly onEvent?: ProverReport
}

export class ProverService {
  readonly #options: ProverServiceOptions
  readonly #account: ProverAccount
  readonly #knowledge: JobKnowledge
  readonly #choice: SlotChoice
  readonly #verdicts: JobVerdicts
  readonly #queue: JobQueue
  #seen = 0n
  readonly #live = new Set<bigint>()

  private constructor(options: ProverServiceOptions, account: ProverAccount) {
    this.#options = options
    this.#account = account
    this.#queue = options.queue ?? new LocalQueue(options.shelf.performers)
    this.#knowledge = new JobKnowledge(account, options)
    this.#choice = new SlotChoice(account, this.#knowledge, options)
    this.#verdicts = new JobVerdicts(account, this.#knowledge)
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
    const say = options.onEvent ?? (() => undefined)
    return new ProverService(options, await ProverAccount.open(market, options.signer, say))
  }

  get totals(): ProverTotals {
    return this.#account.totals
  }

  /**
   * Watches and acts until the signal is aborted, and then finishes the segment that it has claimed. While an endpoint fails, it waits.
   */
  async run(signal: AbortSignal): Promise<ProverTotals> {
    const { pollMs, shelf } = this.#options
    this.#account.say('started', { prover: this.#account.address, circuits: shelf.size })
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.step(signal)
        failures = 0
      } catch (error) {
        if (signal.aborted) break
        this.#account.say('retrying', { reason: (error as Error).message })
        failures++
      }
      const pause = failures === 0 ? pollMs : backoff(failures, pollMs, 30_000)
      await sleep(pause, undefined, { signal }).catch(() => undefined)
    }
    this.#account.say('stopped', { ...this.totals })
    return this.totals
  }

  /** One look at the chain, and the actions that follow from it. Proves at most one segment. */
  async step(signal: AbortSignal): Promise<void> {
    const count = BigInt(countOf(await this.#account.market.jobCount(), 'proving jobs'))
    for (; this.#seen < count; this.#seen++) this.#live.add(this.#seen + 1n)
    for (const id of this.#live) {
      signal.throwIfAborted()
      const status = await readStatus(this.#account.market, id)
      if (status !== 'open' && status !== 'settling' && status !== 'expired') {
        this.#forget(id, status)
        continue
      }
      const job = await readJob(this.#account.market, this.#options.provider, id)
      if (!job.segments.some((segment) => this.#options.shelf.has(segment.circuitId, segment.modelCommitment))) {
        this.#forget(id, 'no circuit of ours')
        continue
      }
      if (status === 'expired') {
        await this.#close(job)
      } else {
        await this.#verdicts.judge(job)
        if (status === 'open') await this.#serve(job, signal)
      }
    }
  }

  #forget(id: bigint, why: string): void {
    this.#live.delete(id)
    this.#knowledge.forget(id)
    this.#choice.forget(id)
    this.#account.say('ended', { job: id, status: why })
  }

  /** Claims and proves one slot, or goes on with one that was claimed before a restart. */
  async #serve(job: JobView, signal: AbortSignal): Promise<void> {
    const mine = job.slots.find(({ state, prover, due }) => {
      return state === 'claimed' && prover === this.#account.address && due > job.now
    })
    if (mine !== undefined) return await this.#prove(job, mine)
    if ((await this.#account.market.priceAt(job.id, job.now)) < this.#options.minPrice) return
    if (job.invited && BigInt(await this.#account.market.witnessHashOf(job.id, this.#account.address)) === 0n) {
      return this.#forget(job.id, 'for other provers')
    }
    for (const slot of this.#choice.candidates(job)) {
      if (!(await this.#choice.isProvable(job, slot, signal))) continue
      if (!(await this.#fillBond(job))) return
      const claimed = await this.#account.send('claim', () =>
        this.#account.market.claim(job.id, slot.segment, slot.copy),
      )
      if (claimed === null) continue
      this.#account.say('claimed', whereOf(job, slot))
      return await this.#prove(job, slot)
    }
  }

  /** Proves a claimed slot. A stop does not interrupt this, because abandoning a claim would cost bond. */
  async #prove(job: JobView, slot: SlotView): Promise<void> {
    const { circuitId, modelCommitment, inputCommitment, output } = job.segments[slot.segment]!
    const witness = (await this.#knowledge.witnessOf(job))[slot.segment]!
    const context = await this.#account.market.contextOf(
      job.id,
      slot.segment,
      this.#account.address,
      circuitId,
      job.deadline,
    )
    this.#account.say('proving', whereOf(job, slot))
    const start = performance.now()
    const { shelf } = this.#options
    const kind = proofs((task, answer) => shelf.isProofOf(task, answer, { inputCommitment, output }))
    const task = { circuitId, modelCommitment, ...witness, context }
    // Silence would cost bond, so a proof that workers have not delivered at half of the time is made here.
    const until = slot.due > job.now ? slot.due : job.now + BigInt(job.claimSeconds)
    const withinMs = 500 * Number((until < job.deadline ? until : job.deadline) - job.now)
    const made = await (await this.#queue.submit(kind, task, { withinMs })).answer()
    const proveMs = Math.round(performance.now() - start)
    this.#choice.noteSeconds(circuitId, proveMs / 1000)
    const { a, b, c } = toSolidityProof(made.proof)
    const proof = { a: [...a], b: [[...b[0]], [...b[1]]], c: [...c] } as const
    const given = output ?? made.publicSignals[2]!
    const receipt = await this.#account.send('submit', () =>
      this.#account.market.submit(job.id, slot.segment, slot.copy, given, proof as never),
    )
    if (receipt === null) return
    this.totals.submitted++
    this.#account.say('submitted', { ...whereOf(job, slot), output: given, proveMs, gas: receipt.gasUsed })
  }

  /** Puts up the bond that a slot needs. @returns whether it is there. A job that needs more than the maximum is ignored from then on. */
  async #fillBond(job: JobView): Promise<boolean> {
    const outcome = await this.#account.fillBond(job.bond, this.#options.maxBond)
    if (outcome === 'too-high') {
      this.#account.say('skipped', { job: job.id, reason: `a slot needs a bond of ${job.bond} wei: raise --max-bond` })
      this.#forget(job.id, 'bond too high')
    }
    return outcome === 'filled'
  }

  async #close(job: JobView): Promise<void> {
    const held = job.slots.some(({ prover, state }) => {
      return prover === this.#account.address && state !== 'open' && state !== 'paid'
    })
    if (held) await this.#verdicts.close(job)
    else this.#forget(job.id, job.status)
  }
}
