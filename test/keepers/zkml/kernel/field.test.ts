// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { BASE_FIELD, SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { compileKernel, type FieldRecord, Kernel, kernelWorks } from '../../../../keepers/zkml/kernel/kernel.ts'
import { invert, randomBelow } from './points.ts'

const RADIX = 1n << 255n
const LIMB = 51n
/** Pairs of factors, 2 lanes each. */
const PAIRS = 10_000

let kernel: Kernel

before(async () => {
  kernel = await Kernel.create(await compileKernel())
})

/** The integers in both lanes. */
function lanesAt(at: number): [bigint, bigint] {
  const bytes = kernel.read(at, 80)
  const limbs = new Float64Array(bytes.buffer)
  const lane = (which: number) =>
    [4, 3, 2, 1, 0].reduce((value, k) => (value << LIMB) + BigInt(limbs[2 * k + which]!), 0n)
  return [lane(0), lane(1)]
}

const modulo = (value: bigint, modulus: bigint) => ((value % modulus) + modulus) % modulus

describe('the BN254 kernel’s field', function () {
  this.timeout(120_000)

  for (const [name, modulus] of [
    ['base', BASE_FIELD],
    ['scalar', SCALAR_FIELD],
  ] as const) {
    let field: FieldRecord
    let values: (index: number) => [bigint, bigint]
    const inverseRadix = invert(RADIX % modulus, modulus)

    before(() => {
      field = kernel[name]
      const random = randomBelow(modulus, 1)
      const half = (modulus - 1n) / 2n
      const edges = [0n, 1n, -1n, half, -half, half - 1n, 1n << 50n, -(1n << 50n), (1n << 51n) - 1n, (1n << 204n) - 1n]
      // Edge meets edge, then random numbers within ±p/2, where all of the kernel's normal elements are.
      values = (index) => {
        const draw = () => random() - half
        if (index >= edges.length ** 2) return [draw(), draw()]
        return [edges[index % edges.length]!, edges[Math.floor(index / edges.length)]!]
      }
    })

    it(`multiplies, squares and multiplies complex in the ${name} field as BigInt does`, () => {
      const mark = kernel.mark()
      const { calls } = kernel
      const [out] = [kernel.allocate(80)]
      const inner = kernel.mark()
      for (let i = 0; i < PAIRS; i++) {
        const [a, b] = [values(i), values(i)]
        if (i >= 100) b.reverse()
        const [x, y] = [kernel.constant([a[0], b[0]]), kernel.constant([a[1], b[1]])]
        const check = (what: string, expected: [bigint, bigint], bound: bigint) => {
          const found = lanesAt(out)
          for (const lane of [0, 1] as const) {
            if (modulo(found[lane], modulus) !== modulo(expected[lane] * inverseRadix, modulus)) {
              expect.fail(`${what} of ${a} and ${b}: ${found}`)
            }
            const size = found[lane] < 0n ? -found[lane] : found[lane]
            if (size > bound) expect.fail(`${what} of ${a} and ${b} leaves ${found}`)
          }
        }
        calls.multiply(out, x, y, field.at)
        check('product', [a[0] * a[1], b[0] * b[1]], modulus)
        calls.square(out, x, field.at)
        check('square', [a[0] ** 2n, b[0] ** 2n], modulus)
        calls.multiplyComplex(out, x, y, field.at)
        const complex: [bigint, bigint] = [a[0] * a[1] - b[0] * b[1], a[0] * b[1] + b[0] * a[1]]
        check('complex product', complex, 2n * modulus)
        calls.reducePair(out, out, field.at)
        check('reduced product', complex, modulus / 2n + (1n << 205n))
        kernel.release(inner)
      }
      kernel.release(mark)
    })

    it(`inverts in the ${name} field, zero to zero, and knows zero by any of its names`, () => {
      const mark = kernel.mark()
      const { calls } = kernel
      const [out, work] = [kernel.allocate(80), kernel.allocate(160)]
      for (let i = 0; i < 200; i++) {
        const [a, b] = values(i)
        calls.invertPair(out, kernel.element(field, [modulo(a, modulus), modulo(b, modulus)]), field.at)
        const found = lanesAt(out).map((value) => modulo(value * inverseRadix, modulus))
        expect(found).to.deep.equal([a, b].map((value) => invert(modulo(value, modulus), modulus)))
        const z = kernel.element(field, [modulo(a, modulus), modulo(b, modulus)])
        calls.invertComplex(out, z, field.at, work)
        const norm = invert(modulo(a * a + b * b, modulus), modulus)
        const expected = [modulo(a * norm, modulus), modulo(-b * norm, modulus)]
        expect(lanesAt(out).map((value) => modulo(value * inverseRadix, modulus))).to.deep.equal(expected)
      }
      for (const [a, b, lanes] of [
        [0n, modulus, 3],
        [-modulus, 1n, 1],
        [-1n, 0n, 2],
        [1n, 1n << 50n, 0],
      ] as const) {
        expect(calls.zeroLanes(kernel.constant([a, b]), field.at)).to.equal(lanes)
      }
      kernel.release(mark)
    })
  }

  it('works on this machine, and wipes the memory that it releases', async () => {
    expect(await kernelWorks(await compileKernel())).to.equal(true)
    const mark = kernel.mark()
    const secret = kernel.write(new Uint8Array(1000).fill(7))
    kernel.release(mark)
    expect(kernel.read(secret, 1000).every((byte) => byte === 0)).to.equal(true)
  })
})
