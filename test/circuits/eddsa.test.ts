// SPDX-License-Identifier: GPL-3.0-or-later
// Signatures inside a circuit: equal to the libraries that others sign with, without freedom, and deaf to forgeries.
import { createRequire } from 'node:module'
import { babyjubjub } from '@noble/curves/misc.js'
import type * as ZkKit from '@zk-kit/eddsa-poseidon'
import { expect } from 'chai'
import {
  BABY_ORDER,
  type BabyPoint,
  eddsaPublicKey,
  eddsaSign,
  isEddsaKey,
  isEddsaSignature,
} from '../../keepers/zkml/circuit/eddsa.ts'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { poseidon } from '../../keepers/zkml/circuit/poseidon.ts'
import { isSignedContent, signContent, signedCommitment, signedMessage } from '../../keepers/zkml/circuit/signed.ts'
import { seeded } from '../keepers/zkml/circuit/programs.ts'
import { Circuit, expectMutationsRefused, field, INSTANCES, P } from './gadget.ts'

// Its ESM build imports a CommonJS package by names that Node does not find there.
const zkKit = createRequire(import.meta.url)('@zk-kit/eddsa-poseidon') as typeof ZkKit

const { Point } = babyjubjub
type CurvePoint = InstanceType<typeof Point>
const B8 = Point.BASE
/** A generator of the whole curve (EIP-2494), of order 8 l. */
const GENERATOR = Point.fromAffine({
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
})
/** l times the generator: all eight points of small order are its multiples. */
const TORSION = GENERATOR.multiplyUnsafe(BABY_ORDER - 1n).add(GENERATOR)

const random = seeded(31)
const anyField = () => field(BigInt(Math.floor(random() * 2 ** 53)) ** 5n)
const anyScalar = () => (anyField() % (BABY_ORDER - 1n)) + 1n
const pair = (point: CurvePoint): BabyPoint => [point.toAffine().x, point.toAffine().y]
const small = Array.from({ length: 8 }, (_, k) => {
  let sum = Point.ZERO
  for (let i = 0; i < k; i++) sum = sum.add(TORSION)
  return sum
})
const points = [...small, B8, B8.negate(), ...Array.from({ length: 4 }, () => GENERATOR.multiplyUnsafe(anyScalar()))]
const bitsOf = (value: bigint, count: number) => Array.from({ length: count }, (_, i) => (value >> BigInt(i)) & 1n)

const SIGNATURE = ['challenge.bit[253]', 'challenge.bit[252]']

