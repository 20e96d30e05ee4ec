// SPDX-License-Identifier: GPL-3.0-or-later
// A round of messages that are too long to be held, over the data plane that keepers have: blocks on disks, and bitswap.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { aggregate } from '../../../keepers/agent/behaviours/aggregate.ts'
import { lastAttested } from '../../../keepers/agent/steps/attestation.ts'
import { aggregateRecord } from '../../../keepers/agent/steps/intents.ts'
import { cidFromHex, DataPlane } from '../../../keepers/network/index.ts'
import { vectorOf } from '../fhe/ceremony.ts'
import { type RoundStage, roundStage, seatOfIndex } from './round-stage.ts'
import { decryptAll, giveModel, judge, trainAll } from './whole-round.ts'

const MEMBERS = 3
const THRESHOLD = 2
/** Four ciphertexts: 160 KB an update. */
const LENGTH = 30_000

describe('messages that are too long to be held', function () {
  this.timeout(120_000)
  const folder = mkdtempSync(join(tmpdir(), 'cohort-long-'))
  const stages: RoundStage[] = []
  const planes: DataPlane[] = []
  const global = new Float32Array(LENGTH).fill(0.5)
  let kept: ReturnType<typeof giveModel>[]
  /** What was asked for whole, by member. */
  const whole: number[] = []

  before(async () => {
    for (let self = 0; self < MEMBERS; self++) {
      const plan = { vectorLength: LENGTH, clipBound: 8, clipNorm: 100 }
      const stage = await roundStage({ members: MEMBERS, threshold: THRESHOLD, self, plan })
      const change = vectorOf(LENGTH, self, 0.5)
      const place = { folder: join(folder, String(self)), identitySeed: new Uint8Array(32).fill(self + 1) }
      const plane = await DataPlane.start(place)
      const fetch = plane.fetch.bind(plane)
      const noted: typeof fetch = (...of) => {
        whole.push(self)
        return fetch(...of)
      }
      Object.assign(plane, { fetch: noted })
      const train = async (weights: Float32Array) => ({
        weights: weights.map((w, i) => w + change[i]!),
        samples: 100,
        loss: 1,
      })
      Object.assign(stage.context.trainer, {
        ...{ shard: { parameterCount: LENGTH, samples: 100, heldOut: 10 }, train },
        evaluate: async () => ({ accuracy: 0.9, loss: 0.5, testAccuracy: null, testLoss: null, figures: {} }),
      })
      Object.assign(stage.context.manifest, { vote: { metric: 'accuracy', tolerance: 0.1 } })
      Object.assign(stage.context.config.network, { fetchSeconds: 20 })
      const providers = async () => planes.filter((_, i) => i !== self).flatMap(({ addresses }) => addresses)
      Object.assign(stage.context, { plane, peers: { providers, refresh: () => undefined } })
      planes.push(plane)
      stages.push(stage)
    }
    kept = stages.map((stage) => giveModel(stage, { weights: global, moments: [] }))
  })
  after(async () => {
    await Promise.all([...planes.map((plane) => plane.stop()), ...stages.map((stage) => stage.close())])
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })

  it('lead every keeper to the same model, and none of them is ever fetched whole', async () => {
    expect(await trainAll(stages)).to.deep.equal([100, 100, 100])
    await decryptAll(stages, THRESHOLD)
    const candidates = []
    for (const stage of stages) candidates.push(await judge(stage))
    expect(candidates[0]).to.include({ good: true })
    for (const { next } of kept) expect(next!.weights).to.deep.equal(kept[0]!.next!.weights)
    const at = 12_345
    const mean = [0, 1, 2].reduce((sum, self) => sum + vectorOf(LENGTH, self, 0.5)[at]!, 0) / 3
    expect(kept[0]!.next!.weights[at]).to.be.closeTo(0.5 + mean, 1e-3)
    expect(whole).to.deep.equal([])
  })

  it('are fetched again from others where a disk changed them, and the sum stays what it was', async () => {
    const [stage] = stages as [RoundStage, RoundStage, RoundStage]
    const { round } = stage.snapshot
    const before = lastAttested(stage.step())!
    const [, other] = stage.context.facts.all('UpdateRevealed', { round })
    const cid = cidFromHex(String(other!.args.cid))
    const bytes = Buffer.from(await planes[0]!.fetch(cid, { maxBytes: 1 << 20, timeout: 5_000, providers: [] }))
    const blocks = join(folder, '0', 'blocks')
    const files = readdirSync(blocks, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const file = files
      .map((entry) => join(entry.parentPath, entry.name))
      .find((path) => readFileSync(path).equals(bytes))!
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(file, bytes)
    // The sum that is on record is gone, too.
    stage.store.deleteRecord(aggregateRecord(stage.snapshot.epochInfo, round))
    const roundInfo = { ...stage.snapshot.roundInfo, attesters: 0n }
    await aggregate(stage.step({ state: 'Aggregate', roundInfo }))
    expect(lastAttested(stage.step())).to.deep.equal(before)
    expect(readFileSync(file).equals(bytes)).to.equal(false)
    expect(before.included).to.equal([0, 1, 2].reduce((set, index) => set | (1n << BigInt(seatOfIndex(index))), 0n))
  })
})
