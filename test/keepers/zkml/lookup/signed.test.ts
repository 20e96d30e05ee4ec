// SPDX-License-Identifier: GPL-3.0-or-later
// Signed inputs in circuits with lookups: the same signals as in plain ones, no freedom, and nothing but the publisher's signature passes.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { commitInput } from '../../../../keepers/zkml/circuit/commitment.ts'
import { ConstraintSystem, centred, decodeWitness } from '../../../../keepers/zkml/circuit/constraints.ts'
import { BABY_ORDER, eddsaPublicKey, eddsaSign } from '../../../../keepers/zkml/circuit/eddsa.ts'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { expectedSignals, type Sample, witnessInputs } from '../../../../keepers/zkml/circuit/prepare.ts'
import { modulo } from '../../../../keepers/zkml/circuit/quadratic.ts'
import { signContent, signedCommitment, signedMessage } from '../../../../keepers/zkml/circuit/signed.ts'
import type { CircuitInputs } from '../../../../keepers/zkml/circuit/witness.ts'
import { compileFolder, InferenceProver, setupFolder, verifyProof } from '../../../../keepers/zkml/index.ts'
import { Builder } from '../../../../keepers/zkml/lookup/builder.ts'
import { LookupCircuit, WrittenCircuit } from '../../../../keepers/zkml/lookup/circuit.ts'
import { undeterminedFirstRound } from '../../../../keepers/zkml/lookup/determinism.ts'
import { single } from '../../../../keepers/zkml/lookup/linear.ts'
import { fieldBits } from '../../../../keepers/zkml/lookup/signature.ts'
import { interpret } from '../../../../keepers/zkml/quantise/interpret.ts'
import { pair, small } from '../../../circuits/baby-points.ts'
import { randomInput, SALTS } from '../circuit/forgery.ts'
import { seeded, smallClassifier } from '../circuit/programs.ts'
import { Adversary, expectForgeriesRefused } from './adversary.ts'
import { CHALLENGE } from './direct.ts'

const SIGNED = { input: 'signed' } as const
const TAG = 0x0123456789abcdefn
const seed = new Uint8Array(32).fill(4)
const random = seeded(12)
const program = smallClassifier()

/** The two highest bits of the number of 254 bits that a constraint puts together. */
function highestBits(system: ConstraintSystem): number[] {
  const weights = [252n, 253n].map((power) => centred(2n ** power % SCALAR_FIELD))
  for (let k = 0; k < system.header.constraints; k++) {
    const side = system.combination(k, 'a')
    if (side.size >= 254) return [...side].flatMap(([wire, weight]) => (weights.includes(weight) ? [wire] : []))
  }
  throw new Error('no such constraint')
}

