// SPDX-License-Identifier: GPL-3.0-or-later
// One keeper of the simulated service: it waits for states, takes its steps, and spends processor time, bytes and gas on them.
import { ROUND_TIMES } from '../agent/index.ts'
import type { Plan } from '../fhe/index.ts'
import { type Account, emptyAccount } from './account.ts'
import type { Chain } from './chain.ts'
import { type Costs, costOf } from './costs.ts'
import type { GasOf, RoundGas } from './gas.ts'
import { LocalTraining } from './local-training.ts'
import type { Messages } from './messages.ts'
import type { Network, Protocol } from './network.ts'
import type { Processor } from './processor.ts'
import { COMPONENTS, type Component, nothingSpent, type Phase, type Service, type Spent } from './service.ts'
import { type Attempt, addUpBySlices, type Trust } from './slices.ts'
import { all, type Process, type World } from './world.ts'

export type Fault = 'killed' | 'lying' | 'slow'

/** What all members share. */
export type Surroundings = {
  readonly world: World
  readonly network: Network
  readonly chain: Chain
  readonly service: Service
  readonly plan: Plan
  readonly messages: Messages
  readonly costs: Costs
  readonly gas: RoundGas
  readonly protocol: Protocol
  /** Seconds between two looks at the chain; below, for a request to an endpoint. */
  readonly pollSeconds: number
  readonly requestSeconds: number
  readonly fetchSeconds: number
  readonly trainingSeconds: number
  readonly fetchesAtOnce: number
  readonly isReachable: (seat: number) => boolean
  readonly memberAt: (seat: number) => Member
  /** The attempt of a round's members to add up together; null if slices are off. */
  readonly attemptAt: (message: Attempt['message'], round: number) => Attempt | null
  readonly seedOf: (round: number) => string
  /** A keeper's place in the order of those that may open a round's draft. */
  readonly turnOf: (seat: number) => number
}

/** Requests for one transaction: nonce, estimate, fee, and sending it. */
const REQUESTS = 4

export class Member {
  readonly seat: number
  readonly isLiar: boolean
  readonly trust: Trust = { ignored: new Set(), silences: new Map() }
  /** By round, whenever its work is done: the slowest members vote after the next round has begun. */
  readonly #accounts = new Map<number, Account>()
  #round = 1
  /** Where the time of the present state went. */
  spent: Spent = nothingSpent()
  readonly #around: Surroundings
  readonly #processor: Processor
  /** When it stops, if it does. */
  readonly #death: { readonly round: number; readonly phase: Phase } | null
  /** Its looks at the chain come at this time after each full period. */
  readonly #offset: number
  isDead = false
  readonly #training: LocalTraining

  constructor(
    around: Surroundings,
    of: {
      readonly seat: number
      readonly fault: Fault | null
      readonly death: { readonly round: number; readonly phase: Phase } | null
      readonly processor: Processor
      readonly offset: number
    },
  ) {
    this.#around = around
    this.seat = of.seat
    this.isLiar = of.fault === 'lying'
    this.#death = of.death
    this.#processor = of.processor
    this.#offset = of.offset
    this.#training = new LocalTraining(around, of.processor, this)
  }

