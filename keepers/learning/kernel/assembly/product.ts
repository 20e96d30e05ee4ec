// SPDX-License-Identifier: GPL-3.0-or-later
// Two matrix products over "shifted rows", the basis of both dense layers and convolutions.
//
// A convolution with stride 1 over an image stored row by row is a matrix product whose right-hand rows are the SAME image,
// shifted by (ky·width + kx): no im2col copy is needed, at the cost of computing the few columns that straddle two rows.
// For a dense layer, row k starts at k·units. Tables of byte offsets say which case it is.
//
// Uses only plain (strict) SIMD and no relaxed instructions, so the bits do not depend on the machine.

// @ts-expect-error: decorator
@inline
function storePart(at: usize, low: v128, high: v128, lanes: i32): void {
  if (lanes >= 8) {
    v128.store(at, low)
    v128.store(at, high, 16)
    return
  }
  let rest = low
  let to = at
  let left = lanes
  if (left >= 4) {
    v128.store(at, low)
    rest = high
    to = at + 16
    left -= 4
  }
  if (left > 0) f32.store(to, f32x4.extract_lane(rest, 0))
  if (left > 1) f32.store(to, f32x4.extract_lane(rest, 1), 4)
  if (left > 2) f32.store(to, f32x4.extract_lane(rest, 2), 8)
}

// @ts-expect-error: decorator
@inline
function mac(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b))
}

/**
 * dst[m][p] = start + Σ_k a[m][k] · src[k][p] for m < rows, p < width.
 *
 * - `a[m][k]` is read at a + m·aRow + aTable[k]; `src[k][p]` at src + sTable[k] + 4p (all in bytes).
 * - start: 0 when mode = 0, bias[m] when mode = 1, the present dst when mode = 2.
 * - Up to 7 floats past the end of a source row may be read (never used); the arena is padded for that.
 */
export function shiftedProduct(
  dst: usize, dstRow: usize, a: usize, aRow: usize, aTable: usize, src: usize, sTable: usize,
  rows: i32, depth: i32, width: i32, mode: i32, bias: usize,
): void {
  let m = 0
  for (; m + 4 <= rows; m += 4) {
    const a0 = a + <usize>m * aRow
    const a1 = a0 + aRow
    const a2 = a1 + aRow
    const a3 = a2 + aRow
    const d0 = dst + <usize>m * dstRow
    for (let p = 0; p < width; p += 8) {
      const lanes = width - p
      const at = d0 + (<usize>p << 2)
      let c00: v128, c01: v128, c10: v128, c11: v128, c20: v128, c21: v128, c30: v128, c31: v128
      if (mode == 2) {
        c00 = v128.load(at); c01 = v128.load(at, 16)
        c10 = v128.load(at + dstRow); c11 = v128.load(at + dstRow, 16)
        c20 = v128.load(at + 2 * dstRow); c21 = v128.load(at + 2 * dstRow, 16)
        c30 = v128.load(at + 3 * dstRow); c31 = v128.load(at + 3 * dstRow, 16)
      } else if (mode == 1) {
        const b = bias + (<usize>m << 2)
        c00 = v128.load32_splat(b); c01 = c00
        c10 = v128.load32_splat(b, 4); c11 = c10
        c20 = v128.load32_splat(b, 8); c21 = c20
        c30 = v128.load32_splat(b, 12); c31 = c30
      } else {
        c00 = f32x4.splat(0); c01 = c00; c10 = c00; c11 = c00; c20 = c00; c21 = c00; c30 = c00; c31 = c00
      }
      const s = src + (<usize>p << 2)
      for (let k: usize = 0, end = <usize>depth << 2; k < end; k += 4) {
        const row = s + load<u32>(sTable + k)
        const shift: usize = load<u32>(aTable + k)
        const b0 = v128.load(row)
        const b1 = v128.load(row, 16)
        const w0 = v128.load32_splat(a0 + shift)
        c00 = mac(c00, w0, b0); c01 = mac(c01, w0, b1)
        const w1 = v128.load32_splat(a1 + shift)
        c10 = mac(c10, w1, b0); c11 = mac(c11, w1, b1)
        const w2 = v128.load32_splat(a2 + shift)
        c20 = mac(c20, w2, b0); c21 = mac(c21, w2, b1)
        const w3 = v128.load32_splat(a3 + shift)
        c30 = mac(c30, w3, b0); c31 = mac(c31, w3, b1)
      }
      storePart(at, c00, c01, lanes)
      storePart(at + dstRow, c10, c11, lanes)
      storePart(at + 2 * dstRow, c20, c21, lanes)
      storePart(at + 3 * dstRow, c30, c31, lanes)
    }
  }
  for (; m + 2 <= rows; m += 2) {
    const a0 = a + <usize>m * aRow
    const a1 = a0 + aRow
    const d0 = dst + <usize>m * dstRow
    for (let p = 0; p < width; p += 8) {
      const lanes = width - p
      const at = d0 + (<usize>p << 2)
      let c00: v128, c01: v128, c10: v128, c11: v128
      if (mode == 2) {
        c00 = v128.load(at); c01 = v128.load(at, 16)
        c10 = v128.load(at + dstRow); c11 = v128.load(at + dstRow, 16)
      } else if (mode == 1) {
        const b = bias + (<usize>m << 2)
        c00 = v128.load32_splat(b); c01 = c00
        c10 = v128.load32_splat(b, 4); c11 = c10
      } else {
        c00 = f32x4.splat(0); c01 = c00; c10 = c00; c11 = c00
      }
      const s = src + (<usize>p << 2)
      for (let k: usize = 0, end = <usize>depth << 2; k < end; k += 4) {
        const row = s + load<u32>(sTable + k)
        const shift: usize = load<u32>(aTable + k)
        const b0 = v128.load(row)
        const b1 = v128.load(row, 16)
        const w0 = v128.load32_splat(a0 + shift)
        c00 = mac(c00, w0, b0); c01 = mac(c01, w0, b1)
        const w1 = v128.load32_splat(a1 + shift)
        c10 = mac(c10, w1, b0); c11 = mac(c11, w1, b1)
      }
      storePart(at, c00, c01, lanes)
      storePart(at + dstRow, c10, c11, lanes)
    }
  }
  for (; m < rows; m++) {
    const a0 = a + <usize>m * aRow
    const d0 = dst + <usize>m * dstRow
    for (let p = 0; p < width; p += 8) {
      const at = d0 + (<usize>p << 2)
      let c00: v128, c01: v128
      if (mode == 2) {
        c00 = v128.load(at); c01 = v128.load(at, 16)
      } else if (mode == 1) {
        c00 = v128.load32_splat(bias + (<usize>m << 2)); c01 = c00
      } else {
        c00 = f32x4.splat(0); c01 = c00
      }
      const s = src + (<usize>p << 2)
      for (let k: usize = 0, end = <usize>depth << 2; k < end; k += 4) {
        const row = s + load<u32>(sTable + k)
        const w0 = v128.load32_splat(a0 + load<u32>(aTable + k))
        c00 = mac(c00, w0, v128.load(row)); c01 = mac(c01, w0, v128.load(row, 16))
      }
      storePart(at, c00, c01, width - p)
    }
  }
}

