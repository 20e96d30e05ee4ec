// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Core } from '../../../keepers/fhe/core.ts'
import {
  aggregate,
  checkUpdate,
  combine,
  type Engine,
  encryptUpdate,
  MemoryShareGuard,
  openEngine,
  type Plan,
  parameterSet,
  partialDecrypt,
  updateFromSeal,
} from '../../../keepers/fhe/index.ts'
import { Kernel } from '../../../keepers/fhe/kernel/kernel.ts'
import { pack } from '../../../keepers/fhe/packing.ts'
import { decodeCiphertext, encodeCiphertext } from '../../../keepers/fhe/seal-format.ts'
import { add, coefficients, garbage, toWords } from './arithmetic.ts'
import { type Ceremony, ceremony, ROUND, testPlan, vectorOf } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { messageBytes, openSeal, secretKeyBytes } from './seal-objects.ts'

type Seal = Awaited<ReturnType<typeof openSeal>>

describe('fhe against SEAL', () => {
  // A scale at which doubles, not flooding, set the precision of what SEAL does alone.
  let plan: Plan
  let engine: Engine
  let seal: Seal
  let keys: Ceremony
  let secret: Uint8Array
  before(async () => {
    plan = testPlan(1, 1)
    engine = await openEngine(plan)
    seal = await openSeal(plan.set)
    keys = await ceremony(engine)
    // With one member, x_0 is the secret key itself, over the data primes; over the special prime we add its residues.
    secret = keys.shares.get(0)!.material.reveal((material) => {
      const s = coefficients(engine.kernel, material.subarray(0, plan.bytes.polynomial))
      const special = plan.set.primes.at(-1)!
      const block = engine.kernel.allocate(8 * plan.set.degree)
      const residues = BigUint64Array.from(s, (value) => (value + special) % special)
      engine.kernel.write(block, new Uint8Array(residues.buffer))
      engine.kernel.calls.forward(engine.kernel.records.at(-1)!, block.at, engine.kernel.logDegree)
      return Buffer.concat([material.subarray(0, plan.bytes.polynomial), engine.kernel.read(block)])
    })
  })
  after(() => engine.close())

  const expected = () => ({ context: ROUND, sender: 0, collectiveKeyHash: keys.collectiveKey.hash })

  it('the inverse transform of SEAL’s secret keys is ternary, modulo every prime, in both rings', async () => {
    for (const name of ['default', 'precise']) {
      const set = parameterSet(name)
      const kernel = await Kernel.open(testPlan(5, 3, { set: name }))
      const own = await openSeal(set)
      const bytes = own.save(new own.seal.KeyGenerator(own.context).secretKey())
      if (name === 'default') expect(bytes.length).to.equal(196_696)
      const block = kernel.allocate(8 * set.degree)
      for (const [l, p] of set.primes.entries()) {
        kernel.write(block, bytes.subarray(88 + 8 * set.degree * l, 88 + 8 * set.degree * (l + 1)))
        kernel.calls.inverse(kernel.records[l]!, block.at, kernel.logDegree)
        const counts = [0, 0, 0]
        for (const value of toWords(kernel.read(block))) {
          const digit = value === 0n ? 0 : value === 1n ? 1 : value === p - 1n ? 2 : -1
          if (digit < 0) expect.fail(`${value} modulo prime ${l} is not ternary`)
          counts[digit]!++
        }
        for (const count of counts) expect(count).to.be.closeTo(set.degree / 3, set.degree / 20)
      }
    }
  })

  it('our secret is ternary and balanced, and a SEAL SecretKey of it loads', () => {
    const s = coefficients(engine.kernel, secret.subarray(0, plan.bytes.polynomial))
    const counts = new Map<bigint, number>()
    for (const value of s) counts.set(value, (counts.get(value) ?? 0) + 1)
    expect([...counts.keys()].sort()).to.deep.equal([-1n, 0n, 1n])
    for (const count of counts.values()) expect(count).to.be.closeTo(8192 / 3, 300)
    expect(secretKeyBytes(plan.set, secret).length).to.equal(196_696)
    seal.secretKey(secretKeyBytes(plan.set, secret)).delete()
  })

  it('SEAL encrypts under the collective key, SEAL decrypts what we encrypt, to the last bits of a double', async () => {
    const { encoder, context, seal: module } = seal
    expect(keys.collectiveKey.bytes.length).to.equal(393_329)
    const encryptor = new module.Encryptor(context, seal.publicKey(keys.collectiveKey.bytes))
    const decryptor = new module.Decryptor(context, seal.secretKey(secretKeyBytes(plan.set, secret)))
    const values = vectorOf(4096, 1)
    const [plaintext, ciphertext] = [seal.plaintext(), seal.ciphertext()]
    encoder.encode(values, 2 ** plan.scaleBits, plaintext)
    encryptor.encrypt(plaintext, ciphertext)
    decryptor.decrypt(ciphertext, plaintext)
    const theirs = encoder.decodeFloat64(plaintext) as Float64Array
    for (const [i, value] of values.entries()) expect(theirs[i]).to.be.closeTo(value, 2 ** -40)

    const vector = vectorOf(plan.vectorLength, 2)
    const update = await encryptUpdate(engine, {
      context: ROUND,
      sender: 0,
      collectiveKey: keys.collectiveKey,
      vector,
      weight: 0.5,
    })
    const { polynomial } = plan.bytes
    const [c0, c1] = [update.subarray(-2 * polynomial, -polynomial), update.subarray(-polynomial)]
    const ours = encodeCiphertext(plan.set, plan.scaleBits, c0, c1)
    expect(ours.length).to.equal(262_257)
    decryptor.decrypt(seal.ciphertext(ours), plaintext)
    const slots = encoder.decodeFloat64(plaintext) as Float64Array
    const packed = pack(plan, vector, 0.5, 0)
    for (const [i, value] of packed.entries()) expect(slots[i]).to.be.closeTo(value, 2 ** -40)
  })

  it('a wrong secret key decrypts nothing: what the test above shows is our key', () => {
    const { context, seal: module, encoder } = seal
    const encryptor = new module.Encryptor(context, seal.publicKey(keys.collectiveKey.bytes))
    const other = new module.Decryptor(context, new module.KeyGenerator(context).secretKey())
    const [plaintext, ciphertext] = [seal.plaintext(), seal.ciphertext()]
    encoder.encode(new Float64Array(4096).fill(3), 2 ** plan.scaleBits, plaintext)
    encryptor.encrypt(plaintext, ciphertext)
    other.decrypt(ciphertext, plaintext)
    const slots = encoder.decodeFloat64(plaintext) as Float64Array
    expect(slots.filter((value) => Math.abs(value - 3) < 1).length).to.be.below(5)
  })

  it('we decrypt what SEAL encrypted: (1, 1) shares and our decoder against SEAL’s decryptor and decoder', async () => {
    const { encoder, context, seal: module } = seal
    const encryptor = new module.Encryptor(context, seal.publicKey(keys.collectiveKey.bytes))
    const decryptor = new module.Decryptor(context, seal.secretKey(secretKeyBytes(plan.set, secret)))
    const vector = vectorOf(plan.vectorLength, 3)
    const [plaintext, ciphertext] = [seal.plaintext(), seal.ciphertext()]
    encoder.encode(pack(plan, vector, 1, 0), 2 ** plan.scaleBits, plaintext)
    encryptor.encrypt(plaintext, ciphertext)
    const bytes = updateFromSeal(engine, { ...expected(), ciphertexts: [seal.save(ciphertext)] })
    checkUpdate(engine, bytes, expected())
    const sum = await aggregate(engine, { ...expected(), updates: [{ sender: 0, bytes }] })
    const share = await partialDecrypt(engine, {
      context: ROUND,
      aggregate: sum,
      activeSet: [0],
      secretShare: keys.shares.get(0)!,
      guard: new MemoryShareGuard(),
      policy: { attestedHash: sum.hash, minContributors: 1, ownUpdate: 'included' },
    })
    const { mean, weight } = await combine(engine, { context: ROUND, aggregate: sum, activeSet: [0], shares: [share] })
    expect(weight).to.be.closeTo(1, plan.precision.sumError)
    for (const [i, value] of vector.entries()) expect(mean[i]).to.be.closeTo(value, plan.precision.meanError)

    // m = c0 + h, decoded by SEAL and by us: the same flooding, so the same numbers.
    const { polynomial } = plan.bytes
    const m = add(engine.kernel, bytes.subarray(-2 * polynomial, -polynomial), share.subarray(-polynomial))
    const core = await Core.open(plan)
    const ours = core.decode(m)
    const theirs = encoder.decodeFloat64(seal.plaintext(messageBytes(plan.set, plan.scaleBits, m))) as Float64Array
    for (const [i, value] of theirs.entries()) expect(ours.real[i]).to.be.closeTo(value, 2 ** -40)
    decryptor.decrypt(ciphertext, plaintext)
    const exact = encoder.decodeFloat64(plaintext) as Float64Array
    for (const [i, value] of exact.entries()) expect(ours.real[i]).to.be.closeTo(value, plan.precision.sumError)
    core[Symbol.dispose]()
  })

  it('our decoder finds the imaginary parts: multiplying by X^(N/2) swaps them with the real ones', async () => {
    const { encoder } = seal
    const core = await Core.open(plan)
    const plaintext = seal.plaintext()
    const values = vectorOf(4096, 4)
    encoder.encode(values, 2 ** plan.scaleBits, plaintext)
    const m = seal.save(plaintext).subarray(88)
    const plain = core.decode(m)
    for (const part of plain.imaginary) expect(Math.abs(part)).to.be.below(2 ** -40)
    // X^(N/2) at ζ^e is i^e, and e runs through the powers of 3.
    const turned = multiplyByHalfTurn(core.kernel, m)
    const slots = core.decode(turned)
    for (let j = 0; j < 4096; j++) {
      const sign = 3 ** (j % 2) % 4 === 1 ? 1 : -1
      expect(slots.imaginary[j]).to.be.closeTo(sign * values[j]!, 2 ** -40)
      expect(Math.abs(slots.real[j]!)).to.be.below(2 ** -40)
    }
    core[Symbol.dispose]()
  })

  it('adds like SEAL’s Evaluator, byte for byte', async () => {
    const wide = testPlan(3, 2)
    const own = await openEngine(wide)
    const epoch = await ceremony(own, [0])
    const common = { context: ROUND, collectiveKey: epoch.collectiveKey, weight: 1 }
    const updates = await Promise.all(
      [0, 1, 2].map(async (sender) => ({
        sender,
        bytes: await encryptUpdate(own, { ...common, sender, vector: vectorOf(wide.vectorLength, sender) }),
      })),
    )
    const ours = await aggregate(own, { context: ROUND, collectiveKeyHash: epoch.collectiveKey.hash, updates })
    const { polynomial } = wide.bytes
    const total = seal.ciphertext()
    for (const [i, { bytes }] of updates.entries()) {
      const c0 = bytes.subarray(-2 * polynomial, -polynomial)
      const one = seal.ciphertext(encodeCiphertext(wide.set, wide.scaleBits, c0, bytes.subarray(-polynomial)))
      if (i === 0) total.assign(one)
      else seal.evaluator.addInplace(total, one)
    }
    const theirs = decodeCiphertext(wide.set, wide.scaleBits, seal.save(total))
    expect(Buffer.compare(theirs, ours.bytes.subarray(-2 * polynomial))).to.equal(0)
    await own.close()
  })

  it('refuses SEAL ciphertexts of other parameters, levels, scales, sizes and forms, each by name', async () => {
    const good = encodeCiphertext(plan.set, plan.scaleBits, garbage(engine.kernel), garbage(engine.kernel))
    const wrap = (bytes: Uint8Array) => updateFromSeal(engine, { ...expected(), ciphertexts: [bytes] })
    wrap(good)
    const altered = (at: number, value: number) => {
      const copy = good.slice()
      copy[at] = value
      return copy
    }
    await refuses('wrong-parms-id', () => wrap(altered(16, good[16]! ^ 1)))
    for (const [at, field] of [
      [0, 'magic'],
      [3, 'major version'],
      [5, 'compression'],
      [8, 'total size'],
      [48, 'is_ntt_form'],
      [49, 'size'],
      [57, 'poly_modulus_degree'],
      [65, 'coeff_modulus_size'],
      [79, 'scale'],
      [81, 'correction_factor'],
      [105, 'residue count'],
    ] as const) {
      const error = await refuses('malformed-seal-object', () => wrap(altered(at, good[at]! ^ 2)))
      expect(error.detail.field).to.equal(field)
    }
    await refuses('truncated', () => wrap(good.subarray(0, good.length - 1)))
    await refuses('trailing-bytes', () => wrap(Buffer.concat([good, Buffer.alloc(1)])))
    await refuses('coefficient-out-of-range', () => wrap(altered(113 + 7, 0xff)))
    await refuses('invalid-argument', () => updateFromSeal(engine, { ...expected(), ciphertexts: [] }))
  })
})

/** m·X^(N/2), by way of coefficients: X^N = −1. */
function multiplyByHalfTurn(kernel: Kernel, m: Uint8Array): Uint8Array {
  const block = kernel.allocate(kernel.polynomialBytes)
  kernel.write(block, m)
  const { degree } = kernel
  const half = degree / 2
  for (let l = 0; l < kernel.dataPrimeCount; l++) {
    const at = kernel.residues(block, l)
    kernel.calls.inverse(kernel.records[l]!, at, kernel.logDegree)
    const words = new BigUint64Array(kernel.calls.memory.buffer, at, degree)
    const turned = words.map((_, k) => {
      const value = words[(k + half) % degree]!
      return k >= half || value === 0n ? value : kernel.primes[l]! - value
    })
    words.set(turned)
    kernel.calls.forward(kernel.records[l]!, at, kernel.logDegree)
  }
  const out = kernel.read(block)
  kernel.release(block)
  return out
}
