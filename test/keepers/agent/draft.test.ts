// SPDX-License-Identifier: GPL-3.0-or-later

import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { decrypt } from '../../../keepers/agent/behaviours/decrypt.ts'
import { reveal } from '../../../keepers/agent/behaviours/reveal.ts'
import type { AgentContext } from '../../../keepers/agent/context.ts'
import { noteAttested } from '../../../keepers/agent/steps/attestation.ts'
import { updateIntentName } from '../../../keepers/agent/steps/intents.ts'
import { sumOfRound } from '../../../keepers/agent/steps/sum.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { bitmapOf } from '../../../keepers/chain/seats.ts'
import { ROUND } from '../fhe/ceremony.ts'
import { cidOfBytes, type RoundStage, revealsTold, roundStage, seatOfIndex } from './round-stage.ts'

const seats = (...members: number[]): bigint => bitmapOf(members.map(seatOfIndex))

describe('a draft', () => {
  let stage: RoundStage
  beforeEach(async () => {
    stage = await roundStage({ members: 5, threshold: 3, self: 1 })
    stage.snapshot = { ...stage.snapshot, state: 'Decrypt' }
  })
  afterEach(() => stage.close())

  const HASH = `0x${'ab'.repeat(32)}`
  /** A draft of what this keeper has attested, unless told. */
  const draft = (included: bigint, drafted = seats(0, 1, 2), attested = { hash: HASH, included, convicted: 0n }) => {
    noteAttested(stage.step(), attested)
    const args = { round: ROUND.round, drafted, aggregateHash: HASH, included, convicted: 0n, attesters: drafted }
    stage.tell('MembersDrafted', args)
    const roundInfo = { ...stage.snapshot.roundInfo, drafted, included, revealed: included }
    stage.snapshot = { ...stage.snapshot, roundInfo }
  }
  const shares = () => stage.sent.filter(({ method }) => method === 'submitShare').length
  /** This keeper encrypts, commits and reveals. */
  const takePart = async () => {
    const intent = { cid: cidOfBytes(randomBytes(4)), size: 10, samples: 7, salt: `0x${'11'.repeat(32)}` }
    const at = { key: updateIntentName(stage.snapshot.epochInfo, ROUND.round), epoch: 3, round: ROUND.round }
    await stage.store.journal.once(at, () => Buffer.from(JSON.stringify(intent)))
    const roundInfo = { ...stage.snapshot.roundInfo, committed: seats(1) }
    expect(await reveal(stage.step({ roundInfo }))).to.equal('done')
  }

  it('gets the share of whom it names', async () => {
    await takePart()
    draft(seats(0, 1, 2, 3))
    expect(await decrypt(stage.step())).to.equal('done')
    expect(shares()).to.equal(1)
  })

  it('of fewer than a quorum of the pinned members gets none, whatever the service says it needs', async () => {
    await takePart()
    draft(seats(0, 1, 2))
    expect(await decrypt(stage.step())).to.equal('done')
    expect(shares()).to.equal(0)
    expect(stage.store.claims.count).to.equal(0)
  })

  it('without the own update gets none, though the endpoint says that it was never revealed', async () => {
    await takePart()
    draft(seats(0, 2, 3, 4))
    expect(await decrypt(stage.step())).to.equal('done')
    expect(shares()).to.equal(0)
    expect(stage.store.claims.count).to.equal(0)
  })

  it('without the own update gets none, though the endpoint says that the epoch is another', async () => {
    await takePart()
    draft(seats(0, 2, 3, 4))
    expect(await decrypt(stage.step({ epoch: stage.snapshot.epoch + 1 }))).to.equal('done')
    expect(shares()).to.equal(0)
    expect(stage.store.claims.count).to.equal(0)
  })

  it('without the own update gets one from a member that has revealed none', async () => {
    draft(seats(0, 2, 3, 4))
    expect(await decrypt(stage.step())).to.equal('done')
    expect(shares()).to.equal(1)
  })

  it('of another sum than this keeper has attested gets none', async () => {
    const included = seats(0, 2, 3, 4)
    for (const other of [
      { hash: `0x${'ac'.repeat(32)}`, included, convicted: 0n },
      { hash: HASH, included: seats(0, 1, 2, 3, 4), convicted: 0n },
      { hash: HASH, included, convicted: seats(1) },
    ]) {
      draft(included, seats(0, 1, 2), other)
      expect(await decrypt(stage.step())).to.equal('done')
    }
    expect(shares()).to.equal(0)
    expect(stage.store.claims.count).to.equal(0)
  })

  describe('with several endpoints', () => {
    /** The log of the last draft as an honest endpoint gives it. */
    const log = (changes: Record<string, unknown> = {}) => {
      const fact = stage.facts.findLast(({ name }) => name === 'MembersDrafted')!
      const iface = contractInterface('ILearningService')
      const values = { ...fact.args, ...changes }
      const event = iface.getEvent('MembersDrafted')!
      const { topics, data } = iface.encodeEventLog(
        event,
        event.inputs.map(({ name }) => values[name]),
      )
      return { topics, data, blockHash: fact.blockHash }
    }
    let asked: unknown[] = []
    /** What the last endpoint has at a height, when that is not what the others have. */
    let lastHas: ((height: number) => unknown) | null = null
    const answering = (...results: (unknown[] | string)[]) => {
      asked = []
      const everywhere: AgentContext['endpoints']['everywhere'] = async (method, params) => {
        const topics = (params[0] as { topics?: string[] }).topics
        const reveals = topics?.[0] === contractInterface('ILearningService').getEvent('UpdateRevealed')!.topicHash
        if (method === 'eth_getLogs' && !reveals) asked.push([method, params])
        return results.map((result, i) => {
          const endpoint = `e${i}`
          if (typeof result === 'string') return { endpoint, reason: result }
          if (method === 'eth_getLogs' && !reveals) return { endpoint, result }
          if (method === 'eth_call' || reveals) return { endpoint, result: revealsTold(method, params, stage.facts) }
          const height = Number(params[0])
          const block = { hash: `0x${height.toString(16).padStart(64, '0')}` }
          return { endpoint, result: i + 1 === results.length && lastHas !== null ? lastHas(height) : block }
        })
      }
      Object.assign(stage.context, { endpoints: { count: results.length, everywhere } })
    }
    beforeEach(() => {
      lastHas = null
      draft(seats(0, 1, 2, 3))
    })

    it('gets none while the second has its block off the chain, or not yet as deep', async () => {
      const { block, blockHash } = stage.facts.at(-1)!
      Object.assign(stage.context.config.chain, { confirmations: 3 })
      const step = () => stage.step({ block: block + 2 })
      // What a reorganisation has put aside is still answered for by its hash.
      lastHas = (height) => ({ hash: `0x${'77'.repeat(31)}${height.toString(16).padStart(2, '0')}` })
      answering([log()], [log()])
      expect(await decrypt(step())).to.equal('again')
      // On its chain, but two blocks more are what one endpoint says.
      lastHas = (height) => (height > block + 1 ? null : { hash: blockHash })
      expect(await decrypt(step())).to.equal('again')
      expect(shares()).to.equal(0)
      expect(stage.store.claims.count).to.equal(0)
      lastHas = null
      expect(await decrypt(step())).to.equal('done')
      expect(shares()).to.equal(1)
    })

    it('gets a share when two tell of it alike, in the same block', async () => {
      answering([log()], 'HTTP 502', [log()])
      expect(await decrypt(stage.step())).to.equal('done')
      expect(shares()).to.equal(1)
      const { blockHash } = stage.facts.at(-1)!
      expect(asked).to.have.length(1)
      expect(asked[0]).to.deep.include.members(['eth_getLogs'])
      expect(JSON.stringify(asked[0])).to.include(blockHash)
    })

    it('goes by two others while the own endpoint is down, and by none against it', async () => {
      answering('HTTP 502', [log()], [log()])
      const { everywhere } = stage.context.endpoints
      let isDown = false
      Object.assign(stage.context.endpoints, {
        everywhere: async (...asked: Parameters<typeof everywhere>) => {
          const [first, ...others] = await everywhere(...asked)
          // Behind: it answers for heights that it has not come to with null, and knows of no block by that hash.
          const behind = asked[0] === 'eth_getLogs' ? { reason: 'unknown block' } : { result: null }
          return [
            { endpoint: first!.endpoint, own: true as const, ...(isDown ? { reason: 'down' } : behind) },
            ...others,
          ]
        },
      })
      expect(await decrypt(stage.step())).to.equal('again')
      expect(shares()).to.equal(0)
      isDown = true
      expect(await decrypt(stage.step())).to.equal('done')
      expect(shares()).to.equal(1)
    })

    it('gets none while one alone tells what its members declared: it may hide that one of them has no samples', async () => {
      const told = (samples: number) => {
        const iface = contractInterface('ILearningService')
        const event = iface.getEvent('UpdateRevealed')!
        const { topics, data } = iface.encodeEventLog(event, [ROUND.round, seatOfIndex(0), '0x12', 10, samples])
        return { topics, data, blockHash: stage.facts.at(-1)!.blockHash }
      }
      stage.tell('UpdateRevealed', { round: ROUND.round, seat: seatOfIndex(0), cid: '0x12', size: 10n, samples: 100 })
      const endpoints = (...second: unknown[]) => {
        answering([log()], [log()])
        const { everywhere } = stage.context.endpoints
        const { topicHash } = contractInterface('ILearningService').getEvent('UpdateRevealed')!
        const asking: typeof everywhere = async (method, params) => {
          if ((params[0] as { topics?: string[] }).topics?.[0] !== topicHash) return everywhere(method, params)
          return [[told(100)], second].map((result, i) => ({ endpoint: `e${i}`, result }))
        }
        Object.assign(stage.context.endpoints, { everywhere: asking })
      }
      for (const second of [[told(1)], [], [told(100), told(1)]]) {
        endpoints(...second)
        expect(await decrypt(stage.step())).to.equal('again')
      }
      expect(shares()).to.equal(0)
      endpoints(told(100))
      expect(await decrypt(stage.step())).to.equal('done')
      expect(shares()).to.equal(1)
    })

    it('gets none when the endpoint in use tells of other samples after two have told of none', async () => {
      const fact = stage.tell('UpdateRevealed', {
        ...{ round: ROUND.round, seat: seatOfIndex(0), cid: '0x12', size: 10n, samples: 0 },
      })
      answering([log()], [log()])
      const { everywhere } = stage.context.endpoints
      const told: typeof everywhere = async (method, params) => {
        const topics = (params[0] as { topics?: string[] }).topics
        if (topics?.[0] !== contractInterface('ILearningService').getEvent('UpdateRevealed')!.topicHash) {
          return everywhere(method, params)
        }
        return ['e0', 'e1'].map((endpoint) => ({ endpoint, result: revealsTold(method, params, [fact]) }))
      }
      Object.assign(stage.context.endpoints, { everywhere: told })
      const { frame } = stage.context.epochs
      Object.assign(stage.context.epochs, {
        frame: async (...args: Parameters<typeof frame>) => {
          // A reorganisation that it makes up while the keeper waits for its answer.
          stage.facts.splice(stage.facts.indexOf(fact), 1, { ...fact, args: { ...fact.args, samples: 100 } })
          return frame(...args)
        },
      })
      // Four of five, a quorum, of which one has no samples.
      expect(await decrypt(stage.step())).to.equal('done')
      expect(shares()).to.equal(0)
    })

    it('gets none while one alone tells of it: the others know of none, of another one, or do not answer', async () => {
      const other = log({ included: seats(0, 1, 2, 3, 4) })
      const elsewhere = { ...log(), blockHash: `0x${'99'.repeat(32)}` }
      const rubbish = [null, 7, { topics: ['0x12'], data: '0x' }]
      for (const second of [[], [other], [elsewhere], rubbish, 'HTTP 502']) {
        answering([log()], second)
        expect(await decrypt(stage.step()), JSON.stringify(second)).to.equal('again')
      }
      expect(shares()).to.equal(0)
      expect(stage.store.claims.count).to.equal(0)
    })
  })
})

