// SPDX-License-Identifier: GPL-3.0-or-later
// The partial rounds of Poseidon in an equal form that takes 2t products a round in place of t² (Grassi et al., eprint 2019/458, appendix B).
import { Field } from '@noble/curves/abstract/modular.js'
import { SCALAR_FIELD } from '../bn254.ts'

type Matrix = readonly (readonly bigint[])[]

/** A partial round: `constant` is added to the first element, which passes the S-box as b; then the round's matrix, all but sparse. */
export type PartialRound = {
  readonly constant: bigint
  /** Of b in the next first element. */
  readonly corner: bigint
  /** Of the other elements in the next first element. */
  readonly row: readonly bigint[]
  /** Of b in the others, which are otherwise kept. */
  readonly column: readonly bigint[]
}

export type PartialRounds = {
  /** Applied to all elements but the first, before the first of the rounds. */
  readonly before: Matrix
  readonly rounds: readonly PartialRound[]
  /** Constants of the full round that comes next. */
  readonly after: readonly bigint[]
}

const field = Field(SCALAR_FIELD)

/** Matrix times vector, reduced. */
export function apply(matrix: Matrix, vector: readonly bigint[]): bigint[] {
  return matrix.map((row) => {
    let sum = 0n
    for (let j = 0; j < row.length; j++) sum += row[j]! * vector[j]!
    return sum % SCALAR_FIELD
  })
}

const transposed = (matrix: Matrix): bigint[][] => matrix[0]!.map((_, j) => matrix.map((row) => row[j]!))

const product = (a: Matrix, b: Matrix): bigint[][] => transposed(transposed(b).map((column) => apply(a, column)))

/** Gauss and Jordan. No submatrix of an MDS matrix is singular. */
function inverse(matrix: Matrix): bigint[][] {
  const size = matrix.length
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1n : 0n))])
  for (let i = 0; i < size; i++) {
    const pivot = rows.findIndex((row, k) => k >= i && row[i] !== 0n)
    ;[rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!]
    const scale = field.inv(rows[i]![i]!)
    const own = rows[i]!.map((value) => field.mul(value, scale))
    rows[i] = own
    for (const [k, row] of rows.entries()) {
      const factor = row[i]!
      if (k !== i && factor !== 0n) rows[k] = row.map((value, j) => field.sub(value, field.mul(factor, own[j]!)))
    }
  }
  return rows.map((row) => row.slice(size))
}

/**
 * The same function as rounds of "add the constants, S-box of the first element, matrix", from two facts. What is added to the other
 * elements passes the S-box unchanged, so it may as well be added, times the matrix, a round later. And a matrix D that neither changes the
 * first element nor uses it may be applied before the S-box instead of after it: M = S·D for a sparse S, and D joins the round before.
 * With M = (m, v; w, A), round p of R has S = (m, v·A^(p−R); A^(R−1−p)·w, 1), and A^R goes before all of them.
 * @param mds M, t × t
 * @param constants of the R partial rounds and of the full round after them, t each
 */
export function partialRoundsOf(mds: Matrix, constants: Matrix): PartialRounds {
  const [corner, ...v] = mds[0] as readonly [bigint, ...bigint[]]
  const w = mds.slice(1).map((row) => row[0]!)
  const inner = mds.slice(1).map((row) => row.slice(1))
  // The transposed one, as rows are multiplied from the left.
  const back = transposed(inverse(inner))
  const count = constants.length - 1

  const firsts: bigint[] = []
  let added = constants[0]!
  for (const next of constants.slice(1)) {
    firsts.push(added[0]!)
    const later = apply(mds, [0n, ...added.slice(1)])
    added = next.map((constant, i) => field.add(constant, later[i]!))
  }

  const rounds: PartialRound[] = []
  let [row, column] = [apply(back, v), w]
  for (let p = count - 1; p >= 0; p--) {
    rounds.unshift({ constant: firsts[p]!, corner, row, column })
    row = apply(back, row)
    column = apply(inner, column)
  }
  return { before: power(inner, count), rounds, after: added }
}

function power(matrix: Matrix, exponent: number): Matrix {
  if (exponent === 1) return matrix
  const half = power(matrix, exponent >> 1)
  const square = product(half, half)
  return exponent % 2 === 0 ? square : product(square, matrix)
}
