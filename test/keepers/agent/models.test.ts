// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { applyUpdate, GlobalModel, type ModelState } from '../../../keepers/agent/models.ts'
import type { ServerSettings } from '../../../keepers/learning/index.ts'
import type { DataPlane } from '../../../keepers/network/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import {
  decodeModel,
  decodeModelState,
  encodeModel,
  modelBytes,
  VersionError,
} from '../../../keepers/versions/index.ts'

const STRATEGIES: readonly ServerSettings[] = [
  { kind: 'fedavg' },
  { kind: 'fedavg', momentum: 0.9, clip: 0.5 },
  { kind: 'fedadam', learningRate: 0.03 },
  { kind: 'fedyogi', learningRate: 0.03 },
]
const MEANS = [Float64Array.of(0.1, -0.7, 1e-9), Float64Array.of(0.3, 0.2, -1e-3), Float64Array.of(-2, 0.01, 0.5)]
const INITIAL = Float32Array.of(0.1, 0.2, 0.3)

describe('the model and what its strategy remembers', () => {
  let folder: string
  const blobs = new Map<string, Uint8Array>()
  const plane = {
    publish: async (bytes: Uint8Array) => {
      const cid = `blob ${Buffer.from(bytes).toString('hex')}`
      blobs.set(cid, bytes)
      return cid
    },
    fetch: async (cid: string) => blobs.get(cid)!,
    pin: async () => {},
  } as unknown as DataPlane
  const stores: KeeperStore[] = []
  /** A keeper's model, opened from its folder. */
  const open = (name: string): GlobalModel => {
    const binding = { chainId: 1n, service: '0x1', operator: '0x2' }
    const store = KeeperStore.open({ folder: join(folder, name), passphrase: 'p', binding, log2N: 10 })
    stores.push(store)
    const commit = (weights: Float32Array) => [...weights].join()
    return new GlobalModel({ store, plane, initial: INITIAL, commit, fetchTimeout: 1 })
  }
  const close = () => {
    for (const store of stores.splice(0)) store.close()
  }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-models-'))
  })
  afterEach(() => {
    close()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const strategy of STRATEGIES) {
    it(`${JSON.stringify(strategy)}: a restart and a newcomer go on with the same bits as who never stopped`, async () => {
      let straight: ModelState = { weights: INITIAL, moments: [] }
      for (const mean of MEANS) straight = applyUpdate(straight, mean, strategy)
      for (const [i, mean] of MEANS.entries()) {
        // The first keeper starts again each round; the last round is played by one that was not there before.
        const model = open(i === 2 ? 'newcomer' : 'old hand')
        if (i === 2) await model.accept(accepted!, [])
        const next = applyUpdate(await model.state(), mean, strategy)
        const { cid, commitment } = await model.publish(next, i + 1)
        accepted = { round: i + 1, version: '1', commitment, cid }
        await model.accept(accepted, [])
        close()
      }
      const { weights, moments } = decodeModelState(blobs.get(accepted!.cid)!, 3)
      expect(Buffer.from(weights.buffer).equals(Buffer.from(straight.weights.buffer))).to.equal(true)
      expect(moments).to.deep.equal(straight.moments)
    })
  }
  let accepted: { round: number; version: string; commitment: string; cid: string } | undefined

  it('goes on with fresh moments when members have changed their strategy', () => {
    const adam: ServerSettings = { kind: 'fedadam', learningRate: 0.03 }
    const averaged = applyUpdate({ weights: INITIAL, moments: [] }, MEANS[0]!)
    expect(applyUpdate(averaged, MEANS[1]!, adam)).to.deep.equal(
      applyUpdate({ ...averaged, moments: [Float32Array.of(1, 2, 3)] }, MEANS[1]!, adam),
    )
  })

  it('never moves further in a round than the strategy`s clip', () => {
    const { weights } = applyUpdate({ weights: INITIAL, moments: [] }, MEANS[2]!, { kind: 'fedavg', clip: 0.25 })
    expect(Math.hypot(...weights.map((w, i) => w - INITIAL[i]!))).to.be.closeTo(0.25, 1e-6)
  })

  it('is read by whoever wants weights alone, and refused when its parts do not fit', () => {
    const moments = [Float32Array.of(4, 5, 6), Float32Array.of(7, 8, 9)]
    const bytes = encodeModel(INITIAL, moments)
    expect(bytes.length).to.equal(modelBytes(3, 2))
    expect(decodeModel(bytes, 3)).to.deep.equal(INITIAL)
    expect(decodeModelState(bytes, 3).moments).to.deep.equal(moments)
    const version = Buffer.from(bytes)
    version[4] = 4
    expect(() => decodeModel(version, 3)).to.throw(VersionError, /version 4, expected 1 to 3/)
    version[4] = 2
    expect(() => decodeModel(version, 3)).to.throw(VersionError, /45 bytes for 3 weights/)
    expect(() => decodeModel(encodeModel(INITIAL, [Float32Array.of(1, Number.NaN, 2)]), 3)).to.throw(/moment 1 is NaN/)
    expect(() => encodeModel(INITIAL, [Float32Array.of(1)])).to.throw(RangeError, /a moment of 1 values/)
  })
})
