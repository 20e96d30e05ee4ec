// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses the slots of a job that a prover may claim: slots that leave enough time, with a statement that it can prove.
import type { JsonRpcApiProvider } from 'ethers'
import { clients } from '../chain/index.ts'
import { NetworkError } from '../network/index.ts'
import { ServingError } from './errors.ts'
import { type JobView, type SlotView, whereOf } from './job-state.ts'
import type { ProverAccount } from './prover-account.ts'
import type { JobKnowledge } from './prover-knowledge.ts'
import type { CircuitShelf } from './prover-shelf.ts'

/** Failed fetches of a witness after which a job is left alone. */
const MOST_ABSENCES = 5
/** A slot must leave this many times the circuit's last proving time, because the machine may be busier, and the answer needs a block. */
const TIME_TO_SPARE = 3

export type ChoiceOptions = {
  readonly provider: JsonRpcApiProvider
  readonly shelf: CircuitShelf
  /** Least seconds that a slot must leave for proving and answering. Silence after a claim costs a fifth of the bond. */
  readonly minSeconds: number
}

export class SlotChoice {
  readonly #account: ProverAccount
  readonly #knowledge: JobKnowledge
  readonly #options: ChoiceOptions
  /** By job, failed fetches of its witness, whose holder may be away for a while. */
  readonly #absences = new Map<bigint, number>()
  /** Segments that cannot be proven as stated, by this prover's own computation. */
  readonly #unprovable = new Set<string>()
  /** Jobs already reported as leaving too little time in their slots. */
  readonly #hasty = new Set<bigint>()
  /** The last proving time of each circuit, in seconds. */
  readonly #seconds = new Map<string, number>()

  constructor(account: ProverAccount, knowledge: JobKnowledge, options: ChoiceOptions) {
    this.#account = account
    this.#knowledge = knowledge
    this.#options = options
  }

  /** The slots that can be claimed now, starting at a random one, because otherwise all provers would compete for the first. */
  candidates(job: JobView): SlotView[] {
    const free = job.slots.filter((slot) => this.#claimable(job, slot))
    const first = Math.floor(Math.random() * free.length)
    return [...free.slice(first), ...free.slice(0, first)]
  }

  /** The prover claims a slot only after it has loaded the registered key and its own run of the circuit gives the job's signals. */
  async isProvable(job: JobView, slot: SlotView, signal: AbortSignal): Promise<boolean> {
    const segment = job.segments[slot.segment]!
    try {
      const witness = await this.#knowledge.witnessOf(job, signal)
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
      this.#account.say('skipped', { ...whereOf(job, slot), reason: (error as Error).message })
      return false
    }
  }

  /** Notes how long a proof took: later slots must leave time for it. */
  noteSeconds(circuitId: string, seconds: number): void {
    this.#seconds.set(circuitId, seconds)
  }

  forget(id: bigint): void {
    this.#absences.delete(id)
    this.#hasty.delete(id)
  }

  #claimable(job: JobView, slot: SlotView): boolean {
    const { circuitId, modelCommitment } = job.segments[slot.segment]!
    const own = this.#account.address
    if (!this.#options.shelf.has(circuitId, modelCommitment)) return false
    if (this.#unprovable.has(`${job.id}:${slot.segment}`) || slot.prover === own) return false
    const beside = job.slots.filter(({ segment, state }) => segment === slot.segment && state !== 'open')
    if (beside.some(({ prover }) => prover === own)) return false
    if (!this.#hasTime(job, circuitId)) return false
    return slot.state === 'open' || (slot.state === 'claimed' && slot.due < job.now)
  }

  /** Whether a slot leaves enough time. A poster may offer windows that are too short on purpose, to get its half of the slash. */
  #hasTime(job: JobView, circuitId: string): boolean {
    const window = Math.min(job.claimSeconds, Number(job.deadline - job.now))
    const needed = Math.max(this.#options.minSeconds, TIME_TO_SPARE * (this.#seconds.get(circuitId) ?? 0))
    if (window >= needed) return true
    if (!this.#hasty.has(job.id)) {
      this.#hasty.add(job.id)
      const reason = `${window} s to answer in, ${Math.ceil(needed)} s are needed`
      this.#account.say('skipped', { job: job.id, reason })
    }
    return false
  }

  /** Requires the registered key. A circuit that was set up twice has two keys under one name, and anybody could accuse proofs by the other key. */
  async #requireRegistered(circuitId: string, own: string): Promise<void> {
    const verifiers = clients.verifiers(await this.#account.market.VERIFIERS(), this.#options.provider)
    const { vkHash } = await verifiers.getVerifier(circuitId)
    if (vkHash === own) return
    throw new ServingError(
      'wrong-circuit',
      `circuit ${circuitId} is verified with key ${vkHash}, the folder's is ${own}: get the folder with the registered key`,
    )
  }
}
