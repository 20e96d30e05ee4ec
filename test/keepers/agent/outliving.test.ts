// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper that trains for longer than a round of its service lasts.
import { expect } from 'chai'
import { reveal } from '../../../keepers/agent/behaviours/reveal.ts'
import { training } from '../../../keepers/agent/behaviours/training.ts'
import type { Step } from '../../../keepers/agent/context.ts'
import { broughtIn } from '../../../keepers/agent/steps/brought-in.ts'
import { trainHere } from '../../../keepers/agent/steps/local-training.ts'
import { noteNoRoom } from '../../../keepers/agent/steps/sitting-out.ts'
import { contractInterface, RevertError } from '../../../keepers/chain/index.ts'
import { vectorOf } from '../fhe/ceremony.ts'
import { type RoundStage, roundStage, seatOfIndex } from './round-stage.ts'

const LENGTH = 50
const SEAT = seatOfIndex(1)

describe('a training that outlives its round', () => {
  let stage: RoundStage
  let maxStaleness: bigint
  /** Trainings that were asked for, with the model that they begin from, and how they end. */
  let asked: { from: number; signal: AbortSignal; end: () => void }[]
  let version: number
  let logged: Record<string, unknown>[]

  beforeEach(async () => {
    stage = await roundStage({ members: 4, threshold: 3, self: 1 })
    stage.snapshot = { ...stage.snapshot, state: 'Training' }
    asked = []
    logged = []
    version = 4
    maxStaleness = 2n
    const parameters = await stage.context.contracts.service.parameters()
    const train = (weights: Float32Array, _: unknown, __: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((resolve, reject) => {
        const end = () => resolve({ weights: Float32Array.from(vectorOf(LENGTH, 1)), samples: 100, loss: 1 })
        asked.push({ from: weights[0]!, signal, end })
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    const note = (line: Record<string, unknown>) => logged.push(line)
    Object.assign(stage.context, {
      model: {
        state: async () => ({ weights: new Float32Array(LENGTH).fill(version), moments: [] }),
        get accepted() {
          return { round: stage.snapshot.round - 1, version: String(version), commitment: '0x', cid: 'c' }
        },
      },
      contracts: {
        ...stage.context.contracts,
        service: { parameters: async () => ({ ...parameters, maxStaleness }) },
        registry: { getAddress: async () => `0x${'11'.repeat(20)}` },
      },
      log: { ...stage.context.log, info: note, warn: note, error: note, debug: () => undefined },
    })
    Object.assign(stage.context.trainer, { train })
    const { send } = stage.context.queue
    Object.assign(stage.context.queue, {
      send: async (request: { data: string }, signal: AbortSignal) =>
        contractInterface('ILearningService').parseTransaction({ data: request.data }) === null
          ? { gasUsed: 1n, blockNumber: 1, blockHash: '0x01' }
          : send(request as Parameters<typeof send>[0], signal),
    })
  })
  afterEach(async () => {
    stage.context.remembered.training?.drop()
    await stage.close()
  })

  const events = () => logged.map(({ event }) => event)
  const commits = () => stage.sent.filter(({ method }) => method.startsWith('commit'))
  const soon = () => new Promise((resolve) => setTimeout(resolve, 10))
  /** A look at a round of Training, and what ends it. */
  const begin = (changes: Partial<Step['snapshot']> = {}) => {
    const over = new AbortController()
    const step = { ...stage.step(changes), signal: over.signal }
    return { step, over, result: training(step).catch((error: Error) => error.message) }
  }
  /** The next round trains, with a new model. */
  const nextRound = () => {
    stage.snapshot = { ...stage.snapshot, round: stage.snapshot.round + 1 }
    version++
  }
  /** A round that is over before the training is. */
  const missRound = async () => {
    const { over, result } = begin()
    await soon()
    over.abort(new Error('the state is over'))
    expect(await result).to.equal('the state is over')
  }

  /** A training ends in its round, and the contract refuses its commitment. */
  const commitsInVain = async (error: string) => {
    stage.refuse = ({ method }) =>
      method === 'commitUpdate' ? new RevertError('commitUpdate', error, {}, '0x', null) : null
    const { result } = begin()
    await soon()
    asked[0]!.end()
    expect(await result).to.equal('again')
  }

  it('is brought to a later round, with the version that it started from', async () => {
    await missRound()
    expect(asked[0]!.signal.aborted).to.equal(false)
    expect(events()).to.include('training goes on')
    nextRound()
    const { result } = begin()
    await soon()
    asked[0]!.end()
    expect(await result).to.equal('done')
    const [commit] = commits()
    expect([commit!.method, ...commit!.args.slice(0, 2)]).to.deep.equal([
      'commitStaleUpdate',
      BigInt(stage.snapshot.round),
      4n,
    ])
    expect(asked).to.have.length(1)
    expect(logged.find(({ event }) => event === 'stale update')).to.include({ behind: 1, weight: 1 / Math.sqrt(2) })
  })

  it('is the difference to that version, not to the one that there is now', async () => {
    await missRound()
    nextRound()
    const bringing = broughtIn(stage.step(), trainHere)
    asked[0]!.end()
    const { update, staleness } = await bringing
    expect(staleness).to.equal(1)
    vectorOf(LENGTH, 1).forEach((value, i) => {
      expect(update[i]).to.be.closeTo(Math.max(-8, Math.min(8, value - 4)), 1e-5)
    })
  })

  it('ends, and another begins with the present model, when it is further behind than the service takes', async () => {
    await missRound()
    for (let i = 0; i < 3; i++) nextRound()
    const { result } = begin()
    await soon()
    expect(events()).to.include('update too stale')
    expect(asked[0]!.signal.aborted).to.equal(true)
    expect(asked.map(({ from }) => from)).to.deep.equal([4, 7])
    asked[1]!.end()
    expect(await result).to.equal('done')
    expect(commits().map(({ method }) => method)).to.deep.equal(['commitUpdate'])
  })

  it('ends with its epoch', async () => {
    await missRound()
    nextRound()
    const { epoch, epochInfo } = stage.snapshot
    const bringing = broughtIn(
      stage.step({ epoch: epoch + 1, epochInfo: { ...epochInfo, epoch: epoch + 1 } }),
      trainHere,
    )
    bringing.catch(() => undefined)
    await soon()
    expect(asked.map(({ from }) => from)).to.deep.equal([4, 5])
  })

  it('is brought again when its commitment came too late, encrypted anew', async () => {
    await commitsInVain('UnexpectedState')
    nextRound()
    expect(await begin().result).to.equal('done')
    expect(commits().map(({ method }) => method)).to.deep.equal(['commitStaleUpdate'])
    expect(asked).to.have.length(1)
    expect(stage.blobs.size).to.equal(2)
  })

  it('is brought once: not in a round after the one that has its commitment', async () => {
    const first = begin()
    await soon()
    asked[0]!.end()
    expect(await first.result).to.equal('done')
    nextRound()
    stage.refuse = () => new RevertError('commitUpdate', 'AlreadyDone', {}, '0x', null)
    const second = begin()
    await soon()
    expect(asked).to.have.length(2)
    asked[1]!.end()
    // It has not heard of its own transaction when the round ends.
    expect(await second.result).to.equal('again')
    stage.tell('UpdateCommitted', { round: stage.snapshot.round, seat: SEAT })
    nextRound()
    begin()
    await soon()
    expect(asked).to.have.length(3)
  })

  it('is no training of a service that waits for all: the round`s end is its end', async () => {
    maxStaleness = 0n
    const { over, result } = begin()
    await soon()
    over.abort(new Error('the state is over'))
    expect(await result).to.equal('the state is over')
    expect(asked[0]!.signal.aborted).to.equal(true)
  })

  it('is none where rounds are of groups of layers', async () => {
    const layerGroups = [
      { name: 'one', layers: ['a'] },
      { name: 'two', layers: ['b'] },
    ]
    Object.assign(stage.context.manifest.rounds, { layerGroups })
    await missRound()
    expect(asked[0]!.signal.aborted).to.equal(true)
  })

  it('says its base again when the round runs again, whatever this keeper has encrypted since', async () => {
    await missRound()
    nextRound()
    const { result } = begin()
    await soon()
    asked[0]!.end()
    await result
    const late = { ...stage.snapshot }
    nextRound()
    const next = begin()
    await soon()
    asked[1]!.end()
    await next.result
    stage.snapshot = late
    expect(await begin().result).to.equal('done')
    expect(commits().map(({ method }) => method)).to.deep.equal([
      'commitStaleUpdate',
      'commitUpdate',
      'commitStaleUpdate',
    ])
  })

  it('is in one sum even if a reorganisation brings its first commitment back: that one is not revealed', async () => {
    await commitsInVain('UnexpectedState')
    const first = { ...stage.snapshot }
    const roundInfo = { ...stage.snapshot.roundInfo, committed: 1n << BigInt(SEAT) }
    nextRound()
    expect(await begin().result).to.equal('done')
    stage.snapshot = { ...first, state: 'Reveal', roundInfo }
    expect(await reveal(stage.step())).to.equal('done')
    expect(stage.sent.map(({ method }) => method)).to.deep.equal(['commitStaleUpdate'])
    expect(events()).to.include('update withdrawn')
    stage.snapshot = first
    expect(await begin().result).to.equal('done')
    expect(commits()).to.have.length(1)
  })

  it('is in one sum even if the commitment that it revealed is lost again: no later round gets it', async () => {
    await commitsInVain('AlreadyDone')
    const roundInfo = { ...stage.snapshot.roundInfo, committed: 1n << BigInt(SEAT) }
    expect(await reveal(stage.step({ state: 'Reveal', roundInfo }))).to.equal('done')
    expect(stage.sent.map(({ method }) => method)).to.deep.equal(['revealUpdate'])
    // The log has no commitment of this keeper: a reorganisation took it back, or an endpoint says so.
    nextRound()
    begin()
    await soon()
    expect(asked).to.have.length(2)
    expect(asked[1]!.from).to.equal(5)
  })

  it('of a keeper without samples is no commitment where the buffer has room for none', async () => {
    const parameters = await stage.context.contracts.service.parameters()
    const commitsWith = async (buffer: bigint) => {
      Object.assign(stage.context.contracts.service, { parameters: async () => ({ ...parameters, buffer }) })
      stage.context.remembered.parameters = null
      stage.sent.length = 0
      const train = async () => ({ weights: new Float32Array(LENGTH), samples: 0, loss: Number.NaN })
      Object.assign(stage.context.trainer, { train })
      expect(await begin().result).to.equal('done')
      return commits().length
    }
    // Of four members three updates are a quorum.
    expect(await commitsWith(3n)).to.equal(0)
    expect(events()).to.include('no room')
    // Nor once it was refused in the epoch: the strike for a place that it takes in vain lasts as long.
    expect(await commitsWith(4n)).to.equal(0)
    noteNoRoom(stage.store, stage.snapshot.epoch - 1)
    expect(await commitsWith(4n)).to.equal(1)
  })
})
