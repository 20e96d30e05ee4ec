// SPDX-License-Identifier: GPL-3.0-or-later
// Ends jobs: settles answers, accuses liars and closes expired jobs. Any prover may send each of these.

import { type JobView, readAnswers, type SlotView, whereOf } from './job-state.ts'
import type { ProverAccount } from './prover-account.ts'
import type { JobKnowledge } from './prover-knowledge.ts'

/** Looks at the chain that each prover waits for the provers before it, so that not all send the same settlement at once. */
const LOOKS_PER_RANK = 4

export class JobVerdicts {
  readonly #account: ProverAccount
  readonly #knowledge: JobKnowledge
  /** Answers of others that this prover has checked and found right. */
  readonly #checked = new Set<string>()
  /** By act, the number of looks since it could first be sent. */
  readonly #waiting = new Map<string, number>()

  constructor(account: ProverAccount, knowledge: JobKnowledge) {
    this.#account = account
    this.#knowledge = knowledge
  }

  /** Accuses a liar as soon as it is seen. Settles submitted answers when no more are to come. */
  async judge(job: JobView): Promise<void> {
    const { market, address, totals } = this.#account
    const submitted = job.slots.filter(({ state }) => state === 'submitted')
    if (submitted.length === 0) return
    const complete = job.slots.every(({ state }) => state !== 'open' && state !== 'claimed')
    const unchecked = submitted.filter((slot) => slot.prover !== address && !this.#checked.has(keyOf(job, slot)))
    if (!complete && job.status !== 'settling' && unchecked.length === 0) return
    const answers = await readAnswers(market, job, await this.#knowledge.postedIn(job))
    for (const slot of unchecked) {
      const answer = answers.find(({ segment, copy }) => segment === slot.segment && copy === slot.copy)
      if (answer === undefined) continue
      const innocent = await market.accuse.staticCall(job.id, answer).then(
        () => false,
        (error: unknown) => this.#account.revertOf(error, 'accuse').error === 'ProofHolds',
      )
      if (innocent) {
        this.#checked.add(keyOf(job, slot))
        continue
      }
      if (!this.#myTurn(job, `accuse ${keyOf(job, slot)}`, slot.prover)) return
      const receipt = await this.#account.send('accuse', () => market.accuse(job.id, answer))
      if (receipt === null) return
      totals.accused++
      return this.#account.say('accused', { ...whereOf(job, slot), prover: slot.prover })
    }
    if (!complete && job.status !== 'settling') return
    const key = `settle ${job.id} ${submitted.map(({ answer }) => answer).join()}`
    if (answers.length === 0 || !this.#myTurn(job, key)) return
    const receipt = await this.#account.send('settle', () => market.settle(job.id, answers))
    if (receipt === null) return
    totals.settled++
    this.#account.say('settled', { job: job.id, segments: answers.length, gas: receipt.gasUsed })
  }

  /** Closes an expired job if this prover has something at stake in it. */
  async close(job: JobView): Promise<void> {
    if (!this.#myTurn(job, `close ${job.id}`)) return
    const receipt = await this.#account.send('close', () => this.#account.market.close(job.id))
    if (receipt !== null) this.#account.say('closed', { job: job.id })
  }

  /** Whether the provers before this one have had their time. Provers of the job come first, in the order of its slots. */
  #myTurn(job: JobView, what: string, not?: string): boolean {
    const looks = this.#waiting.get(what) ?? 0
    this.#waiting.set(what, looks + 1)
    const busy = job.slots.filter(({ state, prover }) => state !== 'open' && prover !== not)
    const provers = [...new Set(busy.map(({ prover }) => prover))]
    const at = provers.indexOf(this.#account.address)
    return looks >= LOOKS_PER_RANK * (at < 0 ? provers.length + 1 : at)
  }
}

function keyOf(job: JobView, { segment, copy, answer }: SlotView): string {
  return `${job.id}:${segment}:${copy}:${answer}`
}