describe('gadgets of Baby Jubjub', function () {
  this.timeout(120_000)
  const names = ['baby-check', 'baby-add', 'baby-double', 'baby-ladder-6', 'baby-base-2'] as const
  const circuits = new Map<string, Circuit>()
  before(async () => {
    for (const name of names) circuits.set(name, await Circuit.instance(name))
  })
  const at = (name: (typeof names)[number]) => circuits.get(name)!
  /** The result is the library's, all constraints hold, and no other result would do. */
  const expectPoint = (circuit: Circuit, inputs: Record<string, bigint | bigint[]>, point: CurvePoint) => {
    const witness = circuit.witness(inputs)
    expect(circuit.system.firstViolation(witness)).to.equal(null)
    expect([circuit.value(witness, 'x'), circuit.value(witness, 'y')]).to.deep.equal(pair(point))
    return witness
  }

  it('cost what they say, and leave no signal open', () => {
    for (const [name, circuit] of circuits) {
      expect(circuit.system.header.constraints, name).to.equal(INSTANCES[name]!.constraints)
      expect(circuit.open(), name).to.deep.equal([])
    }
  })

  it('know eight points of small order', () => {
    expect(new Set(small.map((point) => String(pair(point)))).size).to.equal(8)
    for (const point of small) expect(point.clearCofactor().is0()).to.equal(true)
  })

  it('add any two points of the curve, equal, opposite and neutral ones and those of small order', () => {
    const add = at('baby-add')
    for (const first of points) {
      for (const second of points) {
        const [[x1, y1], [x2, y2]] = [pair(first), pair(second)]
        const witness = expectPoint(add, { x1, y1, x2, y2 }, first.add(second))
        // Both denominators have inverses: the law is complete.
        const product = 168_696n * add.value(witness, 'product')
        expect([field(1n + product), field(1n - product)]).to.not.include(0n)
      }
    }
  })

  it('double any point of the curve, and tell points from other pairs', () => {
    for (const point of points) {
      const [x1, y1] = pair(point)
      expectPoint(at('baby-double'), { x1, y1 }, point.double())
      expect(at('baby-check').witness({ x: x1, y: y1 })).to.have.length.above(2)
      for (const [x, y] of [
        [x1 + 1n, y1],
        [x1, y1 + 1n],
        [y1 + 2n, x1],
      ] as const) {
        expect(() => at('baby-check').witness({ x: field(x), y: field(y) })).to.throw(CircuitError, /constraint/)
      }
    }
  })

  it('multiply a point by every number of six bits, and the base point likewise', () => {
    for (let k = 0n; k < 64n; k++) {
      const point = points[Number(k) % points.length]!
      const [x1, y1] = pair(point)
      const sum = [...Array(Number(k))].reduce<CurvePoint>((total) => total.add(point), Point.ZERO)
      expectPoint(at('baby-ladder-6'), { x1, y1, bit: bitsOf(k, 6) }, sum)
      expectPoint(at('baby-base-2'), { x1, y1, bit: bitsOf(k, 6) }, point.add(B8.multiplyUnsafe(k)))
    }
  })

  it('refuse every mutation of their signals', () => {
    const [x1, y1] = pair(points.at(-1)!)
    const [x2, y2] = pair(points.at(-2)!)
    const inputs = {
      'baby-add': { x1, y1, x2, y2 },
      'baby-double': { x1, y1 },
      'baby-ladder-6': { x1, y1, bit: bitsOf(41n, 6) },
      'baby-base-2': { x1, y1, bit: bitsOf(41n, 6) },
    }
    for (const [name, values] of Object.entries(inputs)) {
      const circuit = at(name as 'baby-add')
      expectMutationsRefused(circuit, circuit.witness(values), circuit.derivedWires, 1000, random)
    }
  })

  it('would leave a coordinate open with a d that is a square, and the analyser says so', async () => {
    const division = (d: bigint) =>
      Circuit.compile(
        `pragma circom 2.2.0;
template Division() {
    signal input a;
    signal input b;
    signal output x;
    signal product <== a * b;
    x <-- (a + b) / (1 + ${d} * product);
    x * (1 + ${d} * product) === a + b;
}
component main {public [a, b]} = Division();
`,
        { name: 'division' },
      )
    const square = await division(9n)
    expect(square.open()).to.deep.equal(['main.x'])
    const third = field(-(await inverse(3n)))
    const free = square.system.probe([1n, 77n, ...witnessOf(square, { a: third, b: field(-third), x: 77n })])
    expect(square.violation(free, { x: 78n }), 'a free coordinate').to.equal(null)
    expect((await division(168_696n)).open()).to.deep.equal([])
  })

  /** Values of the wires after the output of the circuit above, by hand: the witness program divides by 0. */
  function witnessOf(circuit: Circuit, { a, b, x }: { a: bigint; b: bigint; x: bigint }): bigint[] {
    const wires = new Map<number, bigint>([
      [circuit.symbols.wire('main.a'), a],
      [circuit.symbols.wire('main.b'), b],
      [circuit.symbols.wire('main.x'), x],
      [circuit.symbols.wire('main.product'), field(a * b)],
    ])
    return Array.from({ length: circuit.system.header.variables - 2 }, (_, i) => wires.get(i + 2)!)
  }
})

async function inverse(value: bigint): Promise<bigint> {
  return Point.Fp.inv(value)
}

