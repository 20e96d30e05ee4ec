// SPDX-License-Identifier: GPL-3.0-or-later
// A point that a pairing must not be given: on the twist of BN254, but not of order r.
import { BASE_FIELD } from '../../../keepers/zkml/bn254.ts'

/**
 * x and y, each as [imaginary, real]. The twist has a cofactor of about 2^254: nearly every point found by its x coordinate alone
 * lies outside the subgroup.
 */
export function pointOutsideSubgroup(): bigint[][] {
  const q = BASE_FIELD
  const power = (base: bigint, exponent: bigint) => {
    let result = 1n
    for (let b = base % q, e = exponent; e > 0n; e >>= 1n, b = (b * b) % q) if (e & 1n) result = (result * b) % q
    return result
  }
  const root = (v: bigint): bigint | null => {
    const candidate = power(v, (q + 1n) / 4n)
    return (candidate * candidate) % q === ((v % q) + q) % q ? candidate : null
  }
  const inverse = (v: bigint) => power(v, q - 2n)
  const mod = (v: bigint) => ((v % q) + q) % q
  const b = [mod(27n * inverse(82n)), mod(-3n * inverse(82n))] as const
  for (let xr = 1n; ; xr++) {
    const xi = 1n
    const [sr, si] = [mod(xr * xr - xi * xi), mod(2n * xr * xi)]
    const [cr, ci] = [mod(sr * xr - si * xi + b[0]), mod(sr * xi + si * xr + b[1])]
    // Square root in Fq2: y_re² = (re ± |z|)/2.
    const norm = root(mod(cr * cr + ci * ci))
    if (norm === null) continue
    for (const sign of [norm, q - norm]) {
      const yr = root(mod((cr + sign) * inverse(2n)))
      if (yr === null || yr === 0n) continue
      const yi = mod(ci * inverse(2n * yr))
      if (mod(yr * yr - yi * yi) !== cr || mod(2n * yr * yi) !== ci) continue
      return [
        [xi, xr],
        [yi, yr],
      ]
    }
  }
}
