// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ZeroHash } from 'ethers'
import {
  agreedDigests,
  disagreement,
  exampleManifest,
  manifestDigest,
  requireAgreed,
  VersionError,
} from '../../../keepers/versions/index.ts'

const own = exampleManifest('logistic')
const digest = manifestDigest(own)
const other = manifestDigest(exampleManifest('mlp'))

const service = (current: string, next?: string) => ({
  parameters: async () => ({ manifest: current }),
  pendingParameters: async () => [next !== undefined, { manifest: next ?? ZeroHash }] as const,
})

describe('a keeper`s manifest beside the chain`s', () => {
  it('agrees with the one in force, with the one of the next epoch, and with none', async () => {
    for (const [current, next] of [
      [digest],
      [ZeroHash],
      [other, digest],
      [digest, other],
      [other, ZeroHash],
    ] as const) {
      expect(disagreement(await agreedDigests(service(current, next)), own), `${current} ${next}`).to.equal(null)
    }
  })

  it('disagrees with another, in one line with both digests and what to do', async () => {
    for (const [current, next, wanted] of [
      [other, undefined, other],
      [other, `0x${'11'.repeat(32)}`, `0x${'11'.repeat(32)}`],
    ] as const) {
      const agreed = await agreedDigests(service(current, next))
      expect(() => requireAgreed(agreed, own, 'fetch it'))
        .to.throw(VersionError, `this keeper's manifest is ${digest}, the service's is ${wanted}: fetch it`)
        .with.property('exitCode', 78)
    }
  })
})