describe('circuits with lookups and a signed input', function () {
  this.timeout(120_000)
  const circuit = new LookupCircuit(program, SIGNED)
  const system = ConstraintSystem.parse(circuit.r1cs())
  const sampleOf = (input: Float64Array, by = seed): Sample => ({
    input,
    context: 77n,
    salts: SALTS,
    signed: signContent(by, commitInput(input, program.input, SALTS.input), TAG),
  })
  const sample = sampleOf(randomInput(program, random))
  const good = witnessInputs(program, sample, SIGNED)
  const witnessOf = (inputs: CircuitInputs) => decodeWitness(circuit.witness(inputs).finish([CHALLENGE]))
  const accepts = (change: CircuitInputs): boolean => {
    try {
      return system.firstViolation(witnessOf({ ...good, ...change })) === null
    } catch (error) {
      expect(error).to.be.instanceOf(CircuitError)
      return false
    }
  }

  it('answer as the interpreter does, and show key and tag', () => {
    const witness = witnessOf(good)
    const { scores } = interpret(program, sample.input)
    expect(witness.slice(1, 5)).to.deep.equal([...expectedSignals(program, sample, scores, SIGNED)])
    expect(witness[2]).to.equal(signedCommitment(eddsaPublicKey(seed), TAG))
    expect(system.firstViolation(witness)).to.equal(null)
    // Plain Groth16 takes 4,954 for the signature alone.
    expect(circuit.constraints).to.be.below(5000)
  })

  it('leave a prover no choice but the two bits of the challenge that a comparison with p fixes', () => {
    const given = [...circuit.inputWires, ...highestBits(system)]
    expect(undeterminedFirstRound(circuit.r1cs(), circuit.shape, given)).to.deep.equal([])
  })

  it('refuse another content, salt, tag, key, R or S', () => {
    expect(accepts({})).to.equal(true)
    const x = [...(good.x as bigint[])]
    x[0] = x[0] === 0n ? 1n : x[0]! - 1n
    const stranger = eddsaPublicKey(new Uint8Array(32).fill(5))
    const [keyX, keyY, S, Rx] = ['keyX', 'keyY', 'S', 'Rx'].map((name) => good[name] as bigint) as [
      bigint,
      bigint,
      bigint,
      bigint,
    ]
    for (const change of [
      { x },
      { inputSalt: SALTS.input! + 1n },
      { tag: TAG + 1n },
      { tag: TAG + 2n ** 64n },
      { keyX: stranger[0], keyY: stranger[1] },
      { keyX: SCALAR_FIELD - keyX },
      { keyY: modulo(keyY + 1n) },
      { Rx: modulo(Rx + 1n) },
      { S: S + 1n },
      // The same number modulo the order.
      { S: S + BABY_ORDER },
    ])
      expect(accepts(change), Object.keys(change).join()).to.equal(false)
  })

  it('refuse a stranger who takes the tag that makes up for the key', () => {
    const stranger = new Uint8Array(32).fill(5)
    const [keyX, keyY] = eddsaPublicKey(stranger)
    const tag = modulo(signedCommitment(eddsaPublicKey(seed), TAG) - keyY)
    const message = commitInput(sample.input, program.input, SALTS.input)
    expect(() => signedMessage(message, tag)).to.throw(CircuitError, /2\^64/)
    const { R, S } = eddsaSign(stranger, message)
    expect(accepts({ tag, keyX, keyY, Rx: R[0], Ry: R[1], S })).to.equal(false)
  })

  it('refuse keys of small order, which would sign anything', () => {
    for (const [keyX, keyY] of small.map(pair))
      expect(accepts({ keyX, keyY, Rx: 0n, Ry: 1n, S: 0n }), `${keyX}`).to.equal(false)
  })

  it('refuse hundreds of forgeries of the first round', () => {
    const adversary = new Adversary(system, circuit.shape)
    expect(expectForgeriesRefused(adversary, system, witnessOf(good), 300, random)).to.be.above(150)
  })

  it('know one decomposition of a field element alone: the second passes where its range is dropped', () => {
    const value = 5n
    const attack = (isDefended: boolean): boolean => {
      const builder = new Builder(true)
      const wire = builder.wire()
      fieldBits(builder, single(wire))
      if (!isDefended) builder.ranges.length = 0
      // Tables save nothing for a single value otherwise.
      for (let i = 0; i < 40; i++)
        builder.range(
          builder.hint(() => i),
          6,
          true,
        )
      const made = new WrittenCircuit({ builder, inputs: new Map([['value', [wire]]]) })
      const rows = ConstraintSystem.parse(made.r1cs())
      for (const name of [0, 1, 2, 3]) builder.step((values) => values.set(name, 0))
      const witness = decodeWitness(made.witness({ value }).finish([CHALLENGE]))
      expect(rows.firstViolation(witness)).to.equal(null)
      const changes = new Map<number, bigint>()
      const other = value + SCALAR_FIELD
      const bits = [...rows.combination(sumOfBits(rows), 'a')].filter(([name]) => name !== made.inputWires[0])
      for (const [name, weight] of bits) {
        const power = Array.from({ length: 254 }, (_, i) => i).find((i) => modulo(weight - 2n ** BigInt(i)) === 0n)!
        changes.set(name, (other >> BigInt(power)) & 1n)
      }
      const [top, next] = highestBits(rows)
      const high = productOf(rows, top!, next!)
      changes.set(high.wire, 1n)
      const low = other - 3n * 2n ** 252n
      changes.set(productOf(rows, high.wire).wire, modulo(low))
      return new Adversary(rows, made.shape).accepted(witness, changes)
    }
    expect(attack(false)).to.equal(true)
    expect(attack(true)).to.equal(false)
  })

  it('are proven and verified from a folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cohort-signed-lookup-'))
    try {
      await compileFolder({ folder, program, options: SIGNED, system: 'groth16-lookup' })
      await setupFolder(folder)
      const prover = await InferenceProver.open(folder)
      const { proof, publicSignals } = await prover.prove({ ...sample, integers: true })
      await prover.close()
      expect(publicSignals[1]).to.equal(signedCommitment(eddsaPublicKey(seed), TAG))
      expect(await verifyProof(prover.key, proof, publicSignals)).to.equal(true)
      const other = publicSignals.map((signal, i) =>
        i === 1 ? signal + 1n : signal,
      ) as unknown as typeof publicSignals
      expect(await verifyProof(prover.key, proof, other)).to.equal(false)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

function sumOfBits(system: ConstraintSystem): number {
  for (let k = 0; k < system.header.constraints; k++) if (system.combination(k, 'a').size >= 254) return k
  throw new Error('no such constraint')
}

/** The wire that a constraint with these two wires, or one of them, as a factor defines. */
function productOf(system: ConstraintSystem, first: number, second?: number): { readonly wire: number } {
  for (const k of system.constraintsOf(first)) {
    const [a, b, c] = (['a', 'b', 'c'] as const).map((side) => system.combination(k, side)) as [
      ReadonlyMap<number, bigint>,
      ReadonlyMap<number, bigint>,
      ReadonlyMap<number, bigint>,
    ]
    const isProduct = a.size === 1 && c.size === 1 && [...c.keys()][0] !== first && !c.has(0)
    if (
      isProduct &&
      (second === undefined ? a.has(first) : (a.has(first) && b.has(second)) || (a.has(second) && b.has(first)))
    )
      return { wire: [...c.keys()][0]! }
  }
  throw new Error('no such product')
}
