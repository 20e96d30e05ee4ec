// SPDX-License-Identifier: GPL-3.0-or-later
// Plays random sequences of calls by honest, silent and lying keepers, outsiders and the DAO against one service.

import { Interface, type InterfaceAbi } from 'ethers'
import { cid, STATES, type StateName, salt, type World } from '../rounds/fixture.ts'
import { keyCid, keyHash, modelOf, samplesOf, sumHash } from '../rounds/play.ts'
import { packed, type SignedStep, sign } from '../rounds/relay.ts'
import {
  type Actor,
  type Call,
  type Chance,
  daoMove,
  inField,
  membershipMove,
  nonsense,
  type Role,
  scalarsOf,
  stakeMove,
} from './moves.ts'
import { randomFrom } from './random.ts'
import { GAS, Sender } from './sender.ts'
import { Witness } from './witness.ts'

/** Seconds before a deadline at which the driver lets the honest act. */
const MARGIN = 100
/** Seconds in which all honest keepers can do one step: each call takes one. */
const HURRY = 40

export class Driver {
  readonly world: World
  readonly actors: Actor[]
  /** What the events of its calls say. */
  readonly witness: Witness
  readonly sender: Sender
  /** Steps that were accepted from a relayer. */
  relays = 0
  readonly #relayed: SignedStep[] = []
  readonly #random: () => number
  readonly #chance: Chance

  constructor(world: World, roles: readonly Role[], abis: readonly InterfaceAbi[], seed: number) {
    this.world = world
    this.actors = world.players.map((player, index) => Object.assign(player, { role: roles[index]! }))
    const random = randomFrom(seed)
    this.#random = random
    this.#chance = { world, random, pick: (list) => list[Math.floor(random() * list.length)]! }
    const seatChanged = (owner: string, seat: number): void => {
      this.actors.find((actor) => actor.owner.address === owner)!.seat = seat
    }
    this.witness = new Witness(new Interface(abis.flatMap((abi) => [...(abi as readonly string[])])), seatChanged)
    this.sender = new Sender(world, this.witness)
  }

  /** One random move: usually one call, sometimes the passing of time. */
  async step(): Promise<void> {
    await this.#letHonestActBefore(MARGIN)
    const choice = this.#random()
    if (choice < 0.55) await this.#memberStep(this.#pick(this.actors))
    else if (choice < 0.65) await this.#send(...nonsense(this.#chance, this.#pick(this.actors), this.sender.calls))
    else if (choice < 0.8) await this.#move(this.#pick(this.actors))
    else if (choice < 0.9) await this.#send(...(await stakeMove(this.#chance, this.#pick(this.actors), this.actors)))
    else if (choice < 0.93) await this.#send(...(await daoMove(this.#chance, this.actors)))
    else if (choice < 0.96) await this.#send(this.world.stranger, this.world.service, 'poke', [])
    else await this.#passTime()
  }

  /**
   * Honest keepers sit in the service and do what is due, when the deadline is no more than `seconds` away.
   * @returns whether the state is still the one it was.
   */
  async #letHonestActBefore(seconds: number): Promise<boolean> {
    let before: bigint | undefined
    for (let i = 0; i < 20; i++) {
      const { current } = await this.sender.clock()
      before ??= current
      const left = await this.#left()
      if (left > seconds || (current !== before && left > MARGIN)) return current === before
      let acted = false
      for (const actor of this.actors) if (isPunctual(actor)) acted = (await this.#doDue(actor)) || acted
      if (!acted) return true
    }
    return true
  }

