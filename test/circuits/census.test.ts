// SPDX-License-Identifier: GPL-3.0-or-later
// Gadgets of private tables: rows that count once, counts, hidden running counts, noise from a seed. Equal to their definitions, and aimed
// forgeries that one constraint alone refuses.
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { drawNoise } from '../../keepers/apps/census/noise.ts'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { poseidon, poseidonChain } from '../../keepers/zkml/circuit/poseidon.ts'
import { seeded } from '../keepers/zkml/circuit/programs.ts'
import { Circuit, expectMutationsRefused, field, fields, INSTANCES, type InstanceName, mainOf, P } from './gadget.ts'

const LIMITS = [1_500_000_000n, 700_000_001n]
/** Five rows of columns with 3, 2 and 4 values; the fourth is vacant. */
const ROWS = [[2, 1, 3], [0, 0, 0], [1, 1, 2], null, [2, 0, 3]]
const WIDTHS = [3, 2, 4]
const present = fields(ROWS.map((row) => (row === null ? 0 : 1)))
const mark = fields(
  ROWS.flatMap((row) =>
    WIDTHS.flatMap((width, c) => Array.from({ length: width }, (_, v) => (row?.[c] === v ? 1 : 0))),
  ),
)

/** An instance with one text of its gadget's file changed: what a prover could do without it. */
async function without(name: InstanceName, from: string, to: string): Promise<Circuit> {
  const { file, template, parameters, public: visible } = INSTANCES[name]!
  const library = await readFile(`circuits/lib/${file}.circom`, 'utf8')
  expect(library.split(from), from).to.have.length(2)
  const main = mainOf(file, template, parameters, visible).split('\n').at(-2)
  return await Circuit.compile(`${library.replace(from, to)}\n${main}\n`, { name: `${name}-open` })
}