// @ts-expect-error: decorator
@inline
function horizontal(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2) + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3))
  )
}

/** All-ones in the first `lanes` (1 to 3) lanes. */
// @ts-expect-error: decorator
@inline
function laneMask(lanes: i32): v128 {
  return i32x4.gt_s(i32x4.splat(lanes), i32x4(0, 1, 2, 3))
}

// @ts-expect-error: decorator
@inline
function put(at: usize, value: f32, accumulate: i32): void {
  f32.store(at, accumulate ? f32.load(at) + value : value)
}

/**
 * c[m][k] (+)= Σ_p a[m][p] · src[k][p] for m < rows, k < depth.
 *
 * `c[m][k]` lives at c + m·cRow + cTable[k], `a[m][p]` at a + m·aRow + 4p, `src[k][p]` at src + sTable[k] + 4p (bytes).
 */
export function shiftedDots(
  c: usize, cRow: usize, cTable: usize, a: usize, aRow: usize, src: usize, sTable: usize,
  rows: i32, depth: i32, width: i32, accumulate: i32,
): void {
  const whole = <usize>(width & ~3) << 2
  const rest = width & 3
  const mask = laneMask(rest)
  let m = 0
  for (; m + 4 <= rows; m += 4) {
    const a0 = a + <usize>m * aRow
    const a1 = a0 + aRow
    const a2 = a1 + aRow
    const a3 = a2 + aRow
    let k = 0
    for (; k + 2 <= depth; k += 2) {
      const s0 = src + load<u32>(sTable + (<usize>k << 2))
      const s1 = src + load<u32>(sTable + (<usize>k << 2), 4)
      let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00
      for (let p: usize = 0; p < whole; p += 16) {
        const b0 = v128.load(s0 + p)
        const b1 = v128.load(s1 + p)
        const x0 = v128.load(a0 + p)
        c00 = mac(c00, x0, b0); c01 = mac(c01, x0, b1)
        const x1 = v128.load(a1 + p)
        c10 = mac(c10, x1, b0); c11 = mac(c11, x1, b1)
        const x2 = v128.load(a2 + p)
        c20 = mac(c20, x2, b0); c21 = mac(c21, x2, b1)
        const x3 = v128.load(a3 + p)
        c30 = mac(c30, x3, b0); c31 = mac(c31, x3, b1)
      }
      if (rest) {
        const b0 = v128.and(v128.load(s0 + whole), mask)
        const b1 = v128.and(v128.load(s1 + whole), mask)
        const x0 = v128.and(v128.load(a0 + whole), mask)
        c00 = mac(c00, x0, b0); c01 = mac(c01, x0, b1)
        const x1 = v128.and(v128.load(a1 + whole), mask)
        c10 = mac(c10, x1, b0); c11 = mac(c11, x1, b1)
        const x2 = v128.and(v128.load(a2 + whole), mask)
        c20 = mac(c20, x2, b0); c21 = mac(c21, x2, b1)
        const x3 = v128.and(v128.load(a3 + whole), mask)
        c30 = mac(c30, x3, b0); c31 = mac(c31, x3, b1)
      }
      const at0 = c + <usize>m * cRow + load<u32>(cTable + (<usize>k << 2))
      const at1 = c + <usize>m * cRow + load<u32>(cTable + (<usize>k << 2), 4)
      put(at0, horizontal(c00), accumulate); put(at1, horizontal(c01), accumulate)
      put(at0 + cRow, horizontal(c10), accumulate); put(at1 + cRow, horizontal(c11), accumulate)
      put(at0 + 2 * cRow, horizontal(c20), accumulate); put(at1 + 2 * cRow, horizontal(c21), accumulate)
      put(at0 + 3 * cRow, horizontal(c30), accumulate); put(at1 + 3 * cRow, horizontal(c31), accumulate)
    }
    for (; k < depth; k++) {
      for (let i = 0; i < 4; i++) oneDot(c, cRow, cTable, a, aRow, src, sTable, m + i, k, width, accumulate)
    }
  }
  for (; m + 2 <= rows; m += 2) {
    const a0 = a + <usize>m * aRow
    const a1 = a0 + aRow
    let k = 0
    for (; k + 2 <= depth; k += 2) {
      const s0 = src + load<u32>(sTable + (<usize>k << 2))
      const s1 = src + load<u32>(sTable + (<usize>k << 2), 4)
      let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00
      for (let p: usize = 0; p < whole; p += 16) {
        const b0 = v128.load(s0 + p)
        const b1 = v128.load(s1 + p)
        const x0 = v128.load(a0 + p)
        c00 = mac(c00, x0, b0); c01 = mac(c01, x0, b1)
        const x1 = v128.load(a1 + p)
        c10 = mac(c10, x1, b0); c11 = mac(c11, x1, b1)
      }
      if (rest) {
        const b0 = v128.and(v128.load(s0 + whole), mask)
        const b1 = v128.and(v128.load(s1 + whole), mask)
        const x0 = v128.and(v128.load(a0 + whole), mask)
        c00 = mac(c00, x0, b0); c01 = mac(c01, x0, b1)
        const x1 = v128.and(v128.load(a1 + whole), mask)
        c10 = mac(c10, x1, b0); c11 = mac(c11, x1, b1)
      }
      const at0 = c + <usize>m * cRow + load<u32>(cTable + (<usize>k << 2))
      const at1 = c + <usize>m * cRow + load<u32>(cTable + (<usize>k << 2), 4)
      put(at0, horizontal(c00), accumulate); put(at1, horizontal(c01), accumulate)
      put(at0 + cRow, horizontal(c10), accumulate); put(at1 + cRow, horizontal(c11), accumulate)
    }
    for (; k < depth; k++) {
      for (let i = 0; i < 2; i++) oneDot(c, cRow, cTable, a, aRow, src, sTable, m + i, k, width, accumulate)
    }
  }
  for (; m < rows; m++) {
    for (let k = 0; k < depth; k++) oneDot(c, cRow, cTable, a, aRow, src, sTable, m, k, width, accumulate)
  }
}

function oneDot(
  c: usize, cRow: usize, cTable: usize, a: usize, aRow: usize, src: usize, sTable: usize,
  m: i32, k: i32, width: i32, accumulate: i32,
): void {
  const x = a + <usize>m * aRow
  const s = src + load<u32>(sTable + (<usize>k << 2))
  const whole = <usize>(width & ~3) << 2
  let sum = f32x4.splat(0)
  for (let p: usize = 0; p < whole; p += 16) sum = mac(sum, v128.load(x + p), v128.load(s + p))
  const rest = width & 3
  if (rest) {
    const mask = laneMask(rest)
    sum = mac(sum, v128.and(v128.load(x + whole), mask), v128.and(v128.load(s + whole), mask))
  }
  put(c + <usize>m * cRow + load<u32>(cTable + (<usize>k << 2)), horizontal(sum), accumulate)
}
