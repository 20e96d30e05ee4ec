// SPDX-License-Identifier: GPL-3.0-or-later
// Small lattices, exactly: Lenstra–Lenstra–Lovász over BigInt (Cohen, "A Course in Computational Algebraic Number Theory",
// algorithm 2.6.7), and the functions that the attack needs.

/** An LLL-reduced basis (δ = 3/4) of the lattice that independent rows span. */
export function reduced(rows: readonly (readonly bigint[])[]): bigint[][] {
  const b = rows.map((row) => [...row])
  for (let k = 1; k < b.length; ) {
    for (let j = k - 1; j >= 0; j--) {
      const { d, lambda } = gramSchmidt(b, k)
      const q = nearest(lambda[k]![j]!, d[j + 1]!)
      if (q !== 0n) b[k] = b[k]!.map((x, i) => x - q * b[j]![i]!)
    }
    const { d, lambda } = gramSchmidt(b, k)
    const l = lambda[k]![k - 1]!
    if (4n * (d[k + 1]! * d[k - 1]! + l * l) >= 3n * d[k]! * d[k]!) k++
    else {
      ;[b[k - 1], b[k]] = [b[k]!, b[k - 1]!]
      k = Math.max(1, k - 1)
    }
  }
  return b
}

/** A unimodular matrix of small integers for c without a common factor: all rows but the last are at right angles to c. */
export function complement(c: readonly bigint[]): { readonly across: readonly bigint[][]; readonly along: bigint[] } {
  const weight = c.reduce((sum, x) => sum + (x < 0n ? -x : x), 1n) ** 2n
  const rows = reduced(c.map((x, i) => [...c.map((_, j) => (i === j ? 1n : 0n)), weight * x]))
  const last = rows.at(-1)!
  const sign = last.at(-1)! < 0n ? -1n : 1n
  if (last.at(-1)! * sign !== weight) throw new Error(`${c} have a common factor`)
  return { across: rows.slice(0, -1).map((row) => row.slice(0, -1)), along: last.slice(0, -1).map((x) => sign * x) }
}

/** The integers x with Σ x_i·rows_i = target, where there are such. Gauss's elimination without fractions (Bareiss 1968). */
export function combination(rows: readonly (readonly bigint[])[], target: readonly bigint[]): bigint[] {
  const n = rows.length
  // One equation a coordinate; the last one follows from the others when there are more coordinates than rows.
  const m = target.map((value, j) => [...rows.map((row) => row[j]!), value])
  let last = 1n
  for (let k = 0; k < n; k++) {
    const pivot = m.findIndex((row, i) => i >= k && row[k] !== 0n)
    ;[m[k], m[pivot]] = [m[pivot]!, m[k]!]
    for (const [i, row] of m.entries()) {
      if (i === k) continue
      m[i] = row.map((x, j) => (x * m[k]![k]! - row[k]! * m[k]![j]!) / last)
    }
    last = m[k]![k]!
  }
  return rows.map((_, k) => m[k]![n]! / m[k]![k]!)
}

/** The integral Gram–Schmidt numbers of the first k + 1 rows: d[i + 1] = Π ‖b*‖² of rows 0 … i, λ[i][j] = d[j + 1]·μ_ij. */
function gramSchmidt(b: readonly (readonly bigint[])[], k: number): { d: bigint[]; lambda: bigint[][] } {
  const d = [1n]
  const lambda: bigint[][] = []
  for (let i = 0; i <= k; i++) {
    lambda.push([])
    for (let j = 0; j <= i; j++) {
      let u = b[i]!.reduce((sum, x, at) => sum + x * b[j]![at]!, 0n)
      for (let m = 0; m < j; m++) u = (d[m + 1]! * u - lambda[i]![m]! * lambda[j]![m]!) / d[m]!
      if (j < i) lambda[i]!.push(u)
      else d.push(u)
    }
  }
  return { d, lambda }
}

/** a/b to the nearest integer, b > 0. */
export function nearest(a: bigint, b: bigint): bigint {
  const twice = 2n * a + b
  const quotient = twice / (2n * b)
  return twice < 0n && twice % (2n * b) !== 0n ? quotient - 1n : quotient
}
