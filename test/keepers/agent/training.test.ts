// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { training } from '../../../keepers/agent/behaviours/training.ts'
import { contractInterface, RevertError } from '../../../keepers/chain/index.ts'
import { bitmapOf } from '../../../keepers/chain/seats.ts'
import { LearningError } from '../../../keepers/learning/index.ts'
import { vectorOf } from '../fhe/ceremony.ts'
import { type RoundStage, roundStage, seatOfIndex } from './round-stage.ts'

describe('a keeper in training', () => {
  let stage: RoundStage
  let trained = 0
  beforeEach(async () => {
    stage = await roundStage({ members: 4, threshold: 3, self: 1 })
    stage.snapshot = { ...stage.snapshot, state: 'Training' }
    trained = 0
    const global = new Float32Array(50)
    const train = async () => {
      trained++
      return { weights: Float32Array.from(vectorOf(50, 1)), samples: 100, loss: 1 }
    }
    Object.assign(stage.context, {
      model: { state: async () => ({ weights: global, moments: [] }), accepted: null },
      contracts: {
        ...stage.context.contracts,
        registry: { getAddress: async () => `0x${'11'.repeat(20)}` },
      },
    })
    Object.assign(stage.context.trainer, { train })
    Object.assign(stage.context.queue, { send: withRegistry(stage.context.queue.send) })
  })
  afterEach(() => stage.close())

  /** The queue of the stage knows the service's calls only; the registry takes whatever comes. */
  function withRegistry(send: RoundStage['context']['queue']['send']): RoundStage['context']['queue']['send'] {
    return async (request, signal) => {
      if (contractInterface('ILearningService').parseTransaction({ data: request.data }) !== null) {
        return send(request, signal)
      }
      return { gasUsed: 1n, blockNumber: 1, blockHash: '0x01' } as never
    }
  }
  const methods = () => stage.sent.map(({ method }) => method)
  const mine = bitmapOf([seatOfIndex(1)])

  it('trains and commits', async () => {
    expect(await training(stage.step())).to.equal('done')
    expect([trained, methods()]).to.deep.equal([1, ['commitUpdate']])
  })

  it('sits out when it is left out', async () => {
    expect(await training(stage.step({ leftOut: mine }))).to.equal('done')
    expect([trained, methods()]).to.deep.equal([0, []])
  })

  it('does not train when the epoch`s key has served: the contract would take no update, and the key gives no pads', async () => {
    const { epochInfo } = stage.snapshot
    expect(await training(stage.step({ epochInfo: { ...epochInfo, decryptions: 1000 } }))).to.equal('done')
    expect([trained, methods()]).to.deep.equal([0, []])
    expect(await training(stage.step({ epochInfo: { ...epochInfo, decryptions: 999 } }))).to.equal('done')
    expect([trained, methods()]).to.deep.equal([1, ['commitUpdate']])
  })

  it('does not take the last round`s word for it: who sits out is known when the end of that one is recorded', async () => {
    const due = { leftOut: mine, due: true }
    expect(await training(stage.step(due))).to.equal('again')
    // Its turn to record it comes, when nobody else has.
    expect(await training(stage.step({ ...due, time: stage.snapshot.time + 60 }))).to.equal('again')
    expect([trained, methods()]).to.deep.equal([0, ['poke']])
    expect(await training(stage.step({ leftOut: 0n }))).to.equal('done')
    expect([trained, methods()]).to.deep.equal([1, ['poke', 'commitUpdate']])
  })

  it('tries again, and trains once, when the chain says meanwhile that it is left out', async () => {
    stage.refuse = ({ method }) =>
      method === 'commitUpdate' ? new RevertError('commitUpdate', 'LeftOut', {}, '0x', null) : null
    expect(await training(stage.step({ due: true }))).to.equal('again')
    expect(await training(stage.step({ leftOut: mine }))).to.equal('done')
    expect([trained, methods()]).to.deep.equal([1, []])
  })

  it('makes no update when training diverges, and does not train again in the round', async () => {
    const train = async () => {
      trained++
      throw new LearningError('DIVERGED', 'the loss is NaN; lower the learning rate')
    }
    Object.assign(stage.context.trainer, { train })
    expect(await training(stage.step())).to.equal('done')
    expect([trained, methods()]).to.deep.equal([1, []])
    const { values } = await stage.context.metrics.errors.get()
    const counted = values.filter(({ value }) => value > 0).map(({ labels, value }) => [labels.code, value])
    expect(counted).to.deep.equal([['DIVERGED', 1]])
  })

  it('makes no update when the operator`s own program fails, says which and why, and leaves the round to the others', async () => {
    const train = async () => {
      trained++
      throw new LearningError('TRAINER_FAILED', 'training.command `python train.py`: it wrote no metrics.json')
    }
    Object.assign(stage.context.trainer, { train })
    expect(await training(stage.step())).to.equal('done')
    expect([trained, methods()]).to.deep.equal([1, []])
    expect(await stage.context.metrics.registry.metrics()).to.match(/cohort_errors_total\{code="TRAINER_FAILED"\} 1/)
  })

  it('shows the figures of the operator`s own program, and forgets those of the round before', async () => {
    stage.context.metrics.setTrainer({ auc: 0.5 })
    const train = async () => ({
      weights: Float32Array.from(vectorOf(50, 1)),
      samples: 9,
      loss: 1,
      metrics: { f1: 0.75 },
    })
    Object.assign(stage.context.trainer, { train })
    expect(await training(stage.step())).to.equal('done')
    const shown = await stage.context.metrics.registry.metrics()
    expect(shown)
      .to.match(/cohort_trainer_figure\{name="f1"\} 0\.75/)
      .and.not.to.contain('name="auc"')
  })

  it('tries again after one of its worker threads died: the same training, for nothing was published', async () => {
    const train = async () => {
      trained++
      if (trained === 1) throw new LearningError('WORKER_DIED', 'training worker 2 of 2 ended with code 1')
      return { weights: Float32Array.from(vectorOf(50, 1)), samples: 100, loss: 1 }
    }
    Object.assign(stage.context.trainer, { train })
    const error = await training(stage.step()).catch((reason: unknown) => reason)
    expect(error).to.be.instanceOf(LearningError).and.include({ code: 'WORKER_DIED' })
    expect(methods()).to.deep.equal([])
    expect(await training(stage.step())).to.equal('done')
    expect([trained, methods()]).to.deep.equal([2, ['commitUpdate']])
  })

  it('tries again after another failure of the thread', async () => {
    Object.assign(stage.context.trainer, { train: async () => Promise.reject(new Error('out of memory')) })
    expect(await training(stage.step()).catch((error: Error) => error.message)).to.equal('out of memory')
  })
})