describe('bits of a field element', function () {
  this.timeout(120_000)
  let circuit: Circuit
  before(async () => {
    circuit = await Circuit.instance('field-bits')
  })
  const limit = 3n << 252n
  const interesting = [0n, 1n, P - 1n, P - 2n, limit - 1n, limit, limit + 1n, (1n << 253n) - 1n, 1n << 253n]

  it('cost what they say, and are the bits', () => {
    expect(circuit.system.header.constraints).to.equal(INSTANCES['field-bits']!.constraints)
    for (const value of [...interesting, ...Array.from({ length: 20 }, anyField)]) {
      const witness = circuit.witness({ in: value })
      expect(circuit.system.firstViolation(witness)).to.equal(null)
      expect(circuit.values(witness, 'bit', 254)).to.deep.equal(bitsOf(value, 254))
    }
  })

  it('are open in the two highest alone, by the analyser’s rules', () => {
    expect(circuit.open('bit[253]', 'bit[252]')).to.deep.equal([])
  })

  it('refuse value + p, whatever the other signals', () => {
    const values = [0n, 1n, (1n << 254n) - 1n - P, ...Array.from({ length: 20 }, () => anyField() % ((1n << 254n) - P))]
    for (const value of values) {
      const probe = circuit.system.probe(circuit.witness({ in: value }))
      const bits = bitsOf(value + P, 254)
      const low = (value + P) % (1n << 252n)
      const difference = field(P - limit - 1n - low)
      const forged: Record<string, bigint> = Object.fromEntries(bits.map((bit, i) => [`bit[${i}]`, bit]))
      Object.assign(forged, { high: 1n, excess: low, 'below.in': difference })
      for (let i = 0; i < 250; i++) forged[`below.high[${i}]`] = (difference >> BigInt(i + 1)) & 1n
      circuit.expectRefused(probe, forged, `${value} + p`)
      circuit.expectRefused(probe, { ...forged, high: 0n, excess: 0n, 'below.in': P - limit - 1n }, 'no comparison')
    }
  })

  it('refuse every mutation', () => {
    for (const value of [5n, P - 1n, anyField()]) {
      expectMutationsRefused(circuit, circuit.witness({ in: value }), circuit.derivedWires, 400, random)
    }
  })
})

type Inputs = { keyX: bigint; keyY: bigint; Rx: bigint; Ry: bigint; S: bigint; message: bigint }

