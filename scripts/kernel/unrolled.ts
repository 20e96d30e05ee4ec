// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the AssemblyScript of the three products of the BN254 kernel: five limbs by five, every step spelled out. The ten columns must be
// local variables, which neither a loop nor a function of AssemblyScript can index. keepers/zkml/kernel/assembly/products.ts says how they are
// computed; the build compiles these files as if they were beside it.

const LIMBS = 5
/** Bytes of a limb in both lanes. */
const WORD = 16
/** Bits of a limb. */
const RADIX = 51

const limbs = Array.from({ length: LIMBS }, (_, i) => i)
const load = (from: string, i: number): string => `v128.load(${from}, ${WORD * i})`

/** Columns k and k + 1 take in the product of `x` and a limb: its high half goes one column up. */
const addProduct = (k: number, x: string, y: string): string[] => [
  `h = high(${x}, ${y})`,
  `t${k + 1} = i64x2.add(t${k + 1}, h)`,
  `t${k} = i64x2.add(t${k}, low(${x}, ${y}, h))`,
]

/** Column k carries what is beyond its limb into the next. */
const carry = (k: number): string => `t${k + 1} = i64x2.add(t${k + 1}, i64x2.shr_u(t${k}, ${RADIX}))`

/** Montgomery's step: a multiple of the modulus clears column k. */
const reduce = (k: number): string[] => [
  `q = quotient(t${k}, field)`,
  ...limbs.flatMap((j) => addProduct(k + j, 'q', load('field', j))),
  carry(k),
]

const start = (columns: string): string[] =>
  Array.from({ length: 2 * LIMBS }, (_, k) => `let t${k} = v128.load(${columns} + ${WORD * k})`)

/** The upper columns, as signed digits; the last one keeps its whole value. */
const finish = (): string[] => [
  ...limbs.slice(0, -1).flatMap((i) => [`v128.store(out, digit(t${LIMBS + i}), ${WORD * i})`, carry(LIMBS + i)]),
  `v128.store(out, f64x2.sub(t${2 * LIMBS - 1}, v128.load(C, 32)), ${WORD * (LIMBS - 1)})`,
]

/** A file with one product. @param row the products of limb i of the first factor, before column i is cleared */
function file(
  about: { readonly comment: string; readonly imports: string; readonly columns: string; readonly head: string },
  factor: readonly string[],
  row: (i: number) => string[],
): string {
  const body = [
    'let h: v128, q: v128, x: v128',
    ...factor,
    ...start(about.columns),
    ...limbs.flatMap((i) => [...row(i), ...reduce(i)]),
    ...finish(),
  ]
  return `// SPDX-License-Identifier: GPL-3.0-or-later
// ${about.comment}
import { ${about.imports} } from './products'
import { ${about.columns} } from './starts'

${about.head} {
${body.map((line) => `  ${line}`).join('\n')}
}
`
}

/** The files by name, as products.ts' folder would hold them. */
export const UNROLLED: Readonly<Record<string, string>> = {
  'multiply.ts': file(
    {
      comment: 'Products of pairs of elements; products.ts says how they are computed.',
      imports: 'C, digit, high, low, quotient',
      columns: 'MUL_STARTS',
      head: `/** out = a·b/R in both lanes. Any of the three may be the same. */
export function multiply(out: usize, a: usize, b: usize, field: usize): void`,
    },
    limbs.map((j) => `const b${j} = ${load('b', j)}`),
    (i) => [`x = ${load('a', i)}`, ...limbs.flatMap((j) => addProduct(i + j, 'x', `b${j}`))],
  ),
  'square.ts': file(
    {
      comment: 'Squares of pairs of elements: each cross product once. products.ts says how they are computed.',
      imports: 'C, digit, high, low, quotient',
      columns: 'SQR_STARTS',
      head: `/** out = a²/R in both lanes; the limbs of a are those of one normal element. */
export function square(out: usize, a: usize, field: usize): void`,
    },
    limbs.map((j) => `const a${j} = ${load('a', j)}`),
    (i) => {
      const crossed = limbs.slice(i + 1).flatMap((j) => addProduct(i + j, 'x', `a${j}`))
      return [
        `x = a${i}`,
        ...addProduct(2 * i, 'x', 'x'),
        ...(crossed.length > 0 ? ['x = f64x2.add(x, x)'] : []),
        ...crossed,
      ]
    },
  ),
  'multiply-complex.ts': file(
    {
      comment: 'Products in Fp[i]/(i² + 1); products.ts says how they are computed.',
      imports: 'C, digit, high, imaginaryTwice, low, quotient, realTwice, swapped',
      columns: 'COMPLEX_STARTS',
      head: `/** out = a·b/R of one element of Fp[i]/(i² + 1) each, the real part in lane 0. */
export function multiplyComplex(out: usize, a: usize, b: usize, field: usize): void`,
    },
    limbs.flatMap((j) => [`x = ${load('b', j)}`, `const r${j} = realTwice(x)`, `const s${j} = imaginaryTwice(x)`]),
    (i) => [
      `x = ${load('a', i)}`,
      ...limbs.flatMap((j) => addProduct(i + j, 'x', `r${j}`)),
      'x = swapped(x)',
      ...limbs.flatMap((j) => addProduct(i + j, 'x', `s${j}`)),
    ],
  ),
}
