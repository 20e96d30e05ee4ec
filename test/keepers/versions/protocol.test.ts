// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { encodeHeader } from '../../../keepers/fhe/header.ts'
import {
  decodeManifest,
  encodeManifest,
  encodeModel,
  exampleManifest,
  VersionError,
} from '../../../keepers/versions/index.ts'
import { PROTOCOLS, requireProtocol } from '../../../keepers/versions/protocol.ts'

/** The versions of what members send each other, by protocol. A change to the right of one that was released is a protocol of its own. */
const WIRE: Readonly<Record<number, { readonly messages: number; readonly model: number }>> = {
  1: { messages: 6, model: 1 },
}

const withProtocol = (protocol: unknown, more: object = {}): Uint8Array => {
  const json = JSON.parse(new TextDecoder().decode(encodeManifest(exampleManifest('logistic'))))
  return new TextEncoder().encode(JSON.stringify({ ...json, ...more, protocol }))
}

function refusal(body: () => unknown): VersionError {
  try {
    body()
  } catch (error) {
    if (error instanceof VersionError) return error
    throw error
  }
  throw new Error('expected a VersionError')
}

describe('the protocol of a service', () => {
  it('is what this release sends: other bytes need another number', () => {
    const header = encodeHeader({
      type: 'update',
      sender: 0,
      context: { chainId: 1n, service: `0x${'11'.repeat(20)}`, epoch: 1, round: 1 },
      planHash: new Uint8Array(32),
    })
    const newest = Math.max(...PROTOCOLS)
    expect({ messages: header[4], model: encodeModel(new Float32Array(1))[4] }).to.deep.equal(WIRE[newest])
  })

  it('is refused by its number before anything else of the manifest is read, by a release that does not speak it', () => {
    const error = refusal(() => decodeManifest(withProtocol(2, { somethingNew: true }), 'm'))
    expect([error.code, error.exitCode]).to.deep.equal(['PROTOCOL', 78])
    expect(error.message).to.equal(
      "m: protocol: the service's members speak 2, this release speaks 1: install a newer release of cohort before the next epoch",
    )
  })

  it('is refused by a newer release that has given up the old one, and served by one that has both', () => {
    const old = refusal(() => requireProtocol(undefined, { where: 'm', spoken: [2] }))
    expect(old.message).to.match(
      /members speak 1, this release speaks 2: install the release that the service was made for/,
    )
    requireProtocol(undefined, { where: 'm', spoken: [1, 2] })
    requireProtocol(2, { where: 'm', spoken: [1, 2] })
    expect(refusal(() => requireProtocol(3, { where: 'm', spoken: [1, 2] })).message).to.match(/speaks 1 and 2/)
  })

  it('has one spelling of the first, so that its manifest has one digest, and takes no nonsense', () => {
    expect(refusal(() => decodeManifest(withProtocol(1), 'm'))).to.include({ code: 'BAD_MANIFEST' })
    for (const nonsense of ['2', 0, 1.5, null, 70_000]) {
      expect(
        refusal(() => decodeManifest(withProtocol(nonsense), 'm')),
        String(nonsense),
      ).to.include({
        code: 'BAD_MANIFEST',
      })
    }
  })
})
