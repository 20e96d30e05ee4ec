// SPDX-License-Identifier: GPL-3.0-or-later
// Lists by their gaps: whoever has the values proves what is not among them, and nobody proves anything else.
import { expect } from 'chai'
import { IntervalList, LIST_END, type ListChange } from '../../keepers/apps/identity/interval-list.ts'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { poseidon } from '../../keepers/zkml/circuit/poseidon.ts'
import { seeded } from '../keepers/zkml/circuit/programs.ts'
import { Circuit, expectMutationsRefused, field, INSTANCES, P } from './gadget.ts'

const DEPTH = 3
const random = seeded(11)

/** 100, 200 and 300. */
function three(): IntervalList {
  const list = new IntervalList(DEPTH)
  for (const value of [200n, 100n, 300n]) list.add(value)
  return list
}

const refuses = (circuit: Circuit, inputs: object, what: string) =>
  expect(() => circuit.witness(inputs as Record<string, bigint>), what).to.throw(CircuitError, /constraint/)

describe('NotInList', function () {
  this.timeout(120_000)
  let circuit: Circuit
  before(async () => {
    circuit = await Circuit.instance('not-in-list-3')
  })
  const rootOf = (inputs: object) => circuit.value(circuit.witness(inputs as Record<string, bigint>), 'out')

  it('costs what is stated, and leaves no signal open', () => {
    expect(circuit.system.header.constraints).to.equal(INSTANCES['not-in-list-3']!.constraints)
    expect(circuit.open()).to.deep.equal([])
  })

  it('proves of every value between the values that it is not there', () => {
    const list = three()
    for (const value of [1n, 99n, 101n, 199n, 201n, 299n, 301n, LIST_END - 1n]) {
      expect(rootOf({ value, ...list.gap(value) })).to.equal(list.root)
    }
    expect(rootOf({ value: 5n, ...new IntervalList(DEPTH).gap(5n) })).to.equal(new IntervalList(DEPTH).root)
  })

  it('has no proof for a value of the list: both intervals that end in it exclude it', () => {
    const list = three()
    for (const beside of [150n, 250n]) refuses(circuit, { value: 200n, ...list.gap(beside) }, `beside ${beside}`)
    expect(() => list.gap(200n)).to.throw(/is in the list/)
  })

  it('forged intervals give another root', () => {
    const list = three()
    const gap = list.gap(150n)
    // (100, 300) would be the interval around 200, if anybody had put it into the tree.
    expect(rootOf({ value: 200n, ...gap, next: 300n })).to.not.equal(list.root)
    expect(rootOf({ value: 200n, ...gap, low: 0n, next: LIST_END })).to.not.equal(list.root)
  })

  it('refuses numbers of more than 248 bits, and those that wrap around the field', () => {
    const list = three()
    const last = list.gap(301n)
    refuses(circuit, { value: LIST_END, ...last }, 'the end')
    refuses(circuit, { value: P - 1n, ...last }, '-1')
    refuses(circuit, { value: 0n, ...list.gap(1n) }, '0')
    refuses(circuit, { value: 50n, ...list.gap(150n) }, 'below its interval')
    refuses(circuit, { value: 250n, ...list.gap(150n) }, 'above it')
  })

  it('refuses every mutation of its signals', () => {
    const witness = circuit.witness({ value: 150n, ...three().gap(150n) })
    expectMutationsRefused(circuit, witness, circuit.derivedWires, 500, random)
  })
})

describe('ListInsertion', function () {
  this.timeout(120_000)
  let circuit: Circuit
  before(async () => {
    circuit = await Circuit.instance('list-insertion-3')
  })
  const accepts = (change: ListChange) => expect(circuit.system.firstViolation(circuit.witness(change))).to.equal(null)

  it('costs what is stated, and leaves no signal open', () => {
    expect(circuit.system.header.constraints).to.equal(INSTANCES['list-insertion-3']!.constraints)
    expect(circuit.open()).to.deep.equal([])
  })

  it('proves additions and removals in any order, to the roots of a list built anew', () => {
    const list = new IntervalList(DEPTH)
    for (const value of [200n, 100n, LIST_END - 1n, 300n, 1n]) accepts(list.add(value))
    const full = list.root
    for (const value of [100n, 1n]) accepts(list.remove(value))
    accepts(list.add(1n, 5))
    accepts(list.add(100n, 2))
    expect(list.root, 'the same leaves in the same places').to.equal(full)
    for (const value of [1n, 100n, 200n, 300n, LIST_END - 1n]) accepts(list.remove(value))
    expect(list.root).to.equal(new IntervalList(DEPTH).root)
  })

  it('has no proof that adds a value twice, or one beside its interval', () => {
    const list = three()
    const honest = three().add(150n)
    for (const value of [100n, 200n, 90n, 210n]) refuses(circuit, { ...honest, value }, `${value}`)
    expect(() => list.add(200n)).to.throw(/is in the list/)
  })

  it('has no proof with a gap that nobody put into the tree', () => {
    const honest = three().add(150n)
    // Would add 200 once more, between 100 and 300.
    refuses(circuit, { ...honest, value: 200n, next: 300n }, 'forged gap')
    refuses(circuit, { ...honest, low: 0n }, 'forged low end')
  })

  it('has no proof that writes over a leaf', () => {
    const list = three()
    const { sibling } = list.gap(250n)
    const honest = three().add(150n)
    for (const index of [0n, 1n, 2n, 3n]) refuses(circuit, { ...honest, index, newSibling: sibling }, `leaf ${index}`)
    refuses(circuit, { ...honest, index: 8n }, 'outside the tree')
    expect(() => list.add(150n, 2)).to.throw(/not a free leaf/)
  })

  it('has no proof of another root after it', () => {
    const honest = three().add(150n)
    refuses(circuit, { ...honest, after: field(honest.after + 1n) }, 'after')
    refuses(circuit, { ...honest, before: honest.after, after: honest.before }, 'the other way round')
    const other = three()
    other.add(150n)
    other.add(160n)
    refuses(circuit, { ...honest, after: other.root }, 'two at once')
  })

  it('refuses 0 and numbers of more than 248 bits', () => {
    const honest = new IntervalList(DEPTH).add(150n)
    for (const value of [0n, LIST_END, P - 1n]) refuses(circuit, { ...honest, value }, `${value}`)
    for (const value of [0n, LIST_END]) expect(() => new IntervalList(DEPTH).add(value)).to.throw(/1 to 2\^248 - 1/)
  })

  it('refuses every mutation of its signals', () => {
    const witness = circuit.witness(three().add(150n))
    expectMutationsRefused(circuit, witness, circuit.derivedWires, 500, random)
  })
})

describe('MerkleRoot', function () {
  this.timeout(120_000)

  it('is the root of the path, and leaves no signal open', async () => {
    const circuit = await Circuit.instance('merkle-root-3')
    expect(circuit.system.header.constraints).to.equal(INSTANCES['merkle-root-3']!.constraints)
    expect(circuit.open()).to.deep.equal([])
    const sibling = [5n, 6n, 7n]
    const witness = circuit.witness({ leaf: 9n, bit: [1n, 0n, 1n], sibling })
    expect(circuit.value(witness, 'out')).to.equal(poseidon([7n, poseidon([poseidon([5n, 9n]), 6n])]))
    expectMutationsRefused(circuit, witness, circuit.derivedWires, 300, random)
  })
})
