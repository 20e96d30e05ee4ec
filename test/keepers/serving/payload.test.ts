// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  commitmentOf,
  decodePayload,
  encodePayload,
  integersOf,
  requestInference,
  ServingError,
} from '../../../keepers/serving/index.ts'
import { calibrate, encodeInput, type IntegerProgram } from '../../../keepers/zkml/index.ts'
import { twoLayers } from '../zkml/quantise/networks.ts'
import { Random } from '../zkml/random.ts'

const SALT = 0x1234_5678_9abc_def0n

function network(): IntegerProgram {
  const random = new Random(5)
  const samples = Array.from({ length: 20 }, () => Float64Array.from(random.list(6, 0, 1)))
  return calibrate(twoLayers(random, 6, 4, 3, { kind: 'relu' }), samples, { mode: 'released' }).program
}

describe('the payload of a request', () => {
  const program = network()
  const values = Uint8Array.from(encodeInput(program, [0, 0.2, 0.4, 0.6, 0.8, 1]), (value) => value - program.input.min)
  const payload = { values, salt: SALT }
  const opened = commitmentOf(payload, program)

  const refusal = (bytes: Uint8Array, commitment = opened): string => {
    try {
      decodePayload(bytes, program, commitment)
    } catch (error) {
      expect(error).to.be.instanceOf(ServingError)
      expect((error as ServingError).code).to.equal('bad-payload')
      return (error as Error).message
    }
    return 'accepted'
  }

  it('comes back as it was, and opens its commitment', () => {
    const back = decodePayload(encodePayload(payload), program, opened)
    expect(back).to.deep.equal(payload)
    expect([...integersOf(back, program.input.min)]).to.deep.equal([
      ...encodeInput(program, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ])
  })

  it('is refused with another salt, value, length or version, each by name', () => {
    const bytes = encodePayload(payload)
    const changed = (index: number, value: number) => Uint8Array.from(bytes, (byte, i) => (i === index ? value : byte))
    expect(refusal(changed(0, 2))).to.equal('payload: version 2, expected 1')
    expect(refusal(changed(32, bytes[32]! ^ 1))).to.equal('payload: does not open the input commitment of the request')
    expect(refusal(changed(33, bytes[33]! ^ 1))).to.equal('payload: does not open the input commitment of the request')
    expect(refusal(bytes.subarray(0, -1))).to.match(/^payload: \d+ bytes, expected \d+ for 6 values$/)
    expect(refusal(Uint8Array.of(...bytes, 0))).to.match(/^payload: \d+ bytes, expected \d+ for 6 values$/)
    expect(refusal(new Uint8Array())).to.equal('payload: version undefined, expected 1')
    expect(refusal(bytes, opened + 1n)).to.equal('payload: does not open the input commitment of the request')
  })

  it('is refused when a value exceeds the circuit’s range', () => {
    const narrow = { ...program, input: { ...program.input, bits: 4 } }
    const outside = encodePayload({ values: Uint8Array.of(0, 1, 2, 16, 3, 4), salt: SALT })
    expect(() => decodePayload(outside, narrow, opened)).to.throw('payload: value 3 is 16, above 15')
  })

  it('is not made for inputs that do not fit a byte', async () => {
    const wide = { ...program, input: { ...program.input, bits: 12 } }
    const order = { signer: null as never, hub: '', modelId: 1n, program: wide, input: [0], price: 1n, seconds: 1 }
    const error = await requestInference(order).catch((failure: unknown) => failure)
    expect(error).to.be.instanceOf(ServingError)
    expect((error as ServingError).code).to.equal('wrong-circuit')
    expect((error as Error).message).to.equal("the circuit's inputs have 12 bits, a payload carries 8")
  })
})
