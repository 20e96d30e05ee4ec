// SPDX-License-Identifier: GPL-3.0-or-later
// Networks that read bytes: their bits as features, their SHA-256 as the commitment to the input.
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { commitBytes, digestSignal } from '../../../../keepers/zkml/circuit/digest.ts'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { witnessInputs } from '../../../../keepers/zkml/circuit/prepare.ts'
import { writeCircuit } from '../../../../keepers/zkml/circuit/write/main.ts'
import { GraphBuilder } from '../../../../keepers/zkml/graph/builder.ts'
import { CompileError } from '../../../../keepers/zkml/graph/errors.ts'
import { evaluate } from '../../../../keepers/zkml/graph/evaluate.ts'
import type { IntegerProgram, Mode } from '../../../../keepers/zkml/graph/program.ts'
import { programFromJson, programToJson } from '../../../../keepers/zkml/graph/serialise.ts'
import { tensor } from '../../../../keepers/zkml/graph/tensor.ts'
import type { Graph } from '../../../../keepers/zkml/graph/types.ts'
import { programCost } from '../../../../keepers/zkml/quantise/cost.ts'
import { interpret } from '../../../../keepers/zkml/quantise/interpret.ts'
import { proveBounds } from '../../../../keepers/zkml/quantise/prove.ts'
import { calibrate } from '../../../../keepers/zkml/quantise/quantise.ts'
import { expectMutationsRefused } from '../../../circuits/gadget.ts'
import { type Built, build, honest, randomInput } from './forgery.ts'
import { randomIntegers, seeded } from './programs.ts'

const LENGTH = 58
/** Hashed, but never shown to the network. */
const PREFIX = 8
const SHA256 = { input: 'sha256' } as const

/** Bytes → bits of all but a prefix → convolution over 4 characters → ReLU → 3 scores. */
function reader(): Graph {
  const random = seeded(5)
  const weights = (shape: number[]) =>
    tensor(
      shape,
      randomIntegers(
        shape.reduce((a, b) => a * b),
        -9,
        9,
        random,
      ).map((value) => value / 8),
    )
  const builder = new GraphBuilder('reader', 'text', [LENGTH])
  const text = builder.slice('text', builder.input, [PREFIX], [1], [LENGTH - PREFIX])
  const bits = builder.unary('bits', text, { op: 'bits', width: 8 })
  const image = builder.reshape('image', bits, [1, LENGTH - PREFIX, 8])
  const features = builder.unary('grams', image, {
    op: 'conv2d',
    weights: weights([1, 4, 8, 2]),
    bias: weights([2]),
    strides: [1, 4],
    dilations: [1, 1],
    padding: { top: 0, left: 0, bottom: 0, right: 0 },
    groups: 1,
  })
  const hidden = builder.activation('relu', features, { kind: 'relu' })
  const flat = builder.reshape('flat', hidden, [24])
  return builder.build(builder.dense('scores', flat, weights([24, 3]), weights([3])))
}

const texts = (count: number) => Array.from({ length: count }, () => randomIntegers(LENGTH, 0, 255, random))
const random = seeded(8)

function program(mode: Mode): IntegerProgram {
  return calibrate(reader(), texts(8), { mode, output: { kind: 'margin' } }).program
}

const hashOf = (bytes: ArrayLike<number>) => createHash('sha256').update(Uint8Array.from(bytes)).digest()