describe('EdDSA-Poseidon in a circuit', function () {
  this.timeout(120_000)
  let circuit: Circuit
  before(async () => {
    circuit = await Circuit.instance('eddsa-poseidon')
  })
  const seed = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
  const MESSAGE = 1234567890123456789n
  const inputsOf = (key: BabyPoint, message: bigint, R: BabyPoint, S: bigint): Inputs => {
    return { keyX: key[0], keyY: key[1], Rx: R[0], Ry: R[1], S, message }
  }
  const honest = (message = MESSAGE, by = seed): Inputs => {
    const { R, S } = eddsaSign(by, message)
    return inputsOf(eddsaPublicKey(by), message, R, S)
  }
  /** What the witness program and the plain verification say alike. */
  const accepts = (inputs: Inputs): boolean => {
    const { keyX, keyY, Rx, Ry, S, message } = inputs
    const plain = isEddsaSignature([keyX, keyY], message, { R: [Rx, Ry], S })
    let inCircuit: boolean
    try {
      inCircuit = circuit.system.firstViolation(circuit.witness(inputs)) === null
    } catch (error) {
      expect(error).to.be.instanceOf(CircuitError)
      inCircuit = false
    }
    expect(inCircuit).to.equal(plain)
    return inCircuit
  }

  it('costs 4,652 constraints, and leaves no signal open', () => {
    expect(circuit.system.header.constraints).to.equal(INSTANCES['eddsa-poseidon']!.constraints)
    expect(circuit.open(...SIGNATURE)).to.deep.equal([])
  })

  it('accepts what our own keys sign', () => {
    for (let k = 0; k < 8; k++)
      expect(
        accepts(
          honest(
            anyField(),
            Uint8Array.from(seed, (byte) => byte + k),
          ),
        ),
      ).to.equal(true)
    for (const message of [0n, 1n, P - 1n]) expect(accepts(honest(message))).to.equal(true)
  })

  it('accepts what zk-kit signs, and zk-kit what we sign', () => {
    for (const secret of ['one', 'two', 'three']) {
      const message = anyField()
      const { R8, S } = zkKit.signMessage(secret, message)
      const key = zkKit.derivePublicKey(secret)
      expect(accepts(inputsOf(key, message, R8, S))).to.equal(true)
      const ours = eddsaSign(seed, message)
      const signature = { R8: [...ours.R] as [bigint, bigint], S: ours.S }
      expect(zkKit.verifySignature(message, signature, [...eddsaPublicKey(seed)] as [bigint, bigint])).to.equal(true)
    }
  })

  it('refuses another message, key, R or S', () => {
    const good = honest()
    const other = honest(MESSAGE + 1n)
    const stranger = eddsaPublicKey(new Uint8Array(32))
    const changes: Partial<Inputs>[] = [
      { message: MESSAGE + 1n },
      { keyX: stranger[0], keyY: stranger[1] },
      // −A: the same y.
      { keyX: P - good.keyX },
      { keyY: P - good.keyY },
      { keyX: P - good.keyX, keyY: P - good.keyY },
      { Rx: other.Rx, Ry: other.Ry },
      { Rx: P - good.Rx },
      { Rx: field(good.Rx + 1n) },
      { Ry: field(good.Ry + 1n) },
      { S: other.S },
      { S: good.S + 1n },
      { S: BABY_ORDER - good.S },
      { Rx: 0n, Ry: 1n, S: 0n },
    ]
    for (const change of changes) expect(accepts({ ...good, ...change }), Object.keys(change).join()).to.equal(false)
  })

  it('refuses S + l, which is the same number modulo the order', () => {
    for (let k = 0; k < 4; k++) {
      const good = honest(anyField())
      expect(accepts({ ...good, S: good.S + BABY_ORDER })).to.equal(false)
      const probe = circuit.system.probe(circuit.witness(good))
      const forged = good.S + BABY_ORDER
      const changes: Record<string, bigint> = { S: forged }
      for (let i = 0; i < 250; i++) changes[`low.high[${i}]`] = (forged >> BigInt(i + 1)) & 1n
      circuit.expectRefused(probe, changes, 'S + l with its bits')
    }
    expect(accepts({ ...honest(), S: BABY_ORDER })).to.equal(false)
  })

  it('refuses R with a part of small order, whoever signs', () => {
    for (const part of small.slice(1)) {
      const scalar = anyScalar()
      const nonce = anyScalar()
      const key = pair(B8.multiply(scalar))
      const R = pair(B8.multiply(nonce).add(part))
      const S = (nonce + 8n * poseidon([...R, ...key, MESSAGE]) * scalar) % BABY_ORDER
      expect(accepts(inputsOf(key, MESSAGE, R, S))).to.equal(false)
    }
  })

  it('refuses keys of small order, which would sign anything', () => {
    for (const point of small) {
      const nonce = anyScalar()
      // 8 h A is neutral, so that S = nonce fits R for every message.
      expect(accepts(inputsOf(pair(point), MESSAGE, pair(B8.multiply(nonce)), nonce))).to.equal(false)
      expect(isEddsaKey(pair(point))).to.equal(false)
    }
  })

  it('takes a key with a part of small order for the key that its owner has made it', () => {
    for (const part of small) {
      const [scalar, nonce] = [anyScalar(), anyScalar()]
      const key = pair(B8.multiply(scalar).add(part))
      const R = pair(B8.multiply(nonce))
      const S = (nonce + 8n * poseidon([...R, ...key, MESSAGE]) * scalar) % BABY_ORDER
      expect(accepts(inputsOf(key, MESSAGE, R, S))).to.equal(true)
    }
  })

  it('refuses keys off the curve, and coordinates that are no field elements', () => {
    const good = honest()
    expect(accepts({ ...good, keyY: field(good.keyY + 1n) })).to.equal(false)
    expect(accepts({ ...good, keyX: 0n, keyY: 2n })).to.equal(false)
    for (const name of ['keyX', 'keyY', 'Rx', 'Ry', 'message'] as const) {
      const alias = { ...good, [name]: good[name] + P }
      expect(() => circuit.witness(alias), name).to.throw(CircuitError, /no field element/)
      expect(
        isEddsaSignature([alias.keyX, alias.keyY], alias.message, { R: [alias.Rx, alias.Ry], S: alias.S }),
      ).to.equal(false)
    }
  })

  it('refuses every mutation of its signals, one or two at a time', () => {
    const good = honest()
    const witness = circuit.witness(good)
    const count = expectMutationsRefused(circuit, witness, circuit.derivedWires, 4000, random)
    expect(count.single).to.be.above(20_000)
    // The signature itself may not be moved either.
    const { outputs, publicInputs } = circuit.system.header
    const own = circuit.inputWires.filter((wire) => wire > outputs + publicInputs)
    expectMutationsRefused(circuit, witness, own, 200, random)
  })

  it('names a seed that is none, without showing it', () => {
    const short = Uint8Array.from([211, 212, 213])
    for (const act of [() => eddsaPublicKey(short), () => eddsaSign(short, 1n)]) {
      expect(act).to.throw(CircuitError, /^a seed has 32 bytes, found 3$/)
    }
    expect(() => eddsaSign(seed, P)).to.throw(CircuitError, /message is no field element/)
  })
})

