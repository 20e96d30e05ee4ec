// SPDX-License-Identifier: GPL-3.0-or-later
// Plays random sequences of calls by honest, silent and lying keepers, outsiders and the DAO against one service.

import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { Interface, type InterfaceAbi, type Log } from 'ethers'
import { BOND, COH, cid, type Player, STATES, type StateName, salt, type World } from '../rounds/fixture.ts'
import { keyCid, keyHash, modelOf, samplesOf, sumHash } from '../rounds/play.ts'
import { packed, type SignedStep, sign } from '../rounds/relay.ts'
import { randomFrom } from './random.ts'
import { Witness } from './witness.ts'

/** A turncoat does every step as the honest do, up to a vote for something else. */
export type Role = 'honest' | 'silent' | 'liar' | 'turncoat'
type Actor = Player & { readonly role: Role }
type Contract = World['service'] | World['registry']

/** Gas of every call: below the cap of a transaction (2^24, EIP-7825), above what any call needs. */
const GAS = '0xe00000'
/** Seconds before a deadline at which the driver lets the honest act. */
const MARGIN = 100
/** Seconds in which all honest keepers can do one step: each call takes one. */
const HURRY = 40

export class Driver {
  readonly world: World
  readonly actors: Actor[]
  /** What the events of its calls say. */
  readonly witness: Witness
  readonly errors = new Map<string, number>()
  calls = 0
  reverted = 0
  /** Steps that were accepted from a relayer. */
  relays = 0
  readonly #relayed: SignedStep[] = []
  /** What was read since the chain last moved: most moves look several times at what has not changed. */
  readonly #seen = new Map<string, Promise<unknown>>()
  readonly #random: () => number

  constructor(world: World, roles: readonly Role[], abis: readonly InterfaceAbi[], seed: number) {
    this.world = world
    this.actors = world.players.map((player, index) => Object.assign(player, { role: roles[index]! }))
    this.#random = randomFrom(seed)
    const seatChanged = (owner: string, seat: number): void => {
      this.actors.find((actor) => actor.owner.address === owner)!.seat = seat
    }
    this.witness = new Witness(new Interface(abis.flatMap((abi) => [...(abi as readonly string[])])), seatChanged)
  }

  /** One random move: usually one call, sometimes the passing of time. */
  async step(): Promise<void> {
    await this.#letHonestActBefore(MARGIN)
    const choice = this.#random()
    if (choice < 0.55) await this.#memberStep(this.#pick(this.actors))
    else if (choice < 0.65) await this.#nonsense(this.#pick(this.actors))
    else if (choice < 0.8) await this.#membershipMove(this.#pick(this.actors))
    else if (choice < 0.9) await this.#stakeMove(this.#pick(this.actors))
    else if (choice < 0.93) await this.#daoMove()
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
      const { current } = await this.#clock()
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
    const { end, current } = await this.#clock()
    const now = await this.#latest()
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
    this.#seen.clear()
  }

