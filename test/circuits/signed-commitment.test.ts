// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { eddsaPublicKey, eddsaSign, isEddsaSignature } from '../../keepers/zkml/circuit/eddsa.ts'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { poseidon } from '../../keepers/zkml/circuit/poseidon.ts'
import { isSignedContent, signContent, signedCommitment, signedMessage } from '../../keepers/zkml/circuit/signed.ts'
import { random } from './baby-points.ts'
import { Circuit, expectMutationsRefused, field, INSTANCES, OPEN_IN_SIGNATURE, P } from './gadget.ts'

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
    expect(circuit.open(...OPEN_IN_SIGNATURE.map((name) => `signature.${name}`))).to.deep.equal([])
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
    expect(() => signedMessage(P, 1n)).to.throw(CircuitError, /commitment is not a field element/)
  })
})
