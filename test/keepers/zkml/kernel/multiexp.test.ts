// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { compileKernel, Kernel } from '../../../../keepers/zkml/kernel/kernel.ts'
import { MultiExp, windowsFor } from '../../../../keepers/zkml/prove/multiexp.ts'
import type { PartialSums, TableShare } from '../../../../keepers/zkml/prove/requests.ts'
import { fieldToBytes } from '../../../../keepers/zkml/setup/curve-memory.ts'
import {
  type Coordinates,
  fromFile,
  type Group,
  multipleOf,
  negative,
  POINT_BYTES,
  progression,
  randomBelow,
  sumOfPoints,
  toFile,
} from './points.ts'

const STEP = 0x1234567n

/** A point as a multiple of the generator. */
type Base = { readonly multiple: bigint; readonly point: Coordinates }

/** Points in a progression, and among them infinity, repetitions and negatives. */
function basesOf(group: Group, count: number): Base[] {
  const first = 99n
  return progression(group, first, STEP, count).map((point, i, all): Base => {
    const multiple = (j: number) => first + BigInt(j) * STEP
    if (i % 13 === 7) return { multiple: 0n, point: null }
    if (i % 11 === 5) return { multiple: multiple(3), point: all[3]! }
    if (i % 17 === 8) return { multiple: -multiple(4), point: negative(all[4]!) }
    return { multiple: multiple(i), point }
  })
}

/** A scalar of each kind that a witness has: none, bits, bytes, short, short below zero, of full size, and the ends. */
function scalarOf(index: number, random: () => bigint): bigint {
  const kinds = [
    0n,
    1n,
    SCALAR_FIELD - 1n,
    random() & 255n,
    random() & 0xffffffffn,
    SCALAR_FIELD - (random() & 0xfffffn),
  ]
  const ends = [
    (SCALAR_FIELD - 1n) / 2n,
    (SCALAR_FIELD + 1n) / 2n,
    (1n << 253n) - 1n,
    1n << 252n,
    2n,
    SCALAR_FIELD - 2n,
  ]
  const all = [...kinds, ...ends]
  return index % 3 === 0 ? random() : all[index % all.length]!
}

/** 2^stride, 2^(2·stride) … times every finite point, by noble. */
function tableOf(group: Group, bases: readonly Base[], stride: number): TableShare {
  const finite = bases.filter(({ point }) => point !== null)
  const multiples = Array.from({ length: Math.ceil(255 / stride) - 1 }, (_, level) => {
    const bytes = new Uint8Array(finite.length * POINT_BYTES[group])
    for (const [i, { multiple }] of finite.entries()) {
      const factor = (((multiple << BigInt(stride * (level + 1))) % SCALAR_FIELD) + SCALAR_FIELD) % SCALAR_FIELD
      bytes.set(toFile(group, multipleOf(group, factor)), i * POINT_BYTES[group])
    }
    return bytes
  })
  return { stride, multiples }
}

async function check(
  group: Group,
  bases: readonly Base[],
  scalars: readonly bigint[],
  table: TableShare | null = null,
): Promise<void> {
  const kernel = await Kernel.create(await compileKernel())
  const bytes = new Uint8Array(bases.length * POINT_BYTES[group])
  for (const [i, { point }] of bases.entries()) bytes.set(toFile(group, point), i * POINT_BYTES[group])
  const query = new MultiExp(kernel, group, bytes, table)
  const address = kernel.write(new Uint8Array(scalars.flatMap((scalar) => [...fieldToBytes(scalar)])))
  const expected = bases.reduce((sum, { multiple }, i) => sum + multiple * scalars[i]!, 0n)
  // Twice: nothing of a sum must be left for the next.
  for (let turn = 0; turn < 2; turn++)
    expect(total(group, query.sum(address))).to.deep.equal(multipleOf(group, expected))
}

/** The point that partial sums stand for; each must be a point of the progression's group for noble to take it. */
function total(group: Group, { bits, points }: PartialSums): Coordinates {
  return sumOfPoints(
    group,
    bits.map((bit, i) => ({
      bit,
      point: fromFile(points.subarray(i * POINT_BYTES[group], (i + 1) * POINT_BYTES[group])),
    })),
  )
}

