// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { AgentError } from '../../../keepers/agent/errors.ts'
import { decodeKeyIndex, encodeKeyIndex } from '../../../keepers/agent/key-index.ts'
import { applyUpdate } from '../../../keepers/agent/models.ts'
import { keyCommitment, updateCommitment } from '../../../keepers/agent/steps/commitments.ts'
import { updateIntentName } from '../../../keepers/agent/steps/intents.ts'
import { clip } from '../../../keepers/versions/clip.ts'

const CID_TEXT = 'bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'

describe('key index', () => {
  const index = {
    manifestHash: new Uint8Array(32).fill(1),
    dealing: new Uint8Array(500).fill(3),
    sealed: [CID_TEXT, CID_TEXT],
  }

  it('round-trips and refuses every truncation of it', () => {
    const bytes = encodeKeyIndex(index)
    const back = decodeKeyIndex(bytes, 2)
    expect(back.sealed).to.deep.equal(index.sealed)
    expect(Buffer.from(back.dealing).equals(Buffer.from(index.dealing))).to.equal(true)
    const head = bytes.length - index.dealing.length
    for (let length = 0; length < head; length += 7) {
      expect(() => decodeKeyIndex(bytes.slice(0, length), 2), `${length} bytes`).to.throw(AgentError)
    }
    expect(() => decodeKeyIndex(bytes, 3)).to.throw(/2 members/)
  })
})

describe('updates', () => {
  it('are bounded in norm and in each entry, and keep their direction', () => {
    const global = Float32Array.of(1, 1, 1)
    const { norm, update } = clip(Float32Array.of(4, 5, 1), global, 10, 2.5)
    expect(norm).to.equal(5)
    expect([...update]).to.deep.equal([1.5, 2, 0])
    expect([...clip(Float32Array.of(4, -5, 1), global, 1, 100).update]).to.deep.equal([1, -1, 0])
  })

  it('are refused when training diverged', () => {
    expect(() => clip(Float32Array.of(Number.NaN), Float32Array.of(0), 1, 1)).to.throw(/diverged/)
    expect(() => clip(Float32Array.of(Number.POSITIVE_INFINITY), Float32Array.of(0), 1, 1)).to.throw(/diverged/)
  })

  it('are added with one rounding, so that equal means give equal bits', () => {
    const start = (count: number) => ({ weights: new Float32Array(count).fill(0.1), moments: [] })
    const { weights: sum, moments } = applyUpdate(start(1), Float64Array.of(1e-9))
    expect(moments).to.deep.equal([])
    expect(sum[0]).to.equal(Math.fround(Math.fround(0.1) + 1e-9))
    expect(() => applyUpdate(start(2), new Float64Array(3))).to.throw(/2 weights, a mean of 3/)
  })
})

describe('commitments', () => {
  const where = { chainId: 31337n, serviceAddress: '0x5FbDB2315678afecb367f032d93F642f64180aa3' }
  const salt = `0x${'11'.repeat(32)}`

  it('are bound to chain, service, epoch or round, seat and content', () => {
    const key = { cid: CID_TEXT, salt }
    const update = { cid: CID_TEXT, salt, size: 10, samples: 5 }
    const all = [
      keyCommitment(where, 1, 0, key),
      keyCommitment(where, 2, 0, key),
      keyCommitment(where, 1, 1, key),
      keyCommitment({ ...where, chainId: 1n }, 1, 0, key),
      updateCommitment(where, 1, 0, update),
      updateCommitment(where, 1, 0, { ...update, samples: 6 }),
      updateCommitment(where, 1, 0, { ...update, size: 11 }),
    ]
    expect(new Set(all).size).to.equal(all.length)
  })

  it('are kept under names that a reorganised epoch does not share', () => {
    const info = {
      epoch: 1,
      members: 3n,
      threshold: 2,
      quorum: 2,
      decryptions: 0,
      keyHash: '0x',
      undraftable: 0n,
      crsSeed: `0x${'aa'.repeat(32)}`,
    }
    const other = { ...info, crsSeed: `0x${'bb'.repeat(32)}` }
    expect(updateIntentName(info, 1)).not.to.equal(updateIntentName(other, 1))
  })
})
