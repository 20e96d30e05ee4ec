// SPDX-License-Identifier: GPL-3.0-or-later
// What colluders, readers and liars try against a threshold inference, and the same without the defence.
import { expect } from 'chai'
import { openSealed, sealTo } from '../../../../keepers/fhe/envelope.ts'
import { answerBinding, answerInference } from '../../../../keepers/fhe/inference/answer.ts'
import { withOutputs } from '../../../../keepers/fhe/inference/evaluation.ts'
import { evaluateClear } from '../../../../keepers/fhe/inference/network.ts'
import { readRequest, shareBinding } from '../../../../keepers/fhe/inference/request.ts'
import { modulo } from '../../../../keepers/fhe/inference/ring.ts'
import { invert } from '../../../../keepers/fhe/kernel/layout.ts'
import { roundPolynomial } from '../../../../keepers/fhe/round-polynomial.ts'
import { lagrangeAtZero } from '../../../../keepers/fhe/shamir.ts'
import { coefficients, toWords } from '../arithmetic.ts'
import { answer, answers, ask, network, open, read, type Session, samples } from './session.ts'

type Asked = ReturnType<typeof ask>

/** What a keeper finds in its envelope: f(α_self), residues in NTT form. */
function shareOf({ pairs, keepers, ring }: Session, asked: Asked, self: number): BigUint64Array {
  const { hash } = readRequest(ring, asked.bytes)
  const own = { publicKey: keepers[self]!, secretKey: pairs[self]!.secretKey }
  const sealed = asked.shares[asked.answering.indexOf(self)]!
  return openSealed(own, sealed, shareBinding(hash, self), (share) => toWords(share))
}

/** Σ λ_j·f(α_j) over these keepers: the requester's secret if they are enough. */
function interpolated(session: Session, asked: Asked, of: readonly number[]): Uint8Array {
  const { kernel } = session.ring
  const shares = of.map((self) => shareOf(session, asked, self))
  const out = new BigUint64Array(kernel.degree * kernel.dataPrimeCount)
  for (let l = 0; l < kernel.dataPrimeCount; l++) {
    const p = kernel.primes[l]!
    const lambdas = of.map((self) => lagrangeAtZero(of, self, p))
    for (let k = l * kernel.degree; k < (l + 1) * kernel.degree; k++) {
      out[k] = shares.reduce((sum, share, i) => (sum + lambdas[i]! * share[k]!) % p, 0n)
    }
  }
  return new Uint8Array(out.buffer)
}

/** The first input of every sample under a secret: (c0 + a·s) / scale, in slots. */
function firstInputs({ ring }: Session, asked: Asked, secret: Uint8Array): Float64Array {
  const { kernel, slots, terms } = ring
  const request = readRequest(ring, asked.bytes)
  const plain = kernel.borrow([kernel.polynomialBytes, kernel.polynomialBytes, kernel.polynomialBytes], (sum, a, s) => {
    kernel.write(sum!, request.ciphertexts[0]!)
    kernel.write(a!, roundPolynomial(kernel, request.polynomialSeed, 0))
    kernel.write(s!, secret)
    ring.addProduct(sum!, a!, s!)
    return coefficients(kernel, kernel.read(sum!))
  })
  return slots.decode(
    Float64Array.from(plain, (value) => Number(value) * 2 ** -terms.scaleBits),
    request.samples,
  )
}