  /** Seconds until the members must have done what the state asks: attestations close halfway through Aggregate. */
  async #left(): Promise<number> {
    const { parameters } = this.world
    const { end, current } = await this.sender.clock()
    const now = await this.sender.latest()
    const half = Number(end) - Math.floor(parameters.aggregateWindow / 2)
    return (STATES[Number(current)] === 'Aggregate' && now < half ? half : Number(end)) - now
  }

  async #passTime(): Promise<void> {
    const { networkHelpers } = this.world
    const left = await this.#left()
    const seconds = Math.max(1, this.#random() < 0.5 ? left : Math.floor(this.#random() * left))
    // Their steps may have ended the state; the next one deserves some moves of its own.
    if (!(await this.#letHonestActBefore(seconds + HURRY))) return
    await networkHelpers.time.increase(seconds)
    this.sender.forget()
  }

  /** One of a member's steps, by its operator or, as often, signed by it and sent by a stranger. @returns whether it was taken. */
  async #step(actor: Actor, name: string, args: readonly unknown[]): Promise<boolean> {
    const { service, stranger } = this.world
    if (this.#random() < 0.5) return await this.#send(actor.operator, service, name, args)
    const { disputed } = await this.sender.roundInfo()
    const call = (service.interface as Interface).encodeFunctionData(name, args as unknown[])
    const step = await sign(this.world, actor, call, { disputed: name === 'attest' && disputed })
    // Steps of the past that a hostile relayer has kept go along: none of them may do anything.
    const kept = this.#relayed.length > 0 && this.#random() < 0.3 ? [this.#pick(this.#relayed)] : []
    if (kept.length > 0 && (await service.connect(stranger).relay.staticCall(packed(kept))) > 0n)
      throw new Error('a step was taken twice')
    const steps = packed([...kept, step])
    const done = await service.connect(stranger).relay.staticCall(steps, { gasLimit: BigInt(GAS) })
    if (done > 0n) this.#relayed.push(step)
    if (!(await this.#send(stranger, service, 'relay', [steps]))) return false
    this.relays += Number(done)
    return done > 0n
  }

  /** The step that the state asks of a member, done as its role has it. */
  async #memberStep(actor: Actor): Promise<void> {
    if (actor.role === 'silent' && this.#random() < 0.7) return
    // Who lies early seldom comes to lie late, after doing everything else: the vote is where lies are most frequent.
    const voting = STATES[Number(await this.sender.once('state', () => this.world.service.state()))] === 'Vote'
    if (actor.role === 'liar' && this.#random() < (voting ? 0.8 : 0.15)) await this.#lie(actor)
    else await this.#doDue(actor)
  }

  /** @returns whether a call succeeded. */
  async #doDue(actor: Actor): Promise<boolean> {
    const { service } = this.world
    if (actor.seat < 0) return await this.#join(actor)
    if (
      (await this.sender.once('isDue', () => service.isDue())) &&
      !(await this.#send(actor.operator, service, 'poke', []))
    )
      return false
    const [clock, info, key, epoch] = await Promise.all([
      this.sender.clock(),
      this.sender.roundInfo(),
      this.sender.once('keyInfo', () => service.keyInfo()),
      this.sender.once('epochInfo', () => service.epochInfo()),
    ])
    const { seat } = actor
    const mine = (set: bigint): boolean => ((set >> BigInt(seat)) & 1n) === 1n
    if (!mine(epoch.members)) return false
    const state = STATES[Number(clock.current)]!
    const round = Number(clock.currentRound)
    const number = Number(clock.currentEpoch)
    const send = (name: string, args: readonly unknown[]) => this.#step(actor, name, args)
    if (state === 'KeyCommit' && !mine(key.committed)) {
      return await send('commitKey', [
        number,
        epoch.crsSeed,
        await service.keyCommitment(number, seat, keyCid(number, seat), salt('k')),
      ])
    }
    if (state === 'KeyReveal' && !mine(key.revealed))
      return await send('revealKey', [number, keyCid(number, seat), salt('k')])
    const { truth } = this.witness
    if (state === 'KeyConfirm' && !mine(key.spoken)) {
      const dealer = truth.falseDealer(number, epoch.members)
      if (dealer !== null && dealer !== seat && seat % 2 === 0) return await send('complain', [number, dealer, '0x01'])
      return await send('confirmKey', [number, keyHash(number)])
    }
    if (state === 'KeyJudge' && mine(key.spoken) && !mine(key.judged)) {
      return await send('judge', [number, truth.convictedAtKey(number), 0])
    }
    if (state === 'Training' && info.lateRound !== 0n) await this.#vote(actor, Number(info.lateRound))
    if (state === 'Training' && !info.usedUp && !mine(info.committed) && !mine(info.leftOut)) {
      return await send('commitUpdate', [
        round,
        await service.updateCommitment(round, seat, cid(`${round} ${seat}`), 9, samplesOf(seat), salt('u')),
      ])
    }
    if (state === 'Reveal' && mine(info.committed) && !mine(info.revealed)) {
      return await send('revealUpdate', [round, cid(`${round} ${seat}`), 9, samplesOf(seat), salt('u')])
    }
    if (state === 'Decrypt' && mine(info.drafted) && !mine(info.shared))
      return await send('submitShare', [round, cid('s'), 9])
    if (state === 'Aggregate') return await this.#aggregate(actor, round)
    if (state === 'Check' && !mine(info.checked)) return await send('submitCheck', [round, scalarsOf(info.revealed)])
    if (state === 'Vote') return await this.#vote(actor, round)
    return false
  }

  /** Disputes what is false, attests the honest sum, and opens the draft when that may be. */
  async #aggregate(actor: Actor, round: number): Promise<boolean> {
    const { service, parameters } = this.world
    const { truth } = this.witness
    const { revealed, leftOut, attesters, disputed } = await this.sender.roundInfo()
    const has = (set: bigint): boolean => ((set >> BigInt(actor.seat)) & 1n) === 1n
    const culprit = truth.falseUpdate(round, revealed)
    if (culprit !== null && !disputed && culprit !== actor.seat && !has(leftOut)) {
      return await this.#step(actor, 'dispute', [round, culprit])
    }
    const convicted = truth.convictedAtCheck(round, revealed)
    const opening = [sumHash(round), revealed & ~leftOut & ~convicted, convicted] as const
    const { end } = await this.sender.clock()
    const now = await this.sender.latest()
    const open = now + 1 < Number(end) - Math.floor(parameters.aggregateWindow / 2)
    if (open && !has(attesters)) {
      const seal = await service.attestationSeal(round, actor.seat, ...opening)
      return await this.#step(actor, 'attest', [round, seal])
    }
    if (open && (revealed & ~attesters) !== 0n) return false
    return await this.#send(actor.operator, service, 'draft', [round, ...opening])
  }

  /** Votes for the honest model, where that is not done. */
  async #vote(actor: Actor, round: number): Promise<boolean> {
    const { service } = this.world
    const has = (set: bigint): boolean => ((set >> BigInt(actor.seat)) & 1n) === 1n
    if ((await this.sender.once('votes', () => service.votes())).some(({ supporters }) => has(supporters))) return false
    const model = actor.role === 'turncoat' ? modelOf(1_000_000) : modelOf(round)
    return await this.#step(actor, 'vote', [round, model, cid('m')])
  }

  async #lie(actor: Actor): Promise<void> {
    const { service, ethers } = this.world
    const { current, currentEpoch, currentRound } = await this.sender.clock()
    const state = STATES[Number(current)]!
    const noise = ethers.id(`lie ${this.sender.calls}`)
    const { revealed } = await this.sender.roundInfo()
    const someone = Math.floor(this.#random() * this.actors.length)
    const { truth } = this.witness
    // What is opened as it was committed to may still be false: a dealing, an update.
    if (state === 'KeyReveal' || state === 'Reveal') {
      const [lies, number] =
        state === 'Reveal' ? [truth.falseUpdates, currentRound] : [truth.falseDealings, currentEpoch]
      if (this.#random() < 0.5) lies.add(`${number} ${actor.seat}`)
      await this.#doDue(actor)
      return
    }
    const copied = await service.attestationSeal(currentRound, someone, sumHash(Number(currentRound)), revealed, 0)
    const lies: Partial<Record<StateName, [string, readonly unknown[]][]>> = {
      KeyCommit: [['commitKey', [currentEpoch, (await service.epochInfo()).crsSeed, noise]]],
      KeyConfirm: [
        ['confirmKey', [currentEpoch, noise]],
        ['complain', [currentEpoch, someone, '0x02']],
      ],
      KeyJudge: [
        ['judge', [currentEpoch, 1n << BigInt(someone), 0]],
        ['judge', [currentEpoch, 0, 1n << BigInt(someone)]],
      ],
      Training: [['commitUpdate', [currentRound, noise]]],
      Aggregate: [
        ['attest', [currentRound, noise.slice(0, 54)]],
        ['attest', [currentRound, copied]],
        ['dispute', [currentRound, someone]],
        ['draft', [currentRound, noise, revealed, 0]],
        ['draft', [currentRound, sumHash(Number(currentRound)), revealed, 1n << BigInt(someone)]],
      ],
      Check: [['submitCheck', [currentRound, scalarsOf(revealed)]]],
      Vote: [['vote', [currentRound, inField(noise), cid('lie')]]],
    }
    const options = lies[state]
    if (options) await this.#send(actor.operator, service, ...this.#pick(options))
  }

  async #join(actor: Actor): Promise<boolean> {
    const { service, registry } = this.world
    await this.#send(actor.owner, registry, 'unjail', [])
    return await this.#send(actor.operator, service, 'join', [actor.owner.address])
  }

  async #move(actor: Actor): Promise<void> {
    const call = actor.seat < 0 ? null : await membershipMove(this.#chance, actor)
    if (actor.seat < 0) await this.#join(actor)
    else if (call !== null) await this.#send(...call)
  }

  #send = (...call: Call): Promise<boolean> => this.sender.send(...call)

  #pick = <T>(list: readonly T[]): T => this.#chance.pick(list)
}

function isPunctual({ role }: Actor): boolean {
  return role === 'honest' || role === 'turncoat'
}