  accountOf(round: number): Account {
    const account = this.#accounts.get(round) ?? emptyAccount()
    this.#accounts.set(round, account)
    return account
  }
  get account(): Account {
    return this.accountOf(this.#round)
  }
  get world(): World {
    return this.#around.world
  }
  get network(): Network {
    return this.#around.network
  }
  get messages(): Messages {
    return this.#around.messages
  }
  get costs(): Costs {
    return this.#around.costs
  }
  isReachable(seat: number): boolean {
    return this.#around.isReachable(seat)
  }

  /** All rounds, one after the other. */
  *run(rounds: number): Process {
    for (let round = 1; round <= rounds; round++) {
      this.#round = round
      if (!(yield* this.#begins(round, 'training'))) return
      yield* this.#train(round)
      if (!(yield* this.#begins(round, 'reveal'))) return
      if (this.#around.service.seats.committed.has(this.seat)) {
        yield* this.#act('reveal', () => this.#around.service.reveal(round, this.seat))
      }
      if (!(yield* this.#begins(round, 'aggregate'))) return
      yield* this.#aggregate(round)
      if (!(yield* this.#begins(round, 'decrypt'))) return
      yield* this.#decrypt(round)
      if (!(yield* this.#begins(round, 'vote'))) return
      yield* this.#vote(round)
    }
  }

  /** Waits for a state, or what follows it. @returns false once this keeper has stopped, or the service has. */
  *#begins(round: number, phase: Phase): Process<boolean> {
    const { service } = this.#around
    yield* this.#see(() => service.isIn(round, phase) || service.isPast(round, phase))
    if (this.#death?.round === round && this.#death.phase === phase) this.isDead = true
    // A slow keeper still votes on the last round, as it would do during the next round's Training.
    return !this.isDead && (!service.isOver || service.completed.has(round))
  }

  /** Waits until `holds` is true on the chain, and this keeper has looked. */
  *#see(holds: () => boolean, until?: number): Process<boolean> {
    const { world, service } = this.#around
    const isSo = yield* service.changed.wait(world, holds, until)
    yield* this.#look()
    return isSo
  }

  /** Until its next look at the chain. */
  *#look(): Process {
    const { world, pollSeconds, requestSeconds } = this.#around
    const wait = pollSeconds - ((((world.now - this.#offset) % pollSeconds) + pollSeconds) % pollSeconds)
    yield* world.sleep(wait + requestSeconds)
  }

  *#train(round: number): Process {
    const { service, costs, plan } = this.#around
    if (!service.isIn(round, 'training')) return
    const base = yield* this.#training.run(round)
    if (base === null) return
    yield* this.work(costs.round + costOf(costs.encrypt, plan))
    yield* this.#act('commit', () => service.commit(round, this.seat, base))
    if (service.seats.committed.has(this.seat)) this.#training.delivered()
  }

  *#aggregate(round: number): Process {
    const { service, fetchSeconds } = this.#around
    const revealed = [...service.seats.revealed]
    const attempt = this.#around.attemptAt('update', round)
    let sum: string | null = null
    if (attempt !== null) {
      const patience = Math.min(service.timeOf(ROUND_TIMES.slicedUpdates) - this.world.now, fetchSeconds)
      if (patience > 0 && (yield* this.#overlapped(addUpBySlices(this, attempt, patience)))) {
        sum = revealed.sort((a, b) => a - b).join()
        this.account.sliced++
      }
    }
    sum ??= yield* this.#sumAlone(revealed)
    if (!service.isIn(round, 'aggregate') || service.elapsed() >= ROUND_TIMES.attest) return
    yield* this.#act('attest', () => service.attest(round, this.seat, sum))
    yield* this.#openDraft(round)
  }

  /** Fetches, checks and adds up every update, in the order of the reveals. @returns which updates are in the sum. */
  *#sumAlone(revealed: readonly number[]): Process<string> {
    const { service, costs, plan, world, fetchesAtOnce } = this.#around
    this.account.alone++
    const found: number[] = []
    const one = (seat: number) =>
      function* (member: Member): Process {
        if (!member.isReachable(seat) || service.elapsed() >= ROUND_TIMES.senders) return
        yield* member.checkUpdate(seat)
        yield* member.work(costOf(costs.add, plan))
        found.push(seat)
      }
    yield* this.#overlapped(
      all(
        revealed.map((seat) => () => one(seat)(this)),
        fetchesAtOnce,
      ),
    )
    if (found.length < revealed.length) {
      const until = service.timeOf(ROUND_TIMES.passedOn)
      yield* this.#timed('waiting', world.until(until))
    }
    return found.sort((a, b) => a - b).join()
  }

  /** Fetches an update and checks it. */
  *checkUpdate(seat: number): Process {
    const { messages, costs, plan } = this.#around
    yield* this.#fetchBlob(seat, messages.update)
    yield* this.work(costOf(costs.check, plan))
  }

  /** Opens the draft when all have attested, or half of the window is over, and it is this keeper's turn. */
  *#openDraft(round: number): Process {
    const { service, world, turnOf, seedOf, chain } = this.#around
    const { seats } = service
    const isPast = (): boolean => service.isPast(round, 'aggregate')
    const half = service.timeOf(ROUND_TIMES.attest)
    const isReady = (): boolean => isPast() || seats.attested.size >= seats.revealed.size || world.now >= half
    yield* this.#see(isReady, half)
    // The draw needs the hash of a block that exists.
    yield* world.until(chain.nextBlock(service.attestedAt))
    // Turns go by the chain's time, which is that of its last block.
    yield* this.#see(isPast, chain.blockFrom(chain.blockFrom() + ROUND_TIMES.turn * turnOf(this.seat)))
    if (isPast()) return
    yield* this.#act('draft', () => service.draft(round, this.seat, seedOf(round)))
  }

  *#decrypt(round: number): Process {
    const { service, chain, costs, plan } = this.#around
    if (!service.isIn(round, 'decrypt') || !service.seats.drafted.has(this.seat)) return
    yield* this.#timed('chain', chain.deep(service.draftedAt))
    yield* this.#timed('chain', this.#look())
    yield* this.work(costOf(costs.share, plan) + (plan.threshold - 1) * costOf(costs.mask, plan))
    yield* this.#act('share', () => service.share(round, this.seat))
  }

  *#vote(round: number): Process {
    const { service, messages, costs, plan, fetchSeconds, fetchesAtOnce } = this.#around
    const isLate = service.completed.has(round)
    if (!service.isIn(round, 'vote') && !isLate) return
    const drafted = [...(service.completed.get(round) ?? service.seats.drafted)]
    const attempt = isLate ? null : this.#around.attemptAt('share', round)
    let isSliced = false
    if (attempt !== null) {
      const patience = Math.min(service.timeOf(ROUND_TIMES.slicedShares) - this.world.now, fetchSeconds)
      isSliced = patience > 0 && (yield* this.#overlapped(addUpBySlices(this, attempt, patience)))
    }
    if (isSliced) this.account.sliced++
    else {
      this.account.alone++
      const one = (seat: number) =>
        function* (member: Member): Process {
          yield* member.#fetchBlob(seat, messages.share)
          yield* member.work(costOf(costs.combineShare, plan))
        }
      yield* this.#overlapped(
        all(
          drafted.map((seat) => () => one(seat)(this)),
          fetchesAtOnce,
        ),
      )
    }
    yield* this.work(costOf(costs.combine, plan))
    yield* this.#act('vote', () => service.vote(round, this.seat))
  }

  /** Works for this many CPU seconds. */
  *work(seconds: number): Process {
    this.account.processor += seconds
    yield* this.#timed('processor', this.#processor.work(seconds))
  }

  /** Fetches a whole blob from its sender: with one request if the blob has cuts, else over bitswap. */
  *#fetchBlob(from: number, { bytes, root, levels, asked }: Messages['update']): Process {
    const { protocol, costs } = this.#around
    if (asked !== null) yield* this.fetchPart(from, bytes + asked.whole)
    else yield* this.#fetch(from, bytes + root, protocol.blob + (levels - 1) * protocol.level, costs.blob)
  }

  /** Fetches a range of a blob, or a note. */
  *fetchPart(from: number, bytes: number): Process {
    const { network, costs } = this.#around
    yield* this.#fetch(from, bytes, network.partRounds(this.seat, from), costs.part)
  }

  /** @param cost CPU seconds, of which the asked keeper spends half. */
  *#fetch(from: number, bytes: number, rounds: number, cost: number): Process {
    if (from === this.seat) return
    const { network, memberAt } = this.#around
    yield* this.#timed('network', network.connect(this.seat, from))
    yield* this.#timed('processor', memberAt(from).#serve(bytes, this.#round, cost / 2))
    yield* this.#timed('network', network.ask(this.seat, from, bytes, rounds))
    this.account.fetched += bytes
    yield* this.work(cost / 2)
  }

  *#serve(bytes: number, round: number, cost: number): Process {
    const account = this.accountOf(round)
    account.served += bytes
    account.processor += cost
    yield* this.#processor.work(cost)
  }

  /** Sends a transaction and waits until this keeper has seen it in a block. @param apply Returns whether it ended the state. */
  *#act(kind: GasOf, apply: () => boolean): Process {
    const { chain, gas, world, requestSeconds } = this.#around
    yield* this.#timed('chain', world.sleep(REQUESTS * requestSeconds))
    const { account } = this
    account.transactions++
    account.gas += gas[kind]
    const take = (): void => {
      // The gas of a draft already includes that of the transition.
      if (apply() && kind !== 'draft') account.gas += gas.closing
    }
    yield* this.#timed('chain', chain.send(gas[kind], take))
    yield* this.#timed('chain', this.#look())
  }

  /** When several things are waited for at a time, each component gets its part of the elapsed time. The rest is waiting for others. */
  *#overlapped<T>(process: Process<T>): Process<T> {
    const { world } = this.#around
    const { spent } = this
    const [begun, before] = [world.now, { ...spent }]
    const result = yield* process
    // If the state ended meanwhile, its time is already accounted for.
    if (spent !== this.spent) return result
    const seconds = world.now - begun
    const total = COMPONENTS.reduce((sum, of) => sum + spent[of] - before[of], 0)
    if (total > seconds) {
      for (const of of COMPONENTS) spent[of] = before[of] + ((spent[of] - before[of]) * seconds) / total
    } else spent.network += seconds - total
    return result
  }

  *#timed<T>(component: Component, process: Process<T>): Process<T> {
    const { world } = this.#around
    const begun = world.now
    const result = yield* process
    this.spent[component] += world.now - begun
    return result
  }
}
