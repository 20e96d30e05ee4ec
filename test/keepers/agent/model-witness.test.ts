// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { training } from '../../../keepers/agent/behaviours/training.ts'
import type { AgentContext } from '../../../keepers/agent/context.ts'
import { secretName } from '../../../keepers/agent/epoch.ts'
import type { AcceptedModel } from '../../../keepers/agent/models.ts'
import { candidateRecord } from '../../../keepers/agent/steps/intents.ts'
import { adoptAccepted } from '../../../keepers/agent/steps/model.ts'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { cidHex } from '../../../keepers/network/cid.ts'
import { cidOfBytes, type RoundStage, roundStage, SEED } from './round-stage.ts'

const ROUND = 1
const TRUE = { commitment: `0x${'11'.repeat(32)}`, cid: cidOfBytes(Uint8Array.of(1)) }
const FALSE = { commitment: `0x${'66'.repeat(32)}`, cid: cidOfBytes(Uint8Array.of(6)) }

describe('the model that a keeper trains', () => {
  let stage: RoundStage
  let adopted: AcceptedModel[]
  beforeEach(async () => {
    stage = await roundStage({ members: 4, threshold: 3, self: 1 })
    stage.snapshot = { ...stage.snapshot, state: 'Training', round: ROUND + 1 }
    adopted = []
    const model = {
      get accepted() {
        return adopted.at(-1) ?? null
      },
      accept: async (given: AcceptedModel) => void adopted.push(given),
      weights: () => Promise.reject(new Error('it is trained')),
    }
    Object.assign(stage.context, { model })
  })
  afterEach(() => stage.close())

  const argsOf = ({ commitment, cid }: typeof TRUE) => ({
    round: ROUND,
    modelCommitment: commitment,
    cid: cidHex(cid),
    versionId: 1,
  })

  /** The first endpoint tells that `first` was accepted; each other one has its own log of that block, or does not answer. */
  function told(first: typeof TRUE, ...others: (typeof TRUE | null)[]): void {
    const fact = stage.tell('UpdateCompleted', argsOf(first))
    const iface = contractInterface('ILearningService')
    const event = iface.getEvent('UpdateCompleted')!
    const everywhere: AgentContext['endpoints']['everywhere'] = async (method) =>
      [first, ...others].map((says, i) => {
        if (says === null) return { endpoint: `e${i}`, reason: 'HTTP 502' }
        if (method === 'eth_getBlockByNumber') return { endpoint: `e${i}`, result: { hash: fact.blockHash } }
        const args: Record<string, unknown> = argsOf(says)
        const log = iface.encodeEventLog(
          event,
          event.inputs.map(({ name }) => args[name]),
        )
        return { endpoint: `e${i}`, result: [{ ...log, blockHash: fact.blockHash }] }
      })
    Object.assign(stage.context, { endpoints: { count: 1 + others.length, everywhere } })
  }

  it('the attack: one endpoint, believed, chooses the weights that a private update is made from', async () => {
    told(FALSE)
    await training(stage.step()).catch(() => undefined)
    expect(adopted.map(({ cid }) => cid)).to.deep.equal([FALSE.cid])
  })

  it('is none that one of several endpoints tells of, whatever the others do; nothing is trained then', async () => {
    for (const other of [TRUE, null]) {
      told(FALSE, other)
      // Training would fail here: the weights are not to be had.
      expect(await training(stage.step())).to.equal('again')
    }
    expect([adopted, stage.sent]).to.deep.equal([[], []])
  })

  it('is one that two endpoints tell of', async () => {
    told(TRUE, null, TRUE)
    expect(await adoptAccepted(stage.step())).to.equal(true)
    expect(adopted).to.deep.equal([{ round: ROUND, version: '1', ...TRUE }])
  })

  it('is one that the keeper came to itself, though no other endpoint answers', async () => {
    const name = candidateRecord(stage.snapshot.epochInfo, ROUND)
    stage.context.store.putRecord(name, { ...TRUE, good: true })
    told(FALSE, null)
    expect(await adoptAccepted(stage.step())).to.equal(false)
    told(TRUE, null)
    expect(await adoptAccepted(stage.step())).to.equal(true)
    expect(adopted.map(({ cid }) => cid)).to.deep.equal([TRUE.cid])
  })

  describe('and the keys that it erases when it has taken one over', () => {
    const LATER = 1000
    const name = () => secretName({ epoch: stage.frame.context.epoch, crsSeed: SEED }, 'key')
    const isHeld = () => stage.store.getSecret(name()) !== null
    const later = () => stage.step({ epoch: LATER })

    /** The model is true; the epoch is what the first endpoint tells, and others know of when `known`. */
    function tellLater(others: number, known: boolean): void {
      told(TRUE, ...Array.from({ length: others }, () => TRUE))
      const args = { epoch: LATER, crsSeed: SEED, members: 1n, quorum: 3, decryptionThreshold: 3 }
      const fact = stage.tell('EpochOpened', args)
      const iface = contractInterface('ILearningService')
      const event = iface.getEvent('EpochOpened')!
      const log = iface.encodeEventLog(
        event,
        event.inputs.map((input) => (args as Record<string, unknown>)[input.name]),
      )
      const { everywhere } = stage.context.endpoints
      const asked: typeof everywhere = async (method, params, signal) => {
        const answers = await everywhere(method, params, signal)
        if (!JSON.stringify(params).includes(event.topicHash)) return answers
        return answers.map(({ endpoint }, i) => ({
          endpoint,
          result: i === 0 || known ? [{ ...log, blockHash: fact.blockHash }] : [],
        }))
      }
      Object.assign(stage.context, { endpoints: { count: 1 + others, everywhere: asked } })
    }

    it('the attack: one endpoint makes up a later epoch, and the running one has no key any more', async () => {
      expect(isHeld()).to.equal(true)
      tellLater(0, false)
      await adoptAccepted(later())
      expect(isHeld()).to.equal(false)
    })

    it('are those of epochs that two endpoints know to be over', async () => {
      tellLater(1, false)
      await adoptAccepted(later())
      expect([adopted.length, isHeld()]).to.deep.equal([1, true])
      adopted = []
      tellLater(1, true)
      await adoptAccepted(later())
      expect(isHeld()).to.equal(false)
    })
  })
})