describe('gadgets of private tables', function () {
  this.timeout(120_000)
  const random = seeded(11)

  /** Costs what instances.json says, leaves nothing open but `assumed`, refuses mutations. */
  const sound = (name: InstanceName, circuit: Circuit, witness: bigint[], mutations: number, ...assumed: string[]) => {
    expect(circuit.system.header.constraints, name).to.equal(INSTANCES[name]!.constraints)
    expect(circuit.open(...assumed), name).to.deep.equal([])
    const derived = circuit.derivedWires
    const some =
      derived.length <= 400
        ? derived
        : Array.from({ length: 200 }, () => derived[Math.floor(random() * derived.length)]!)
    expectMutationsRefused(circuit, witness, some, mutations, random)
  }

  it('Below: is less, for every number of eight bits and limits with and without low zeros', async () => {
    for (const limit of [172, 1, 128, 255]) {
      const source = mainOf('below', 'Below', [8, limit], ['in'])
      const circuit =
        limit === 172 ? await Circuit.instance('below-8') : await Circuit.compile(source, { name: 'below' })
      for (let value = 0; value < 256; value++) {
        const witness = circuit.witness({ in: fields(Array.from({ length: 8 }, (_, i) => (value >> i) & 1)) })
        expect(circuit.value(witness, 'out'), `${value} < ${limit}`).to.equal(value < limit ? 1n : 0n)
      }
      if (limit === 172) sound('below-8', circuit, circuit.witness({ in: fields([1, 0, 1, 0, 1, 0, 1, 0]) }), 300)
    }
  })

  it('UniformBits: the one decomposition; the highest elements have none', async () => {
    const circuit = await Circuit.instance('uniform-bits')
    const H = P >> 192n
    const value = (H - 1n) * 2n ** 192n + 12345678901234567890n
    const witness = circuit.witness({ in: value })
    expect(circuit.values(witness, 'bit', 192).reduceRight((sum, bit) => 2n * sum + bit, 0n)).to.equal(
      BigInt.asUintN(192, value),
    )
    for (const refused of [H << 192n, P - 1n]) expect(() => circuit.witness({ in: refused })).to.throw(CircuitError)
    // The rules of determinism do not compare with H, which fixes the high part; the next test does.
    sound('uniform-bits', circuit, witness, 500, 'high')
  })

  it('UniformBits: a second decomposition, of the element plus the order of the field, is refused by the upper bound alone', async () => {
    const bound = '    component atMost = Range(0, 62);\n    atMost.in <== H - 1 - high;\n'
    const small = 5n
    const alias = small + P
    const hints = (from: string) =>
      from
        .replace('bit[i] <-- (in >> i) & 1;', `bit[i] <-- (${BigInt.asUintN(192, alias)} >> i) & 1;`)
        .replace('high <-- in >> 192', `high <-- ${alias >> 192n}`)
    const library = hints(await readFile('circuits/lib/uniform_bits.circom', 'utf8'))
    const main = 'component main {public [in]} = UniformBits();'
    const bounded = await Circuit.compile(`${library}\n${main}\n`, { name: 'uniform-bits-alias' })
    expect(() => bounded.witness({ in: small })).to.throw(CircuitError, /constraint/)
    const open = await Circuit.compile(`${library.replace(bound, '')}\n${main}\n`, { name: 'uniform-bits-open' })
    const forged = open.witness({ in: small })
    expect(open.system.firstViolation(forged)).to.equal(null)
    expect(open.values(forged, 'bit', 192).reduceRight((sum, bit) => 2n * sum + bit, 0n)).to.not.equal(small)
  })

  it('TwoSidedGeometric: the noise that keepers/apps/census/noise.ts draws', async () => {
    const circuit = await Circuit.instance('geometric-2-2')
    for (const context of [0n, 77n, 1n << 240n]) {
      const witness = circuit.witness({ seed: 99n, context })
      const noise = circuit.values(witness, 'noise', 2)
      expect(noise).to.deep.equal(fields(drawNoise(99n, context, LIMITS).slice(0, 2)))
    }
    expect(circuit.system.header.constraints).to.equal(INSTANCES['geometric-2-2']!.constraints)
    const witness = circuit.witness({ seed: 99n, context: 77n })
    const probe = circuit.system.probe(witness)
    const coin = circuit.value(witness, 'noise[0]')
    for (const changed of [coin + 1n, coin - 1n, -coin - 5n, 0n - 9n])
      circuit.expectRefused(probe, { 'noise[0]': changed }, 'another noise')
  })

  it('TableRows: a commitment to rows, each of which is present once or vacant', async () => {
    const circuit = await Circuit.instance('table-rows-5')
    const witness = circuit.witness({ salt: 7n, present, mark })
    // Present, then 2 bits, 1 bit and 2 bits: six bits a row, all in one element.
    const codes = ROWS.map((row) => (row === null ? 0 : 1 + 2 * row[0]! + 8 * row[1]! + 16 * row[2]!))
    const packed = codes.reduceRight((sum, code) => (sum << 6n) | BigInt(code), 0n)
    expect(circuit.value(witness, 'commitment')).to.equal(poseidonChain(12345n, [7n, packed]))
    sound('table-rows-5', circuit, witness, 300)
    const changes: [string, Record<number, bigint>, Record<number, bigint>][] = [
      ['two values in a column', { 0: 1n }, {}],
      ['no value in a column', { 2: 0n }, {}],
      ['a vacant row that counts', { 27: 1n }, {}],
      ['a mark of 2', { 2: 2n }, {}],
      ['marks of 2 and -1', { 1: field(-1), 2: 2n }, {}],
      ['a row that is present twice', { 2: 2n, 4: 2n, 8: 2n }, { 0: 2n }],
    ]
    for (const [what, marks, rows] of changes)
      expect(
        () =>
          circuit.witness({
            salt: 7n,
            present: present.map((value, i) => rows[i] ?? value),
            mark: mark.map((value, i) => marks[i] ?? value),
          }),
        what,
      ).to.throw(CircuitError, /constraint/)
  })

  it('TableRows: without the sum of marks a person would count in two cells of a marginal', async () => {
    const open = await without('table-rows-5', 'count === present[r];', '')
    const twice = mark.map((value, i) => (i === 0 ? 1n : value))
    expect(open.system.firstViolation(open.witness({ salt: 7n, present, mark: twice }))).to.equal(null)
  })

  it('PairCounts: the two-way marginals; a vacant row adds nothing, a present one to one cell of each', async () => {
    const circuit = await Circuit.instance('pair-counts-5')
    const witness = circuit.witness({ mark })
    const count = (a: number, b: number) =>
      Array.from({ length: WIDTHS[a]! }, (_, i) =>
        Array.from({ length: WIDTHS[b]! }, (_, j) => ROWS.filter((row) => row?.[a] === i && row[b] === j).length),
      ).flat()
    const expected = [...count(1, 0), ...count(2, 0)]
    expect(circuit.values(witness, 'cell', 18)).to.deep.equal(fields(expected))
    expect(expected.reduce((sum, cell) => sum + cell, 0)).to.equal(8)
    sound('pair-counts-5', circuit, witness, 300)
  })

  it('AdditiveOutcomes: rows by label and prediction; weights out of range have no witness', async () => {
    const circuit = await Circuit.instance('additive-outcomes-5')
    const weights = [-3, 5, -7, 2, 31, -32, 0, 1]
    const inputs = { present, mark, weight: fields(weights) }
    const witness = circuit.witness(inputs)
    const expected = [0, 0, 0, 0]
    for (const row of ROWS) {
      if (row === null) continue
      const sum = weights[0]! + weights[1 + row[0]!]! + weights[4 + row[2]!]!
      expected[2 * row[1]! + (sum >= 0 ? 1 : 0)]!++
    }
    expect(circuit.values(witness, 'cell', 4)).to.deep.equal(fields(expected))
    const packed = weights.reduceRight((sum, weight) => (sum << 6n) | BigInt(weight + 32), 0n)
    expect(circuit.value(witness, 'model')).to.equal(poseidonChain(777n, [0n, packed]))
    sound('additive-outcomes-5', circuit, witness, 300)
    for (const weight of [32, -33])
      expect(() => circuit.witness({ ...inputs, weight: fields([weight, ...weights.slice(1)]) })).to.throw(CircuitError)
    const extremes = [-32, -32, 31, 31, -32, 31, 31, -32]
    expect(circuit.system.firstViolation(circuit.witness({ ...inputs, weight: fields(extremes) }))).to.equal(null)
  })

  it('RunningCounts: from state to state', async () => {
    const circuit = await Circuit.instance('running-counts-20')
    const cell = Array.from({ length: 20 }, (_, i) => i)
    const pack = (cells: number[]) => cells.reduceRight((sum, value) => (sum << 16n) | BigInt(value), 0n)
    const inputs = { blindingBefore: 3n, blindingAfter: 4n, element: [9n, 8n], cell: fields(cell) }
    const witness = circuit.witness(inputs)
    expect(circuit.value(witness, 'before')).to.equal(poseidon([55n, 3n, 9n, 8n]))
    const after = [9n + pack(cell.slice(0, 15)), 8n + pack(cell.slice(15))]
    expect(circuit.value(witness, 'after')).to.equal(poseidon([55n, 4n, ...after]))
    expect(circuit.system.header.constraints).to.equal(INSTANCES['running-counts-20']!.constraints)
    expect(circuit.open()).to.deep.equal([])
  })

  it('NoisyCounts: opens a slice with the noise of its context, and nothing else', async () => {
    const circuit = await Circuit.instance('noisy-counts-2')
    const count = Array.from({ length: 15 }, (_, i) => (i === 3 ? 2 ** 14 - 1 : 10 * i))
    const pack = (cells: number[]) => cells.reduceRight((sum, value) => (sum << 16n) | BigInt(value), 0n)
    const context = (123n << 4n) | 1n
    const right = { seed: 99n, blinding: 5n, element: [17n, pack(count)], count: fields(count), slice: 1n, context }
    const witness = circuit.witness(right)
    const noise = drawNoise(99n, context, LIMITS)
    expect(circuit.value(witness, 'state')).to.equal(poseidon([55n, 5n, ...right.element]))
    expect(circuit.value(witness, 'seedCommitment')).to.equal(poseidon([66n, 99n]))
    expect(circuit.value(witness, 'released')).to.equal(pack(count.map((value, i) => value + noise[i]! + 1024)))
    expect(circuit.system.header.constraints).to.equal(INSTANCES['noisy-counts-2']!.constraints)
    const probe = circuit.system.probe(witness)
    const released = circuit.value(witness, 'released')
    for (const changed of [released + 1n, released - (1n << 16n)])
      circuit.expectRefused(probe, { released: changed }, 'another output')
    const moved = count.with(0, 1).with(1, 9)
    for (const [what, changes] of [
      ['other counts', { count: fields(count.with(0, 1)) }],
      ['counts that carry into each other', { count: fields(moved.with(0, 65_536)) }],
      ['another slice', { slice: 0n }],
      ['a slice that there is not', { slice: 2n, context: (123n << 4n) | 2n }],
      ['a context beyond its bits', { context: context + (1n << 250n) }],
    ] as const)
      expect(() => circuit.witness({ ...right, ...changes }), what).to.throw(CircuitError, /constraint/)
  })

  it('NoisyCounts: the counts of one slice under the context of another are refused by the bound on the upper part alone', async () => {
    const { file, template, parameters, public: visible } = INSTANCES['noisy-counts-2']!
    const main = mainOf(file, template, parameters, visible).split('\n').at(-2)
    // A liar's hint: in the field there is an upper part for every pair of a context and a slice.
    const library = await readFile('circuits/lib/noisy_counts.circom', 'utf8')
    const hint = 'signal high <-- context >> 4;'
    const bound = '    component contextRange = Range(0, 240);\n    contextRange.in <== high;\n'
    const link = '    16 * high + slice === context;\n'
    for (const text of [hint, bound, link]) expect(library.split(text), text).to.have.length(2)
    const lying = library.replace(hint, 'signal high <-- (context - slice) / 16;')
    const compiled = (source: string, name: string) => Circuit.compile(`${source}\n${main}\n`, { name })
    const pack = (cells: number[]) => cells.reduceRight((sum, value) => (sum << 16n) | BigInt(value), 0n)
    const [first, second] = [new Array<number>(15).fill(7), Array.from({ length: 15 }, (_, i) => 10 * i)]
    const context = (123n << 4n) | 1n
    const shared = { seed: 99n, blinding: 5n, element: [pack(first), pack(second)], context }
    const honest = { ...shared, count: fields(second), slice: 1n }
    const swapped = { ...shared, count: fields(first), slice: 0n }

    const bounded = await compiled(lying, 'noisy-counts-hint')
    expect(bounded.system.firstViolation(bounded.witness(honest)), 'the hint itself is no forgery').to.equal(null)
    expect(() => bounded.witness(swapped)).to.throw(CircuitError, /constraint/)
    const noise = drawNoise(99n, context, LIMITS)
    // Without either, a server would publish the first slice as the second one.
    for (const [source, name] of [
      [lying.replace(bound, ''), 'noisy-counts-unbounded'],
      [library.replace(link, ''), 'noisy-counts-unlinked'],
    ] as const) {
      const open = await compiled(source, name)
      const forged = open.witness(swapped)
      expect(open.system.firstViolation(forged), name).to.equal(null)
      expect(open.value(forged, 'released')).to.equal(pack(first.map((value, i) => value + noise[i]! + 1024)))
    }
  })
})
