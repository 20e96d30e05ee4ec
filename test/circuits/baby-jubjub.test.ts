// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { B8, bitsOf, type CurvePoint, Point, pair, points, random, small } from './baby-points.ts'
import { Circuit, expectMutationsRefused, field, INSTANCES } from './gadget.ts'

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

  it('have the stated cost, and determine every signal', () => {
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

  it('double any point of the curve, and distinguish points from other pairs', () => {
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