describe('networks that read bytes', function () {
  this.timeout(120_000)
  let built: Built
  before(async () => {
    built = await build(program('released'), SHA256)
  })

  it('have a circuit that answers as the interpreter does, under the SHA-256 that OpenSSL computes', () => {
    for (let run = 0; run < 5; run++) {
      const input = randomInput(built.program, random)
      const witness = honest(built, input)
      expect(witness[2]).to.equal(BigInt(`0x${hashOf(input).toString('hex')}`) >> 8n)
    }
  })

  it('match the cost table; two blocks of hash are 35,648 constraints', () => {
    const cost = programCost(built.program, SHA256)
    expect(cost.total).to.equal(built.circuit.system.header.constraints)
    expect(cost.input.quadratic + cost.input.linear).to.equal(2 * 17_824 + 9 * LENGTH + 1)
  })

  it('leave no signal open and refuse mutations, the digest and its carries among them', () => {
    const { circuit } = built
    expect(circuit.open('answer.index', 'answer.second.index')).to.deep.equal([])
    const witness = honest(built, randomInput(built.program, random))
    const count = expectMutationsRefused(circuit, witness, circuit.derivedWires, 4000, random)
    expect(count.single).to.be.above(100_000)
  })

  it('refuse the digest of another text, and another text for the digest', () => {
    const [first, second] = [texts(1)[0]!, texts(1)[0]!]
    const probe = built.circuit.system.probe(honest(built, first))
    built.circuit.expectRefused(probe, { inputCommitment: commitBytes(second) }, 'another digest')
    for (const at of [0, PREFIX, LENGTH - 1]) {
      built.circuit.expectRefused(probe, { [`x[${at}]`]: BigInt(first[at]! ^ 1) }, `another byte ${at}`)
    }
  })

  it('hash the prefix, and never look at it', () => {
    const [text] = texts(1)
    const other = Float64Array.from(text!)
    other[0] = 255 - other[0]!
    const [a, b] = [honest(built, text!), honest(built, other)]
    expect(a[3], 'output').to.equal(b[3])
    expect(a[2], 'commitment').to.not.equal(b[2])
  })

  it('have no witness for 256, whatever its bits', () => {
    const inputs = witnessInputs(built.program, { input: texts(1)[0]!, context: 1n }, SHA256)
    const x = [...(inputs.x as bigint[])]
    x[5] = 256n
    expect(() => built.circuit.witness({ ...inputs, x })).to.throw(CircuitError, /constraint/)
  })

  it('serve committed weights and other commitments too', async () => {
    const committed = await build(program('committed'))
    for (let run = 0; run < 3; run++) honest(committed, randomInput(committed.program, random))
    expect(programCost(committed.program).total).to.equal(committed.circuit.system.header.constraints)
  })

  it('survive a file and a proof of their bounds; quantised scores are near the float ones', () => {
    const again = programFromJson(programToJson(built.program))
    expect(again).to.deep.equal(built.program)
    proveBounds(again)
    const { scale } = again.tensors.find(({ id }) => id === again.scores)!
    for (const text of texts(10)) {
      const exact = evaluate(reader(), text).data
      const scores = interpret(again, text).scores
      for (const [i, score] of exact.entries()) expect(scores[i]! * scale).to.be.closeTo(score, 2)
    }
  })

  it('name values that are not bytes, bits or digests', () => {
    expect(() => commitBytes([1, 256])).to.throw(CircuitError, /input\[1\] is 256/)
    expect(() => commitBytes([0.5])).to.throw(CircuitError, /must be a byte/)
    expect(() => digestSignal(new Uint8Array(31))).to.throw(CircuitError, /32 bytes, found 31/)
    expect(() => evaluate(reader(), new Float64Array(LENGTH).fill(256))).to.throw(CompileError, /256 has no 8 bits/)
    const narrow = { ...built.program, input: { ...built.program.input, bits: 7 } }
    expect(() => writeCircuit(narrow, SHA256)).to.throw(CircuitError, /hashes bytes.*found 7 bits/)
    const wide = new GraphBuilder('wide', 'x', [2])
    expect(() => wide.unary('bits', wide.input, { op: 'bits', width: 25 })).to.throw(CompileError, /width 25/)
    const scaled = new GraphBuilder('scaled', 'x', [2])
    const double = scaled.affineScalar('double', scaled.input, 2, 0)
    const graph = scaled.build(scaled.unary('bits', double, { op: 'bits', width: 8 }))
    expect(() => calibrate(graph, [[1, 2]], { mode: 'released' })).to.throw(CompileError, /takes bits apart/)
  })
})
