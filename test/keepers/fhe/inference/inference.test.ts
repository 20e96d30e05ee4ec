// SPDX-License-Identifier: GPL-3.0-or-later
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { generateEncryptionKey } from '../../../../keepers/fhe/index.ts'
import { evaluateClear } from '../../../../keepers/fhe/inference/network.ts'
import { Slots } from '../../../../keepers/fhe/inference/slots.ts'
import { inferenceTerms } from '../../../../keepers/fhe/inference/terms.ts'
import { answer, answers, ask, network, open, read, type Session, samples } from './session.ts'

/** The largest difference between answers and the network in the clear. */
async function farthest(session: Session, count: number, answering?: number[]): Promise<number> {
  const asked = samples(count, session.ring.terms.inputs)
  const request = ask(session, asked, answering)
  const outputs = read(session, request, await answers(session, request))
  expect(outputs).to.have.length(count)
  return Math.max(
    ...asked.flatMap((sample, s) =>
      evaluateClear(session.network, sample).map((y, o) => Math.abs(y - outputs[s]![o]!)),
    ),
  )
}

describe('threshold inference', function () {
  this.timeout(60_000)

  it('slots multiply one by one, and hold what they were given', () => {
    const slots = new Slots(16)
    const [a, b] = [slots.encode([1, -2, 3.5, 0, 7]), slots.encode([2, 5, -1, 4, 0.5])]
    const product = new Float64Array(16)
    for (const [i, x] of a.entries()) {
      // X^16 = −1.
      for (const [j, y] of b.entries()) product[(i + j) % 16]! += i + j < 16 ? x * y : -x * y
    }
    const found = slots.decode(product, 8)
    for (const [j, expected] of [2, -10, -3.5, 0, 3.5, 0, 0, 0].entries()) {
      expect(found[j]).to.be.closeTo(expected, 1e-12)
    }
    expect(() => slots.encode(new Float64Array(9))).to.throw(/9 values for 8 slots/)
  })

  it('of dense layers alone, any t keepers answer what the network says in the clear', async () => {
    const session = await open(network(6, 3), { members: 5, threshold: 3 })
    expect(session.ring.terms.answering).to.equal(3)
    expect(await farthest(session, 4, [1, 2, 4])).to.be.below(session.ring.terms.error)
    expect(session.ring.terms.error).to.be.below(1e-6)
  })

  it('with a square between two layers, 2t − 1 keepers do, without an evaluation key', async () => {
    const session = await open(network(4, 5, 2), { members: 4, threshold: 2 })
    expect(session.ring.terms.answering).to.equal(3)
    expect(await farthest(session, 3, [0, 2, 3])).to.be.below(session.ring.terms.error)
    expect(session.ring.terms.error).to.be.below(1e-4)
  })

  it('the bound on the error is not far from the errors', async () => {
    const session = await open(network(4, 3, 2), { members: 3, threshold: 2, statisticalBits: 110 })
    const found = await farthest(session, 64)
    expect(found).to.be.within(session.ring.terms.error / 1000, session.ring.terms.error)
  })

  it('a bias has all bits of a double', async () => {
    const layer = { weights: [[1]], bias: [1 / 3 + 2 ** -42], weightBits: 0 }
    const session = await open({ layers: [layer] }, { members: 2, threshold: 2, statisticalBits: 30 })
    const request = ask(session, [[0]])
    const [[found]] = read(session, request, await answers(session, request)) as [Float64Array]
    // Rounded to 2^-40, it would be off by 2^-42.
    expect(Math.abs(found! - layer.bias[0]!)).to.be.below(2 ** -43)
  })

  it('a request holds up to half as many samples as the ring has coefficients, at the cost of one', async () => {
    const session = await open(network(2, 1), { members: 2, threshold: 2 })
    const [one, many] = [ask(session, samples(1, 2)), ask(session, samples(8192, 2))]
    expect(many.bytes.length).to.equal(one.bytes.length)
    expect(await farthest(session, 8192)).to.be.below(session.ring.terms.error)
    expect(() => ask(session, samples(8193, 2))).to.throw(/samples: 8193 given; 1 to 8192/)
  })

  it('terms that cannot be kept are refused, with the fix', () => {
    const one = network(4, 5, 2)
    const of = { members: 4, threshold: 3, clipBound: 4 }
    expect(() => inferenceTerms(one, of)).to.throw(/take 5 keepers of 4; lower the threshold to 2/)
    expect(() => inferenceTerms(network(4, 4, 4, 2), { ...of, members: 9 })).to.throw(
      /plan-impossible: statisticalBits/,
    )
    expect(() => inferenceTerms(one, { ...of, threshold: 1 })).to.throw(/threshold is 1; an integer from 2 to 4/)
    expect(() => inferenceTerms(one, { ...of, clipBound: 0 })).to.throw(/clipBound is 0/)
    expect(() => inferenceTerms({ layers: [] }, of)).to.throw(/0 dense layers; 1 to 3/)
    const [layer] = one.layers
    const bent = { layers: [{ ...layer!, bias: [1] }] }
    expect(() => inferenceTerms(bent, of)).to.throw(/layers\[0\].bias: 1 values for 5 outputs/)
    expect(() => inferenceTerms({ layers: [layer!, layer!] }, of)).to.throw(/layers\[1\].weights\[0\]: 4 weights for 5/)
    const half = { layers: [{ ...layer!, weights: layer!.weights.map((row) => row.map((w) => w + 0.5)) }] }
    expect(() => inferenceTerms(half, of)).to.throw(/weights must be whole numbers/)
  })

  it('the example in docs/uses/privacy.md prints what the page says', async () => {
    const page = await readFile(new URL('../../../../docs/uses/privacy.md', import.meta.url), 'utf8')
    const [, code] = /```js\n([\s\S]*?)```/.exec(page)!
    const [, printed] = /It prints `([^`]+)`/.exec(page)!
    const room = new URL('../../../../keepers/fhe/index.ts', import.meta.url).href
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...['--disable-warning=ExperimentalWarning', '--input-type=module', '-e'],
      code!.replace("'@cohort-ai/fhe'", JSON.stringify(room)),
    ])
    expect(stdout.trim()).to.equal(printed)
  })

  describe('refuses', () => {
    let session: Session
    let asked: ReturnType<typeof ask>
    before(async () => {
      session = await open(network(2, 2), { members: 3, threshold: 2 })
      asked = ask(session, samples(2, 2))
    })
    const changed = (at: number, to: number) => {
      const bytes = asked.bytes.slice()
      bytes[at] = to
      return { ...asked, bytes }
    }
    const code = async (act: () => unknown): Promise<string> => {
      try {
        await act()
      } catch (error) {
        return (error as { code: string }).code
      }
      return 'nothing'
    }

    it('inputs beyond the bound, and too few keepers', () => {
      expect(() => ask(session, [[0, 4.5]])).to.throw(/samples\[0\]\[1\]: 4.5 is not within ±4/)
      expect(() => ask(session, [[0, Number.NaN]])).to.throw(/NaN is not within/)
      expect(() => ask(session, [[0]])).to.throw(/1 numbers for 2 inputs/)
      expect(() => ask(session, samples(1, 2), [0])).to.throw(/1 keepers cannot answer/)
      expect(() => ask(session, samples(1, 2), [0, 0])).to.throw(/distinct/)
    })

    it('requests of other terms, for other keepers, cut short, or with residues that are none', async () => {
      expect(await code(() => answer(session, changed(0, asked.bytes[0]! ^ 1), 0))).to.equal('wrong-plan')
      expect(await code(() => answer(session, { ...asked, bytes: asked.bytes.slice(0, -1) }, 0))).to.equal('truncated')
      const longer = new Uint8Array(asked.bytes.length + 1)
      longer.set(asked.bytes)
      expect(await code(() => answer(session, { ...asked, bytes: longer }, 0))).to.equal('trailing-bytes')
      expect(await code(() => answer(session, { ...asked, answering: [2], shares: [asked.shares[0]!] }, 2))).to.equal(
        'not-in-active-set',
      )
      const high = asked.bytes.slice()
      high.fill(255, high.length - 8)
      expect(await code(() => answer(session, { ...asked, bytes: high }, 0))).to.equal('coefficient-out-of-range')
      // Samples, of which 0 is none.
      expect(await code(() => answer(session, changed(64, 0), 0))).to.equal('malformed-message')
    })

    it('a share that was dealt for another request: nobody changes reader, keepers or inputs of one', async () => {
      const at = 32 + 32 + 4 + 2 * 2
      for (const place of [40, 64, at, at + 40]) {
        const bytes = changed(place, asked.bytes[place]! ^ 1)
        expect(await code(() => answer(session, bytes, 0)), `byte ${place}`).to.equal('ephemeral-key-invalid')
      }
      const other = ask(session, samples(1, 2))
      expect(await code(() => answer(session, { ...asked, shares: other.shares }, 0))).to.equal('ephemeral-key-invalid')
    })

    it('answers of others, of other requests, and to other readers', async () => {
      const [first, second] = (await answers(session, asked)) as [Uint8Array, Uint8Array]
      expect(await code(() => read(session, asked, [first]))).to.equal('too-few-shares')
      expect(await code(() => read(session, asked, [second, first]))).to.equal('ephemeral-key-invalid')
      const stranger = { ...session, reader: generateEncryptionKey() }
      expect(await code(() => read(stranger, asked, [first, second]))).to.equal('sealed-share-unreadable')
      const spoilt = first.slice()
      spoilt[spoilt.length - 1]! ^= 1
      expect(await code(() => read(session, asked, [spoilt, second]))).to.equal('sealed-share-unreadable')
    })
  })
})
