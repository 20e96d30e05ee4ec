// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { ZeroAddress, ZeroHash } from 'ethers'
import { aggregate } from '../../../keepers/agent/behaviours/aggregate.ts'
import { attestationSeal, lastAttested } from '../../../keepers/agent/steps/attestation.ts'
import { othersSumRecord } from '../../../keepers/agent/steps/intents.ts'
import { drawnFrom, drawSeed } from '../../../keepers/agent/steps/open-draft.ts'
import { contractInterface, RevertError } from '../../../keepers/chain/index.ts'
import { hasSeat, seatsOf } from '../../../keepers/chain/seats.ts'
import { NetworkError } from '../../../keepers/network/index.ts'
import { forge } from '../../../scripts/demo/tamper.ts'
import { ALL, aggregateStage, callsOf, revealAll, round, seats } from './aggregate-stage.ts'
import { type RoundStage, revealsTold, seatOfIndex } from './round-stage.ts'

describe('the sum that a keeper stands for', function () {
  this.timeout(120_000)
  let stage: RoundStage
  beforeEach(async () => {
    stage = await aggregateStage()
  })
  afterEach(() => stage.close())

  const calls = (method: string) => callsOf(stage, method)
  const attesting = (...members: number[]) => {
    stage.snapshot = { ...stage.snapshot, roundInfo: { ...stage.snapshot.roundInfo, attesters: seats(...members) } }
  }

  it('is sealed for its seat, on record before it is sent, and the same after a crash', async () => {
    await revealAll(stage)
    const before = stage.context.queue.send
    Object.assign(stage.context.queue, {
      send: async () => {
        throw new Error('killed')
      },
    })
    expect(await aggregate(stage.step()).catch(String)).to.equal('Error: killed')
    const noted = lastAttested(stage.step())!
    expect(noted.included).to.equal(seats(...ALL))
    Object.assign(stage.context.queue, { send: before })
    await aggregate(stage.step())
    expect(calls('attest')).to.deep.equal([
      [BigInt(round), attestationSeal(stage.context, round, seatOfIndex(1), noted)],
    ])
    const other = attestationSeal(stage.context, round, seatOfIndex(2), noted)
    expect(other).to.not.equal(calls('attest')[0]![1])
  })

  it('takes one opening of the epoch`s key, which has a share of every member, and wipes it at the end', async () => {
    await revealAll(stage)
    const { store } = stage
    const opened: Uint8Array[] = []
    const getSecret = store.getSecret.bind(store)
    store.getSecret = (name) => {
      const bytes = getSecret(name)
      if (name.endsWith('/key')) opened.push(bytes!)
      return bytes
    }
    await aggregate(stage.step())
    expect(callsOf(stage, 'attest')).to.have.length(1)
    expect(opened).to.have.length(1)
    expect(opened[0]!.every((byte) => byte === 0)).to.equal(true)
  })

  it('leaves out what everybody can see to be false, and attests without a dispute', async () => {
    // Beyond every modulus.
    await revealAll(stage, { 3: (update) => new Uint8Array(update.length).fill(0xff) })
    await aggregate(stage.step())
    expect(calls('dispute')).to.deep.equal([])
    expect(calls('attest')).to.have.length(1)
    expect(lastAttested(stage.step())!.included).to.equal(seats(0, 1, 2, 4))
  })

  it('of too few updates is attested, which ends the round at the cost of those whose updates it lacks', async () => {
    await revealAll(stage, {
      0: (update) => randomBytes(update.length),
      3: (update) => new Uint8Array(update.length).fill(0xff),
    })
    await aggregate(stage.step())
    expect(calls('dispute')).to.deep.equal([])
    const what = lastAttested(stage.step())!
    expect(what.included).to.equal(seats(1, 2, 4))
    // Nobody decrypts it, so its draft waits for no threshold of members that may.
    stage.sent.splice(0)
    for (const member of ALL) {
      const seal = attestationSeal(stage.context, round, seatOfIndex(member), what)
      stage.tell('AggregateAttested', { round, seat: seatOfIndex(member), seal })
    }
    attesting(...ALL)
    const { epochInfo } = stage.snapshot
    stage.snapshot = { ...stage.snapshot, epochInfo: { ...epochInfo, undraftable: seats(1, 2, 4) } }
    for (let time = stage.snapshot.time; time < stage.snapshot.time + 20; time++) await aggregate(stage.step({ time }))
    expect(calls('draft')[0]).to.deep.equal([BigInt(round), what.hash, seats(1, 2, 4), 0n])
  })

  describe('of too few by the service`s own bound, though a quorum', () => {
    /** A service that needs all five, and a member whose update is none. @param told What each endpoint says that it needs. */
    const oneSpoils = async (...told: bigint[]) => {
      await revealAll(stage, { 3: (update) => new Uint8Array(update.length).fill(0xff) })
      const { service } = stage.context.contracts
      const parameters = { ...(await service.parameters()), minKeepers: told[0]! }
      Object.assign(service, { parameters: async () => parameters })
      if (told.length === 1) return
      const iface = contractInterface('ILearningService')
      const whole = (minKeepers: bigint) =>
        iface
          .getFunction('parameters')!
          .outputs[0]!.components!.map(({ name, type }) =>
            name === 'minKeepers' ? minKeepers : type === 'address' ? ZeroAddress : type === 'bytes32' ? ZeroHash : 0n,
          )
      const everywhere = async (method: string, params: readonly unknown[]) =>
        told.map((minKeepers, i) => {
          const { data } = params[0] as { data?: string }
          const isAbout = data === iface.encodeFunctionData('parameters')
          const result = isAbout
            ? iface.encodeFunctionResult('parameters', [whole(minKeepers)])
            : revealsTold(method, params, stage.facts)
          return { endpoint: `e${i}`, result }
        })
      Object.assign(stage.context, { endpoints: { count: told.length, everywhere, prefer: () => undefined } })
    }

    it('is attested: else one member would stop every round of a service with no more than it needs, for nothing', async () => {
      await oneSpoils(5n)
      await aggregate(stage.step())
      expect(lastAttested(stage.step())!.included).to.equal(seats(0, 1, 2, 4))
    })

    it('is attested when two endpoints report that bound', async () => {
      await oneSpoils(5n, 5n)
      await aggregate(stage.step())
      expect(lastAttested(stage.step())!.included).to.equal(seats(0, 1, 2, 4))
    })

    it('is not when one of two overstates it: the keeper could be drafted, refuse its share, and pay', async () => {
      await oneSpoils(5n, 2n)
      await aggregate(stage.step())
      expect(stage.sent).to.deep.equal([])
    })
  })

  describe('beside a member that serves its update to some, at the last moment', () => {
    const window = 100
    const at = (part: number) => ({ time: stage.snapshot.end - window * (1 - part) })
    let hosts: string[]
    const hostsAre = (...members: number[]) => {
      hosts = members.map((member) => String(seatOfIndex(member)))
    }
    /** Member 3's update is served by these members alone. */
    const servedBy = async (...members: number[]) => {
      hostsAre(...members)
      const cids = await revealAll(stage)
      const { peers, plane } = stage.context
      Object.assign(peers, {
        providers: async (first: number, others: readonly number[], self: number) =>
          [first, ...others].filter((seat) => seat !== self).map(String),
      })
      const fetch = plane.fetch.bind(plane)
      let isHere = false
      Object.assign(plane, {
        has: async (cid: string) => cid !== cids[3] || isHere,
        fetch: async (cid: string, options: Parameters<typeof fetch>[1]) => {
          if (cid === cids[3] && !isHere && !options.providers.some((host) => hosts.includes(host))) {
            throw new NetworkError('UNAVAILABLE', 'nobody serves it')
          }
          isHere ||= cid === cids[3]
          return fetch(cid, options)
        },
      })
    }

    it('leaves it out when no other member got it in time: else this keeper alone would have it in its sum', async () => {
      await servedBy(3)
      expect(await aggregate(stage.step(at(0.33)))).to.equal('again')
      expect(calls('attest')).to.deep.equal([])
      await aggregate(stage.step(at(0.41)))
      expect(lastAttested(stage.step())!.included).to.equal(seats(0, 1, 2, 4))
    })

    it('nor asks its sender when it settles a dispute, by which it would have it alone as well', async () => {
      await servedBy(3)
      stage.tell('UpdateDisputed', { round, seat: seatOfIndex(0), accused: seatOfIndex(2) })
      await aggregate(stage.step(at(0.41)))
      expect(lastAttested(stage.step())!.included).to.equal(seats(0, 1, 2, 4))
    })

    it('takes it from its sender in time', async () => {
      await servedBy(3)
      await aggregate(stage.step(at(0.28)))
      expect(lastAttested(stage.step())!.included).to.equal(seats(...ALL))
    })

    it('waits for it, and takes it from another member that got it in time', async () => {
      await servedBy()
      expect(await aggregate(stage.step(at(0.31)))).to.equal('again')
      hostsAre(3, 4)
      // Nor is anybody without it: see below.
      for (const part of [0.38, 0.41, 0.46]) await aggregate(stage.step(at(part)))
      expect(calls('attest')).to.have.length(1)
      expect(lastAttested(stage.step())!.included).to.equal(seats(...ALL))
    })

    describe('with the help of another, which passes it on to some at the very last moment', () => {
      /** This keeper has it from member 4, and these members seal the sum without it. */
      const sealedWithout = async (...members: number[]) => {
        await servedBy(4)
        await aggregate(stage.step(at(0.39)))
        await aggregate(stage.step(at(0.41)))
        expect(calls('attest')).to.deep.equal([])
        const { hash, included } = stage.store.getRecord(othersSumRecord(stage.snapshot.epochInfo, round)) as Sum
        for (const member of members) {
          const what = { hash, included: BigInt(included), convicted: 0n }
          const seal = attestationSeal(stage.context, round, seatOfIndex(member), what)
          stage.tell('AggregateAttested', { round, seat: seatOfIndex(member), seal })
        }
        attesting(...members)
      }
      type Sum = { hash: string; included: string }

      it('does as those that lack it, once no quorum is left for the sum with it', async () => {
        await sealedWithout(0, 2)
        await aggregate(stage.step(at(0.42)))
        expect(calls('attest')).to.have.length(1)
        expect(lastAttested(stage.step())!.included).to.equal(seats(0, 1, 2, 4))
      })

      it('stands by its own where as many say otherwise as may lie: else they could keep any member out', async () => {
        await sealedWithout(0)
        await aggregate(stage.step(at(0.42)))
        expect(calls('attest')).to.deep.equal([])
        await aggregate(stage.step(at(0.46)))
        expect(lastAttested(stage.step())!.included).to.equal(seats(...ALL))
      })

      it('stands by its own where the other is of too few, whose draft would accuse the sender of what it did not do', async () => {
        const { service } = stage.context.contracts
        const parameters = { ...(await service.parameters()), minKeepers: 5n }
        Object.assign(service, { parameters: async () => parameters })
        await servedBy(4)
        for (const part of [0.39, 0.41]) await aggregate(stage.step(at(part)))
        expect(lastAttested(stage.step())!.included).to.equal(seats(...ALL))
      })

      it('remembers after a restart which update came late', async () => {
        await sealedWithout(0, 2)
        const { plane } = stage.context
        Object.assign(plane, { has: async () => true })
        await aggregate(stage.step(at(0.43)))
        expect(lastAttested(stage.step())!.included).to.equal(seats(0, 1, 2, 4))
      })
    })
  })

  it('is attested in time beside members that accept connections and send nothing', async () => {
    const cids = await revealAll(stage)
    const stalling = [0, 3, 4].map((member) => cids[member]!)
    const { plane } = stage.context
    const fetch = plane.fetch.bind(plane)
    const begun = stage.snapshot.end - 100
    let now = 0
    Object.assign(stage.context, { clock: { now: () => now } })
    Object.assign(plane, {
      fetch: async (cid: string, options: Parameters<typeof fetch>[1]) => {
        if (!stalling.includes(cid)) return fetch(cid, options)
        now += options.timeout
        throw new NetworkError('TIMEOUT', 'nothing came')
      },
    })
    while (calls('attest').length === 0 && now < 50_000) {
      await aggregate(stage.step({ time: begun + Math.floor(now / 1000) }))
      now += 1000
    }
    expect(now).to.be.below(50_000)
    expect(lastAttested(stage.step())!.included).to.equal(seats(1, 2))
  })

  it('is not attested in the second half of the window', async () => {
    await revealAll(stage)
    expect(await aggregate(stage.step({ time: stage.snapshot.end - 50 }))).to.equal('done')
    expect(stage.sent).to.deep.equal([])
  })

  it('is disputed when an update is not under the secret that its sender dealt, though its proof looks right', async () => {
    await revealAll(stage, { 3: forge })
    expect(await aggregate(stage.step())).to.equal('again')
    expect(calls('attest')).to.deep.equal([])
    expect(calls('dispute')).to.deep.equal([[BigInt(round), BigInt(seatOfIndex(3))]])
  })

  describe('has its draft opened', () => {
    /** This keeper and others have attested the same. */
    const attestedBy = async (...members: number[]) => {
      await revealAll(stage)
      await aggregate(stage.step())
      stage.sent.splice(0)
      const what = lastAttested(stage.step())!
      for (const member of members) {
        const seal = attestationSeal(stage.context, round, seatOfIndex(member), what)
        stage.tell('AggregateAttested', { round, seat: seatOfIndex(member), seal })
      }
      attesting(...members)
      return what
    }
    /** Chain times at which a keeper would have opened it, from the moment at which it could. */
    const opensAt = async () => {
      const from = stage.snapshot.time
      for (let time = from; time < from + 40; time++) {
        await aggregate(stage.step({ time }))
        if (calls('draft').length > 0) return time - from
      }
      return null
    }

    it('once all have attested, by one after the other, within seconds of each other', async () => {
      const what = await attestedBy(...ALL)
      const after = (await opensAt())!
      expect(after % 3).to.equal(0)
      expect(after).to.be.below(3 * ALL.length)
      expect(calls('draft')[0]).to.deep.equal([BigInt(round), what.hash, what.included, 0n])
    })

    it('by those first that it does not draft', async () => {
      await attestedBy(...ALL)
      const { epochInfo, roundInfo } = stage.snapshot
      const { blockHash } = stage.facts.findLast(({ name }) => name === 'AggregateAttested')!
      const seed = drawSeed(stage.context.serviceAddress, round, blockHash)
      const drafted = drawnFrom(roundInfo.revealed, epochInfo.threshold, seed)
      expect(seatsOf(drafted)).to.have.length(3)
      const after = (await opensAt())!
      if (hasSeat(drafted, seatOfIndex(1))) expect(after).to.be.at.least(6)
      else expect(after).to.be.at.most(3)
    })

    it('without those that have not attested, once half of the window has passed', async () => {
      await attestedBy(0, 1, 2, 4)
      expect(await opensAt()).to.equal(null)
      stage.snapshot = { ...stage.snapshot, time: stage.snapshot.end - 45 }
      expect(await opensAt()).to.not.equal(null)
    })

    it('not by fewer than a quorum that say the same, and a copied seal says nothing', async () => {
      const what = await attestedBy(0, 1, 2)
      const copied = attestationSeal(stage.context, round, seatOfIndex(0), what)
      for (const member of [3, 4]) {
        stage.tell('AggregateAttested', { round, seat: seatOfIndex(member), seal: copied })
      }
      attesting(...ALL)
      expect(await opensAt()).to.equal(null)
    })

    it('again when the chain says that it is too early, or that somebody was faster', async () => {
      await attestedBy(...ALL)
      const refusals = ['DraftInSameBlock', 'DraftTooEarly', 'UnexpectedState']
      stage.refuse = ({ method }) =>
        method === 'draft' && refusals.length > 0 ? new RevertError('draft', refusals.pop()!, {}, '0x', null) : null
      expect(await opensAt()).to.not.equal(null)
      expect(refusals).to.deep.equal([])
    })
  })
})
