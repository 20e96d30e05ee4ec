// SPDX-License-Identifier: GPL-3.0-or-later
// Updates that come from elsewhere than the keeper's own samples: the config's keys, and what a failing source costs.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { training } from '../../../keepers/agent/behaviours/training.ts'
import { parseConfig } from '../../../keepers/agent/index.ts'
import { updateSource } from '../../../keepers/agent/sources/source.ts'
import { LearningError } from '../../../keepers/learning/index.ts'
import { NestedError } from '../../../keepers/nested/index.ts'
import { exampleManifest, openManifest } from '../../../keepers/versions/index.ts'
import { vectorOf } from '../fhe/ceremony.ts'
import { type RoundStage, roundStage } from './round-stage.ts'

const example = readFileSync(new URL('../../../keepers/agent/keeper.example.yaml', import.meta.url), 'utf8')
const ADDRESS = `0x${'12'.repeat(20)}`
const MANIFEST = exampleManifest('small-cnn')
const withTraining = (lines: string) =>
  parseConfig(example.replace('\ntraining:\n', `\ntraining:\n${lines}\n`), '/x', MANIFEST)
const SERVICE = `  service: { address: "${ADDRESS}", tree: "${ADDRESS}" }`
const LABELS = `  labels: { address: "${ADDRESS}", book: 1 }`

describe('the source of a keeper’s update', () => {
  it('is its own samples unless the config says otherwise, and each source has its own keys', async () => {
    const model = await openManifest(MANIFEST)
    expect(withTraining('').training.source).to.equal('own')
    expect(await updateSource(withTraining(''), model)).to.equal(undefined)
    expect(await updateSource(withTraining(`  source: service\n${SERVICE}`), model)).to.be.a('function')
    expect(await updateSource(withTraining(`  source: pseudo-labels\n${LABELS}`), model)).to.be.a('function')
    for (const [lines, what] of [
      ['  source: service', /training\.service: source service needs it/],
      ['  source: pseudo-labels', /training\.labels: source pseudo-labels needs it/],
      [SERVICE, /training\.service: source own does not use it/],
      [LABELS, /training\.labels: source own does not use it/],
      [`  source: service\n${SERVICE}\n${LABELS}`, /training\.labels: source service does not use it/],
      [`  source: pseudo-labels\n${SERVICE}\n${LABELS}`, /training\.service: source pseudo-labels does not use it/],
      [
        `  source: service\n${SERVICE}\n  command: [python3, train.py]`,
        /training\.command trains on the samples of data alone/,
      ],
      ['  source: oracle', /training\.source/],
      [
        '  source: service\n  service: { address: "0x12", tree: "0x12" }',
        /training\.service\.address: takes an address/,
      ],
      [`  source: pseudo-labels\n  labels: { address: "${ADDRESS}", book: 0 }`, /training\.labels\.book/],
    ] as const) {
      expect(() => withTraining(lines), lines).to.throw(what)
    }
  })

  describe('in a round', () => {
    let stage: RoundStage
    const global = new Float32Array(50)
    beforeEach(async () => {
      stage = await roundStage({ members: 4, threshold: 3, self: 1 })
      stage.snapshot = { ...stage.snapshot, state: 'Training' }
      const train = async () => {
        throw new Error('its own samples are not asked for')
      }
      Object.assign(stage.context, {
        model: { state: async () => ({ weights: global, moments: [] }), accepted: null },
        contracts: { ...stage.context.contracts, registry: { getAddress: async () => `0x${'11'.repeat(20)}` } },
      })
      Object.assign(stage.context.trainer, { train })
      const { send } = stage.context.queue
      const registry = async () => ({ gasUsed: 1n, blockNumber: 1, blockHash: '0x01' }) as never
      Object.assign(stage.context.queue, {
        send: (request: Parameters<typeof send>[0], signal?: AbortSignal) =>
          request.to === `0x${'11'.repeat(20)}` ? registry() : send(request, signal),
      })
    })
    afterEach(() => stage.close())

    it('gives what the keeper commits to, clipped as any update', async () => {
      const source = async () => ({ weights: Float32Array.from(vectorOf(50, 1)), samples: 100, loss: Number.NaN })
      Object.assign(stage.context, { source })
      expect(await training(stage.step())).to.equal('done')
      expect(stage.sent.map(({ method }) => method)).to.deep.equal(['commitUpdate'])
    })

    it('costs the keeper the round when it can give nothing, and leaves the round to the others', async () => {
      const source = async () => {
        throw new LearningError('TRAINER_FAILED', 'training.source: the service had accepted no version')
      }
      Object.assign(stage.context, { source })
      expect(await training(stage.step())).to.equal('done')
      expect(stage.sent).to.deep.equal([])
      expect(await stage.context.metrics.registry.metrics()).to.match(/cohort_errors_total\{code="TRAINER_FAILED"\} 1/)
    })

    it('is asked again while endpoints do not agree', async () => {
      const source = async () => {
        throw new NestedError('unheard', 'no two endpoints say the same')
      }
      Object.assign(stage.context, { source })
      const error = await training(stage.step()).catch((cause: unknown) => cause)
      expect(error).to.be.instanceOf(NestedError)
      expect(stage.sent).to.deep.equal([])
    })
  })
})
