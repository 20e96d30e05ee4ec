// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ServingError } from '../../../keepers/serving/index.ts'
import {
  decodeReference,
  decodeWitness,
  encodeReference,
  encodeWitness,
  MAX_WITNESS_BYTES,
} from '../../../keepers/serving/prover-witness.ts'
import type { SegmentSample } from '../../../keepers/zkml/index.ts'

const MODEL_SALT = 0xdeadbeefn
const samples: SegmentSample[] = [
  {
    index: 0,
    sample: { input: Float64Array.of(3, -4, 0), context: 9n, salts: { model: MODEL_SALT, input: 5n, output: 77n } },
    scores: Float64Array.of(1),
    publicSignals: [1n, 2n, 3n, 9n],
  },
  {
    index: 1,
    sample: { input: Float64Array.of(1), context: 9n, salts: { input: 77n } },
    scores: Float64Array.of(1),
    publicSignals: [1n, 3n, 4n, 9n],
  },
]
const text = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

/** The error of a decoder, which must be a bad payload. */
function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    expect(error).to.be.instanceOf(ServingError)
    expect((error as ServingError).code).to.equal('bad-payload')
    return (error as ServingError).message
  }
  throw new Error('expected a ServingError')
}

describe('witness of a proving job', () => {
  it('carries inputs and salts of every segment, and no salt of a model', () => {
    const bytes = encodeWitness(samples)
    expect(decodeWitness(bytes)).to.deep.equal([
      { input: Float64Array.of(3, -4, 0), salts: { input: 5n, output: 77n } },
      { input: Float64Array.of(1), salts: { input: 77n } },
    ])
    expect(new TextDecoder().decode(bytes)).to.not.contain(MODEL_SALT.toString(16))
  })

  it('travels in the job or by CID', () => {
    const document = encodeWitness(samples)
    expect(decodeReference(encodeReference({ document }))).to.deep.equal({ document })
    const reference = { cid: 'bafy', providers: ['/ip4/127.0.0.1/tcp/1/p2p/12D3'] }
    expect(decodeReference(encodeReference(reference))).to.deep.equal(reference)
    const large = { document: new Uint8Array(MAX_WITNESS_BYTES) }
    expect(refusal(() => encodeReference(large))).to.match(/16384 bytes.*publish it/)
  })

  it('is refused with the field when it does not parse', () => {
    const whole = JSON.parse(new TextDecoder().decode(encodeWitness(samples)))
    const broken: [unknown, RegExp][] = [
      ['{', /no JSON/],
      [{ ...whole, version: 2 }, /version/],
      [{ ...whole, segments: [] }, /segments/],
      [{ ...whole, more: 1 }, /Unrecognized key/],
      [{ ...whole, segments: [{ input: [1.5], salts: {} }] }, /segments\.0\.input\.0/],
      [{ ...whole, segments: [{ input: [1], salts: { input: '12' } }] }, /segments\.0\.salts\.input/],
      [{ ...whole, segments: Array(65).fill(whole.segments[0]) }, /segments/],
    ]
    for (const [value, reason] of broken) expect(refusal(() => decodeWitness(text(value)))).to.match(reason)
    expect(refusal(() => decodeWitness(Uint8Array.of(0xff, 0xfe)))).to.match(/UTF-8/)
    expect(refusal(() => decodeReference(Uint8Array.of()))).to.match(/kind none/)
    expect(refusal(() => decodeReference(Uint8Array.of(7, 1)))).to.match(/kind 7/)
    const crowd = { cid: 'bafy', providers: Array(9).fill('/ip4/127.0.0.1') }
    expect(refusal(() => decodeReference(Uint8Array.of(2, ...text(crowd))))).to.match(/providers/)
  })
})