  /** One of a member's steps, by its operator or, as often, signed by it and sent by a stranger. @returns whether it was taken. */
  async #step(actor: Actor, name: string, args: readonly unknown[]): Promise<boolean> {
    const { service, stranger } = this.world
    if (this.#random() < 0.5) return await this.#send(actor.operator, service, name, args)
    const { disputed } = await this.#roundInfo()
    const call = (service.interface as Interface).encodeFunctionData(name, args as unknown[])
    const step = await sign(this.world, actor, call, { disputed: name === 'attest' && disputed })
    // Steps of the past that a hostile relayer has kept go along: none of them may do anything.
    const kept = this.#relayed.length > 0 && this.#random() < 0.3 ? [this.#pick(this.#relayed)] : []
    if ((await service.connect(stranger).relay.staticCall(packed(kept))) > 0n) throw new Error('a step was taken twice')
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
    const voting = STATES[Number(await this.#once('state', () => this.world.service.state()))] === 'Vote'
    if (actor.role === 'liar' && this.#random() < (voting ? 0.8 : 0.15)) await this.#lie(actor)
    else await this.#doDue(actor)
  }

  /** @returns whether a call succeeded. */
  async #doDue(actor: Actor): Promise<boolean> {
    const { service } = this.world
    if (actor.seat < 0) return await this.#join(actor)
    if ((await this.#once('isDue', () => service.isDue())) && !(await this.#send(actor.operator, service, 'poke', [])))
      return false
    const [clock, info, key, epoch] = await Promise.all([
      this.#clock(),
      this.#roundInfo(),
      this.#once('keyInfo', () => service.keyInfo()),
      this.#once('epochInfo', () => service.epochInfo()),
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
    const { revealed, leftOut, attesters, disputed } = await this.#roundInfo()
    const has = (set: bigint): boolean => ((set >> BigInt(actor.seat)) & 1n) === 1n
    const culprit = truth.falseUpdate(round, revealed)
    if (culprit !== null && !disputed && culprit !== actor.seat && !has(leftOut)) {
      return await this.#step(actor, 'dispute', [round, culprit])
    }
    const convicted = truth.convictedAtCheck(round, revealed)
    const opening = [sumHash(round), revealed & ~leftOut & ~convicted, convicted] as const
    const { end } = await this.#clock()
    const now = await this.#latest()
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
    if ((await this.#once('votes', () => service.votes())).some(({ supporters }) => has(supporters))) return false
    const model = actor.role === 'turncoat' ? modelOf(1_000_000) : modelOf(round)
    return await this.#step(actor, 'vote', [round, model, cid('m')])
  }

  async #lie(actor: Actor): Promise<void> {
    const { service, ethers } = this.world
    const { current, currentEpoch, currentRound } = await this.#clock()
    const state = STATES[Number(current)]!
    const noise = ethers.id(`lie ${this.calls}`)
    const { revealed } = await this.#roundInfo()
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

  /** Calls that make no sense, or none now: they must be refused or harmless. */
  async #nonsense(actor: Actor): Promise<void> {
    const { service, ethers, stranger } = this.world
    const number = Math.floor(this.#random() * 6)
    const noise = this.#random() < 0.3 ? ethers.ZeroHash : ethers.id(`noise ${this.calls}`)
    const blob = this.#random() < 0.3 ? '0x' : cid('noise')
    const [name, args] = this.#pick<[string, readonly unknown[]]>([
      ['commitKey', [number, noise, noise]],
      ['revealKey', [number, blob, noise]],
      ['confirmKey', [number, noise]],
      ['complain', [number, number, blob]],
      ['judge', [number, number, number + 1]],
      ['commitUpdate', [number, noise]],
      ['revealUpdate', [number, blob, number, number, noise]],
      ['attest', [number, noise.slice(0, 54)]],
      ['draft', [number, noise, number, number]],
      ['dispute', [number, number]],
      ['submitCheck', [number, blob]],
      ['submitShare', [number, blob, number]],
      ['vote', [number, this.#random() < 0.5 ? noise : inField(noise), blob]],
      ['expel', [number]],
      ['syncOperator', [number]],
      ['topUp', [number]],
      ['leave', [number]],
      ['setParameters', [this.world.parameters]],
    ])
    // An honest operator would not send these.
    const caller = actor.role === 'honest' ? stranger : actor.operator
    await this.#send(caller, service, name, args)
  }

  async #membershipMove(actor: Actor): Promise<void> {
    const { service, registry, stranger } = this.world
    if (actor.seat < 0) {
      await this.#join(actor)
      return
    }
    const choice = this.#random()
    if (choice < 0.4) await this.#send(stranger, service, 'collect', [actor.seat])
    else if (choice < 0.6) await this.#send(stranger, service, 'expel', [actor.seat])
    else if (choice < 0.7) await this.#send(actor.operator, service, 'topUp', [actor.seat])
    else if (choice < 0.8) await this.#send(actor.owner, registry, 'disengageSuspended', [await service.getAddress()])
    else if (choice < (actor.role === 'honest' ? 0.85 : 1))
      await this.#send(actor.operator, service, 'leave', [actor.seat])
  }

  async #join(actor: Actor): Promise<boolean> {
    const { service, registry } = this.world
    await this.#send(actor.owner, registry, 'unjail', [])
    return await this.#send(actor.operator, service, 'join', [actor.owner.address])
  }

  async #stakeMove(actor: Actor): Promise<void> {
    const { registry, service, admin, stranger } = this.world
    const amount = BigInt(Math.floor(this.#random() * 60)) * COH
    const [caller, name, args] = this.#pick<[HardhatEthersSigner, string, readonly unknown[]]>([
      [actor.owner, 'stake', [actor.owner.address, amount]],
      [actor.owner, 'requestUnbonding', [amount]],
      [actor.owner, 'withdraw', [actor.owner.address]],
      [actor.owner, 'claimRewards', [actor.owner.address]],
      [actor.owner, 'restakeRewards', []],
      [actor.owner, 'delegate', [this.#pick(this.actors).owner.address]],
      [stranger, 'setOptIn', [actor.owner.address, await service.getAddress(), false]],
      [stranger, 'engage', [actor.owner.address, amount]],
      [admin, 'fund', [await service.getAddress(), amount]],
      [stranger, 'sweepSlashed', []],
      [stranger, 'slash', [actor.owner.address, amount, `0x${'00'.repeat(32)}`, `0x${'00'.repeat(32)}`]],
      [stranger, 'credit', [actor.owner.address, amount]],
    ])
    await this.#send(caller, registry, name, args)
  }

  async #daoMove(): Promise<void> {
    const { registry, service, admin, parameters, equal, bySamples } = this.world
    const address = await service.getAddress()
    const choice = this.#random()
    if (choice < 0.5) {
      const strategy = await (this.#random() < 0.5 ? equal : bySamples).getAddress()
      const decryptionBps = 5000 + Math.floor(this.#random() * 1667)
      const next = {
        ...parameters,
        strategy,
        decryptionBps,
        minKeepers: 2 + Math.floor(this.#random() * 3),
        maxStrikes: 2 + Math.floor(this.#random() * 2),
        decryptionsPerEpoch: 1 + Math.floor(this.#random() * 5),
        decryptPenalty: BigInt(Math.floor(this.#random() * 30)) * COH,
        fraudPenalty: BigInt(Math.floor(this.#random() * 30)) * COH,
        bond: BOND,
      }
      await this.#send(admin, service, 'setParameters', [next])
    } else if (choice < 0.6) await this.#send(admin, registry, 'withdrawPool', [address, COH])
    else if (choice < 0.7) await this.#send(admin, registry, 'suspendService', [address])
    else if (choice < 0.8) await this.#banMove()
    else await this.#send(admin, registry, 'resumeService', [address])
  }

  /** Bans one that is not honest, or lets one back. */
  async #banMove(): Promise<void> {
    const { service, admin } = this.world
    const others = this.actors.filter(({ role }) => role !== 'honest')
    const { owner } = this.#pick(others)
    const name = (await service.isBanned(owner)) ? 'unban' : 'ban'
    await this.#send(admin, service, name, [owner.address])
  }

  /** Sends without estimating; a revert must carry an error of ours. @returns whether it succeeded. */
  async #send(from: HardhatEthersSigner, to: Contract, name: string, args: readonly unknown[]): Promise<boolean> {
    const { ethers } = this.world
    this.calls++
    this.#seen.clear()
    const data = (to.interface as Interface).encodeFunctionData(name, args as unknown[])
    const call = { from: from.address, to: await to.getAddress(), data, gas: GAS }
    let hash: string
    try {
      hash = await ethers.provider.send('eth_sendTransaction', [call])
    } catch (error) {
      this.reverted++
      const message = `${(error as Error).message}`
      const custom = /custom error '(\w+)\(/.exec(message)?.[1]
      if (!custom) throw new Error(`${name} by ${from.address} failed without an error of ours: ${message}`)
      this.errors.set(custom, (this.errors.get(custom) ?? 0) + 1)
      return false
    }
    const receipt: { logs: Log[] } = await ethers.provider.send('eth_getTransactionReceipt', [hash])
    for (const log of receipt.logs) this.witness.observe(log)
    return true
  }

  #clock = () => this.#once('clock', () => this.world.service.clock())
  #roundInfo = () => this.#once('roundInfo', () => this.world.service.roundInfo())
  #latest = () => this.#once('latest', () => this.world.networkHelpers.time.latest())

  /** What `read` gives, asked once between two transactions. */
  #once<T>(what: string, read: () => Promise<T>): Promise<T> {
    const known = this.#seen.get(what) as Promise<T> | undefined
    if (known !== undefined) return known
    const asked = read()
    this.#seen.set(what, asked)
    return asked
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!
  }
}

/** The same hash, made small enough for a commitment to weights. */
function inField(hash: string): string {
  return `0x00${hash.slice(4)}`
}

/** Two repeats of a check of each revealed update. */
function scalarsOf(revealed: bigint): string {
  return `0x${'5a'.repeat(32 * revealed.toString(2).replaceAll('0', '').length)}`
}

function isPunctual({ role }: Actor): boolean {
  return role === 'honest' || role === 'turncoat'
}