describe('threshold inference under attack', function () {
  this.timeout(60_000)

  it('t colluding keepers open the inputs; t − 1 of them find a uniform secret, and no input', async () => {
    const session = await open(network(2, 2), { members: 5, threshold: 3 })
    const of = samples(8, 2)
    const asked = ask(session, of)
    const opened = firstInputs(session, asked, interpolated(session, asked, [0, 1, 2]))
    for (const [s, sample] of of.entries()) expect(opened[s]).to.be.closeTo(sample[0]!, 1e-9)
    for (const few of [[0], [0, 1], [1, 2], [0, 2]]) {
      const guess = interpolated(session, asked, few)
      // A secret has coefficients of −1, 0 and 1. These are as large as the modulus, and so are the inputs under them.
      const sizes = coefficients(session.ring.kernel, guess).map((value) => Math.abs(Number(value)))
      expect(Math.log2(sizes.toSorted((x, y) => x - y)[sizes.length / 2]!)).to.be.above(235)
      const shut = firstInputs(session, asked, guess)
      expect(Math.min(...shut.map((value, s) => Math.abs(value - of[s]![0]!)))).to.be.above(1000)
    }
  })

  it('from c_0 in the open the reader solves for the weights; an answer has it only under masks and flooding', async () => {
    const session = await open(network(3, 2), { members: 3, threshold: 2 })
    const { ring } = session
    const { kernel } = ring
    const asked = ask(session, samples(1, 3))
    const request = readRequest(ring, asked.bytes)
    const open0 = withOutputs(ring, session.network, request, (outputs) => toWords(kernel.read(outputs[0]![0]!)))
    const inputs = request.ciphertexts.map((bytes) => toWords(bytes))
    const p = kernel.primes[0]!
    /** Weights from three coefficients, and what the bias adds from a fourth: they must fit a fifth. */
    const solve = (output: BigUint64Array): bigint[] => {
      const rows = [0, 1, 2, 3].map((k) => [...inputs.map((c0) => c0[k]!), 1n, output[k]!])
      return eliminated(rows, p).map((value) => (value > p / 2n ? value - p : value))
    }
    const weights = session.network.layers[0]!.weights[0]!
    expect(solve(open0).slice(0, 3).map(Number)).to.deep.equal(weights)

    // The same from the sum of all parts, whose c_1·s the requester knows: flooding is in every coefficient.
    const parts = await answers(session, asked)
    const polynomials = parts.map((sealed, i) => plainOf(session, asked, sealed, asked.answering[i]!))
    const secret = toWords(interpolated(session, asked, [0, 1]))
    const c1 = withOutputs(ring, session.network, request, (outputs) => toWords(kernel.read(outputs[0]![1]!)))
    const rest = BigUint64Array.from({ length: kernel.degree }, (_, k) =>
      modulo(polynomials.reduce((sum, one) => sum + one[k]!, 0n) - c1[k]! * secret[k]!, p),
    )
    const found = solve(rest).slice(0, 3).map(Number)
    for (const [i, weight] of weights.entries()) expect(found[i]).to.not.equal(weight)
  })

  it('a keeper that lies shifts an answer as it likes, unseen; another draft of keepers shows that somebody lied', async () => {
    const session = await open(network(2, 2), { members: 4, threshold: 2 })
    const of = samples(1, 2)
    const truth = evaluateClear(session.network, of[0]!)
    const asked = ask(session, of, [0, 1])
    // Keeper 0 answers for another network, one with a bias of 1 more: its part is well-formed.
    const [layer] = session.network.layers
    const other = { layers: [{ ...layer!, bias: layer!.bias.map((bias) => bias + 1) }] }
    const lie = await answer({ ...session, network: other }, asked, 0)
    const [shifted] = read(session, asked, [lie, await answer(session, asked, 1)])
    expect(shifted![0]! - truth[0]!).to.be.closeTo(1, 1e-6)
    // The same samples for two others.
    const again = ask(session, of, [2, 3])
    const [honest] = read(session, again, await answers(session, again))
    expect(Math.abs(honest![0]! - shifted![0]!)).to.be.above(2 * session.ring.terms.error)
    expect(honest![0]).to.be.closeTo(truth[0]!, 1e-6)
  })

  it('a part is flooded, and masked, too: whoever knows a share and removes its product finds neither zeros nor flooding', async () => {
    const session = await open(network(2, 1), { members: 2, threshold: 2 })
    const { ring } = session
    const { kernel, terms } = ring
    const asked = ask(session, samples(1, 2))
    const request = readRequest(ring, asked.bytes)
    /** What is left of each part, coefficient by coefficient, and the sum of both. */
    const rests: BigUint64Array[] = []
    for (const self of asked.answering) {
      const f = shareOf(session, asked, self)
      const part = plainOf(session, asked, await answer(session, asked, self), self)
      const lambdas = kernel.primes.map((p) => lagrangeAtZero(asked.answering, self, p))
      const known = withOutputs(ring, session.network, request, ([output]) =>
        output!.map((block) => toWords(kernel.read(block))),
      )
      rests.push(
        part.map((word, k) => {
          const l = primeAt(session, k)
          const p = kernel.primes[l]!
          const product = lambdas[l]! * ((known[1]![k]! * f[k]!) % p)
          return modulo(word - product - (self === 0 ? known[0]![k]! : 0n), p)
        }),
      )
    }
    const sum = rests[0]!.map((word, k) => (word + rests[1]![k]!) % kernel.primes[primeAt(session, k)]!)
    const median = (words: BigUint64Array) => {
      const sizes = coefficients(kernel, new Uint8Array(words.buffer)).map((value) => Math.abs(Number(value)))
      return Math.log2(sizes.toSorted((x, y) => x - y)[sizes.length / 2]!)
    }
    // Without masks each rest is as short as the sum, which is the flooding of two; without flooding the sum is 0.
    const bits = terms.flooding.uniformBits * terms.flooding.limbs
    expect(median(sum)).to.be.within(bits - 3, bits + 2)
    for (const rest of rests) expect(median(rest)).to.be.above(235)
  })

  it('two shares under one request show c_1, and so the weights, without flooding: a keeper takes one', async () => {
    const session = await open(network(3, 2), { members: 3, threshold: 2 })
    const { ring, pairs, keepers } = session
    const asked = ask(session, samples(1, 3))
    const request = readRequest(ring, asked.bytes)
    const p = ring.kernel.primes[0]!
    /** The requester adds `more` to every residue of the share of keeper 1. */
    const partFor = async (more: bigint) => {
      const words = shareOf(session, asked, 1).map(
        (word, k) => (word + more) % ring.kernel.primes[primeAt(session, k)]!,
      )
      const share = sealTo(keepers[1]!, new Uint8Array(words.buffer), shareBinding(request.hash, 1))
      const of = { network: session.network, request: asked.bytes, share, self: 1, own: pairs[1]!, keepers }
      return plainOf(session, asked, await answerInference(ring, of), 1)
    }
    const steal = async () => {
      const [one, other] = [await partFor(0n), await partFor(1n)]
      const inverse = invert(lagrangeAtZero(asked.answering, 1, p), p)
      const halves = [0, 1, 2].map((i) => toWords(roundPolynomial(ring.kernel, request.polynomialSeed, i)))
      const rows = [0, 1, 2].map((k) => [...halves.map((a) => a[k]!), (modulo(other[k]! - one[k]!, p) * inverse) % p])
      return eliminated(rows, p).map((value) => Number(value > p / 2n ? value - p : value))
    }
    const found = await steal().catch((error: { code: string }) => error.code)
    // Without the hashes of shares: session.network.layers[0].weights[0].
    expect(found).to.equal('sealed-share-mismatch')
  })

  it('a request that is repeated after the network changed has other flooding: parts do not show the difference', async () => {
    const session = await open(network(2, 1), { members: 2, threshold: 2 })
    const { kernel } = session.ring
    const [layer] = session.network.layers
    const weights = layer!.weights.map(([first, ...rest]) => [first! - 1, ...rest])
    const other = { ...session, network: { layers: [{ ...layer!, weights }] } }
    const asked = ask(session, samples(1, 2))
    const part = async (of: Session) => plainOf(session, asked, await answer(of, asked, 1), 1)
    const [before, after] = [await part(session), await part(other)]
    // λ·a_0·f: what the difference is when the flooding is the same.
    const a = toWords(roundPolynomial(kernel, readRequest(session.ring, asked.bytes).polynomialSeed, 0))
    const [p, f] = [kernel.primes[0]!, shareOf(session, asked, 1)]
    const lambda = lagrangeAtZero(asked.answering, 1, p)
    const bare = [0, 1, 2].map((k) => (((lambda * a[k]!) % p) * f[k]!) % p)
    expect([0, 1, 2].map((k) => modulo(before[k]! - after[k]!, p))).to.not.deep.equal(bare)
  })

  it('a repeated request has the same flooding: the mean of many answers is one answer', async () => {
    const session = await open(network(2, 1), { members: 2, threshold: 2 })
    const asked = ask(session, samples(1, 2))
    const [once, again] = [await answers(session, asked), await answers(session, asked)]
    for (const [i, keeper] of asked.answering.entries()) {
      expect(plainOf(session, asked, again[i]!, keeper)).to.deep.equal(plainOf(session, asked, once[i]!, keeper))
    }
    // A new request, even of the same samples, is under a new secret.
    const fresh = ask(session, samples(1, 2))
    expect(plainOf(session, fresh, (await answers(session, fresh))[0]!, 0)).to.not.deep.equal(
      plainOf(session, asked, once[0]!, 0),
    )
  })
})

