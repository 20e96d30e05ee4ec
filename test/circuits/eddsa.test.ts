// SPDX-License-Identifier: GPL-3.0-or-later
// Signatures inside a circuit: equal to the libraries that others sign with, without freedom, and deaf to forgeries.
import { createRequire } from 'node:module'
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
import { anyField, anyScalar, B8, pair, random, small } from './baby-points.ts'
import { Circuit, expectMutationsRefused, field, INSTANCES, OPEN_IN_SIGNATURE, P } from './gadget.ts'

// Its ESM build imports a CommonJS package by names that Node does not find there.
const zkKit = createRequire(import.meta.url)('@zk-kit/eddsa-poseidon') as typeof ZkKit

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

  it('costs 4,648 constraints, and leaves no signal open', () => {
    expect(circuit.system.header.constraints).to.equal(INSTANCES['eddsa-poseidon']!.constraints)
    expect(circuit.open(...OPEN_IN_SIGNATURE)).to.deep.equal([])
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

  it('refuses keys off the curve, and coordinates that are not field elements', () => {
    const good = honest()
    expect(accepts({ ...good, keyY: field(good.keyY + 1n) })).to.equal(false)
    expect(accepts({ ...good, keyX: 0n, keyY: 2n })).to.equal(false)
    for (const name of ['keyX', 'keyY', 'Rx', 'Ry', 'message'] as const) {
      const alias = { ...good, [name]: good[name] + P }
      expect(() => circuit.witness(alias), name).to.throw(CircuitError, /not a field element/)
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

  it('names an invalid seed without showing it', () => {
    const short = Uint8Array.from([211, 212, 213])
    for (const act of [() => eddsaPublicKey(short), () => eddsaSign(short, 1n)]) {
      expect(act).to.throw(CircuitError, /^a seed has 32 bytes, found 3$/)
    }
    expect(() => eddsaSign(seed, P)).to.throw(CircuitError, /message is not a field element/)
  })
})