describe('commitments to signed content', function () {
  this.timeout(120_000)
  let circuit: Circuit
  before(async () => {
    circuit = await Circuit.instance('signed-commitment')
  })
  const seed = new Uint8Array(32).fill(9)
  const CONTENT = 987654321n
  const TAG = 0xfedcba9876543210n
  const inputsOf = (commitment: bigint, { tag, publicKey, signature }: ReturnType<typeof signContent>) => ({
    commitment,
    tag,
    keyX: publicKey[0],
    keyY: publicKey[1],
    Rx: signature.R[0],
    Ry: signature.R[1],
    S: signature.S,
  })
  const honest = (commitment = CONTENT, tag = TAG) => inputsOf(commitment, signContent(seed, commitment, tag))
  const refuses = (inputs: ReturnType<typeof honest>, what: string) =>
    expect(() => circuit.witness(inputs), what).to.throw(CircuitError, /constraint/)

  it('cost 306 constraints more than the signature, leave no signal open, and show key + tag', () => {
    expect(circuit.system.header.constraints).to.equal(INSTANCES['signed-commitment']!.constraints)
    expect(circuit.open(...SIGNATURE.map((name) => `signature.${name}`))).to.deep.equal([])
    for (const tag of [0n, 1n, TAG, (1n << 64n) - 1n]) {
      const witness = circuit.witness(honest(CONTENT, tag))
      expect(circuit.system.firstViolation(witness)).to.equal(null)
      expect(circuit.value(witness, 'out')).to.equal(signedCommitment(eddsaPublicKey(seed), tag))
    }
  })

  it('refuse other content, another tag and another key', () => {
    refuses({ ...honest(), commitment: CONTENT + 1n }, 'content')
    refuses({ ...honest(), tag: TAG + 1n }, 'tag')
    const [keyX, keyY] = eddsaPublicKey(new Uint8Array(32))
    refuses({ ...honest(), keyX, keyY }, 'key')
    refuses({ ...honest(), keyX: P - honest().keyX }, 'the opposite key')
    expect(isSignedContent(CONTENT, signContent(seed, CONTENT, TAG))).to.equal(true)
    expect(isSignedContent(CONTENT + 1n, signContent(seed, CONTENT, TAG))).to.equal(false)
    expect(isSignedContent(CONTENT, { ...signContent(seed, CONTENT, TAG), tag: TAG + 1n })).to.equal(false)
  })

  it('refuse a forger’s own key with the tag that makes up the difference', () => {
    const target = signedCommitment(eddsaPublicKey(seed), TAG)
    const forger = new Uint8Array(32).fill(66)
    const key = eddsaPublicKey(forger)
    const tag = field(target - key[1])
    const signature = eddsaSign(forger, poseidon([CONTENT, tag]))
    const inputs = inputsOf(CONTENT, { tag, publicKey: key, signature })
    expect(field(inputs.keyY + inputs.tag), 'the sum that the reader expects').to.equal(target)
    expect(isEddsaSignature(key, poseidon([CONTENT, tag]), signature), 'a good signature').to.equal(true)
    refuses(inputs, 'tag of more than 64 bits')
  })

  it('refuse every mutation of their signals', () => {
    const witness = circuit.witness(honest())
    expectMutationsRefused(circuit, witness, circuit.derivedWires, 2000, random)
  })

  it('are made for tags of 64 bits', () => {
    for (const tag of [-1n, 1n << 64n]) {
      expect(() => signContent(seed, CONTENT, tag)).to.throw(CircuitError, /0 ≤ tag < 2\^64/)
      expect(() => signedCommitment(eddsaPublicKey(seed), tag)).to.throw(CircuitError, /0 ≤ tag < 2\^64/)
    }
    expect(() => signedMessage(P, 1n)).to.throw(CircuitError, /commitment is no field element/)
  })
})