describe('sums of multiples in the kernel', function () {
  this.timeout(240_000)

  for (const [group, count] of [
    ['g1', 10_000],
    ['g2', 10_000],
  ] as const) {
    it(`equals @noble/curves for ${count} points of ${group}, repeated, negative and infinite, and scalars of every kind`, async () => {
      const random = randomBelow(SCALAR_FIELD, count)
      const bases = basesOf(group, count)
      await check(
        group,
        bases,
        bases.map((_, i) => scalarOf(i, random)),
      )
    })

    it(`equals it for few points of ${group}, where buckets stay empty and sums meet themselves`, async () => {
      const random = randomBelow(SCALAR_FIELD, 5)
      for (const size of [1, 2, 3, 8, 30]) {
        const bases = basesOf(group, size)
        for (let turn = 0; turn < 4; turn++)
          await check(
            group,
            bases,
            bases.map((_, i) => scalarOf(i + turn, random)),
          )
      }
    })

    it(`equals it for one point of ${group} under one scalar, many times, and together with its negative`, async () => {
      const base: Base = { multiple: 5n, point: multipleOf(group, 5n) }
      const opposite: Base = { multiple: -5n, point: negative(base.point) }
      for (const scalar of [1n, 6n, SCALAR_FIELD - 1n, (1n << 130n) + 3n]) {
        const same = new Array<Base>(67).fill(base)
        await check(
          group,
          same,
          same.map(() => scalar),
        )
        const cancelling = same.flatMap(() => [base, opposite])
        await check(
          group,
          cancelling,
          cancelling.map(() => scalar),
        )
        await check(
          group,
          [...cancelling, base],
          [...cancelling, base].map(() => scalar),
        )
      }
    })

    it(`equals it for no points of ${group}, only infinities, and only zeros`, async () => {
      const random = randomBelow(SCALAR_FIELD, 3)
      const infinite: Base[] = new Array<Base>(5).fill({ multiple: 0n, point: null })
      await check(group, [], [])
      await check(
        group,
        infinite,
        infinite.map(() => random()),
      )
      await check(group, basesOf(group, 9), new Array<bigint>(9).fill(0n))
    })
  }

  for (const group of ['g1', 'g2'] as const) {
    it(`equals it with tables of ${group} of every density, for scalars of every kind, zeros, ones and bytes alone`, async () => {
      const random = randomBelow(SCALAR_FIELD, 8)
      const kinds = [
        (i: number) => scalarOf(i, random),
        () => 0n,
        () => 1n,
        () => random() & 255n,
        () => SCALAR_FIELD - 1n,
      ]
      const full = [
        () => random(),
        () => (SCALAR_FIELD - 1n) / 2n,
        () => (SCALAR_FIELD + 1n) / 2n,
        () => (1n << 253n) - 1n,
      ]
      const bases = basesOf(group, 70)
      for (const stride of group === 'g1' ? [13, 24, 128] : [64]) {
        const table = tableOf(group, bases, stride)
        for (const kind of [...kinds, ...full])
          await check(
            group,
            bases,
            bases.map((_, i) => kind(i)),
            table,
          )
      }
      // The same point and its negative, in every window of a set.
      const base: Base = { multiple: 5n, point: multipleOf(group, 5n) }
      const pairs = [base, { multiple: -5n, point: negative(base.point) }, base, base]
      for (const scalar of [1n, SCALAR_FIELD - 1n, (1n << 130n) + (1n << 13n) + 1n])
        await check(
          group,
          pairs,
          pairs.map(() => scalar),
          tableOf(group, pairs, 13),
        )
    })
  }

  it('refuses a table of another number of points', async () => {
    const bases = basesOf('g1', 9)
    const fault = await check(
      'g1',
      bases,
      bases.map(() => 1n),
      tableOf('g1', bases.slice(1), 64),
    ).catch((error) => error)
    expect(fault).to.be.instanceOf(RangeError)
  })

  it('shares buckets among windows where that needs fewer additions', () => {
    const lengths = (bits: number, count: number) => Array.from({ length: 256 }, (_, i) => (i === bits ? count : 0))
    expect(windowsFor(lengths(253, 4096), 13)).to.include({ width: 13, sets: 1, used: 20 })
    expect(windowsFor(lengths(253, 4096), 24).sets).to.equal(2)
    expect(windowsFor(lengths(253, 4096)).sets).to.equal(windowsFor(lengths(253, 4096)).used)
  })

  it('takes wide digits for many long scalars, and few windows for bits', () => {
    const lengths = (bits: number, count: number) => Array.from({ length: 256 }, (_, i) => (i === bits ? count : 0))
    expect(windowsFor(lengths(253, 1 << 15)).width).to.be.greaterThan(9)
    expect(windowsFor(lengths(253, 10)).width).to.be.lessThan(6)
    expect(windowsFor(lengths(1, 1 << 15)).used).to.be.at.most(2)
    for (let bits = 1; bits <= 253; bits++) {
      const { width, used, windows } = windowsFor(lengths(bits, 100))
      // The largest number that signed digits of these windows stand for; the last of all windows is not signed.
      const signed = (BigInt(2 ** (width - 1) - 1) * (2n ** BigInt(width * used) - 1n)) / BigInt(2 ** width - 1)
      expect(used === windows || signed >= 2n ** BigInt(bits) - 1n, `${bits} bits in ${used} of ${width}`).to.equal(
        true,
      )
      expect(windows * width).to.be.greaterThan(254)
    }
  })
})