/** Words of the first output in a keeper's part, as the reader finds them. */
function plainOf({ reader, ring }: Session, asked: Asked, sealed: Uint8Array, keeper: number): BigUint64Array {
  const { hash } = readRequest(ring, asked.bytes)
  return openSealed(reader, sealed, answerBinding(hash, keeper), (plain) =>
    toWords(plain.slice(34, 34 + ring.kernel.polynomialBytes)),
  )
}

/** Which prime the k-th word of a polynomial is a residue of. */
function primeAt({ ring }: Session, k: number): number {
  return Math.floor(k / ring.kernel.degree)
}

/** Gauss's elimination modulo p: the solution of as many equations as unknowns. */
function eliminated(rows: bigint[][], p: bigint): bigint[] {
  const n = rows.length
  for (let column = 0; column < n; column++) {
    const pivot = rows.findIndex((row, i) => i >= column && row[column] !== 0n)
    ;[rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!]
    const inverse = invert(rows[column]![column]!, p)
    rows[column] = rows[column]!.map((value) => (value * inverse) % p)
    for (let i = 0; i < n; i++) {
      if (i === column) continue
      const factor = rows[i]![column]!
      rows[i] = rows[i]!.map((value, k) => modulo(value - factor * rows[column]![k]!, p))
    }
  }
  return rows.map((row) => row[n]!)
}