describe('the sum of a round', () => {
  it('holds one range of one update in memory at a time, where updates are long', async () => {
    // Of whatever was read before, nothing is left after the next read.
    let last: ArrayBuffer | null = null
    let most = 0
    const plan = { vectorLength: 30_000 }
    const stage = await roundStage({ members: 5, threshold: 3, self: 0, plan })
    try {
      const { plane } = stage.context
      const publish = plane.publish.bind(plane)
      Object.assign(plane, {
        fetch: async () => {
          throw new Error('fetched whole')
        },
        hold: async (cid: string) => ({
          size: stage.blobs.get(cid)!.length,
          read: async (from: number, to: number) => {
            last?.transfer(0)
            const range = new Uint8Array(stage.blobs.get(cid)!.subarray(from, to))
            last = range.buffer
            most = Math.max(most, range.length)
            return range
          },
        }),
        writer: () => {
          const pieces: Uint8Array[] = []
          const write = async (piece: Uint8Array) => void pieces.push(piece)
          return { write, finish: () => publish(Buffer.concat(pieces), {}) }
        },
      })
      for (let member = 0; member < 5; member++) stage.reveal(member, await stage.updateOf(member))
      const sum = await sumOfRound(stage.step(), ROUND.round)
      expect(sum!.included).to.equal(seats(0, 1, 2, 3, 4))
      // All of a sum of four ciphertexts fit one chunk.
      expect(most).to.equal(8 * stage.frame.plan.carried)
    } finally {
      await stage.close()
    }
  })

  it('leaves out what is missing or malformed, and is nothing without one that must be in it', async () => {
    const stage = await roundStage({ members: 5, threshold: 3, self: 0 })
    try {
      for (const member of [0, 1, 2]) stage.reveal(member, await stage.updateOf(member))
      stage.reveal(3, randomBytes(stage.frame.plan.bytes.update))
      stage.blobs.delete(stage.reveal(4, await stage.updateOf(4)))
      const sum = await sumOfRound(stage.step(), ROUND.round)
      expect([sum!.included, sum!.missing]).to.deep.equal([seats(0, 1, 2), [seatOfIndex(4)]])
      expect(await sumOfRound(stage.step(), ROUND.round, { only: seats(0, 3) })).to.equal(null)
      expect(await sumOfRound(stage.step(), ROUND.round, { only: seats(4) })).to.equal(null)
      const two = await sumOfRound(stage.step(), ROUND.round, { only: seats(0, 2) })
      expect(two!.included).to.equal(seats(0, 2))
    } finally {
      await stage.close()
    }
  })
})
