// SPDX-License-Identifier: GPL-3.0-or-later
// Activations, the loss, and the update rules, over flat vectors. Lengths are rounded up to whole SIMD vectors: every buffer in the arena
// is padded to 32 bytes, and nothing reads the results in the padding.

/** Kinds of activation: 1 ReLU, 2 sigmoid, 3 tanh. In place. */
export function activate(values: usize, length: i32, kind: i32): void {
  const end = values + (<usize>length << 2)
  if (kind == 1) {
    const zero = f32x4.splat(0)
    // f32x4.max hands NaN on: a diverging run must not be silenced to zero.
    for (let at = values; at < end; at += 16) v128.store(at, f32x4.max(zero, v128.load(at)))
  } else if (kind == 2) {
    for (let at = values; at < end; at += 4) f32.store(at, sigmoid(f32.load(at)))
  } else if (kind == 3) {
    for (let at = values; at < end; at += 4) f32.store(at, Mathf.tanh(f32.load(at)))
  }
}

// @ts-expect-error: decorator
@inline
function sigmoid(x: f32): f32 {
  return x >= 0 ? 1 / (1 + Mathf.exp(-x)) : Mathf.exp(x) / (1 + Mathf.exp(x))
}

/** Multiplies `gradient` by the activation's derivative, written in terms of its output. */
export function activateBackward(outputs: usize, gradient: usize, length: i32, kind: i32): void {
  const size = <usize>length << 2
  if (kind == 1) {
    const zero = f32x4.splat(0)
    for (let i: usize = 0; i < size; i += 16) {
      v128.store(gradient + i, v128.and(v128.load(gradient + i), f32x4.gt(v128.load(outputs + i), zero)))
    }
  } else if (kind == 2) {
    for (let i: usize = 0; i < size; i += 4) {
      const y = f32.load(outputs + i)
      f32.store(gradient + i, f32.load(gradient + i) * y * (1 - y))
    }
  } else if (kind == 3) {
    for (let i: usize = 0; i < size; i += 4) {
      const y = f32.load(outputs + i)
      f32.store(gradient + i, f32.load(gradient + i) * (1 - y * y))
    }
  }
}

/** values *= mask, elementwise (dropout; the mask holds 0 or 1/(1 − rate)). */
export function multiply(values: usize, mask: usize, length: i32): void {
  const size = <usize>length << 2
  for (let i: usize = 0; i < size; i += 16) {
    v128.store(values + i, f32x4.mul(v128.load(values + i), v128.load(mask + i)))
  }
}

/** Rows of logits → rows of probabilities, in place. */
export function softmax(logits: usize, count: i32, classes: i32): void {
  for (let n = 0; n < count; n++) {
    const row = logits + (<usize>(n * classes) << 2)
    let highest = f32.load(row)
    for (let c = 1; c < classes; c++) highest = max(highest, f32.load(row + (<usize>c << 2)))
    let sum: f32 = 0
    for (let c = 0; c < classes; c++) {
      const at = row + (<usize>c << 2)
      const e = Mathf.exp(f32.load(at) - highest)
      f32.store(at, e)
      sum += e
    }
    for (let c = 0; c < classes; c++) {
      const at = row + (<usize>c << 2)
      f32.store(at, f32.load(at) / sum)
    }
  }
}

/**
 * Cross-entropy of softmax(logits) against `labels` (int32): writes the gradient of the MEAN over the batch, returns the SUM.
 * The number of correct answers (first maximum wins) goes to `correct`.
 */
export function crossEntropy(
  logits: usize, labels: usize, gradient: usize, correct: usize, count: i32, classes: i32,
): f64 {
  let total: f64 = 0
  let hits = 0
  const share: f32 = <f32>1 / <f32>count
  for (let n = 0; n < count; n++) {
    const row = logits + (<usize>(n * classes) << 2)
    const to = gradient + (<usize>(n * classes) << 2)
    const label = i32.load(labels + (<usize>n << 2))
    let best = 0
    let highest = f32.load(row)
    for (let c = 1; c < classes; c++) {
      const value = f32.load(row + (<usize>c << 2))
      if (value > highest) {
        highest = value
        best = c
      }
    }
    if (best == label) hits++
    let sum: f32 = 0
    for (let c = 0; c < classes; c++) {
      const e = Mathf.exp(f32.load(row + (<usize>c << 2)) - highest)
      f32.store(to + (<usize>c << 2), e)
      sum += e
    }
    total += <f64>(Mathf.log(sum) - (f32.load(row + (<usize>label << 2)) - highest))
    for (let c = 0; c < classes; c++) {
      const at = to + (<usize>c << 2)
      const p = f32.load(at) / sum
      f32.store(at, (c == label ? p - 1 : p) * share)
    }
  }
  i32.store(correct, hits)
  return total
}

/** Sum of squares in double precision, in index order. */
export function squaredNorm(values: usize, length: i32): f64 {
  let sum: f64 = 0
  for (let i = 0; i < length; i++) {
    const x = <f64>f32.load(values + (<usize>i << 2))
    sum += x * x
  }
  return sum
}

export function scale(values: usize, length: i32, factor: f32): void {
  const f = f32x4.splat(factor)
  const end = values + (<usize>length << 2)
  for (let at = values; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), f))
}

/** gradient += factor · (weights − anchor); anchor 0 (address) stands for the zero vector. */
export function addPull(gradient: usize, weights: usize, anchor: usize, length: i32, factor: f32): void {
  const f = f32x4.splat(factor)
  const size = <usize>length << 2
  for (let i: usize = 0; i < size; i += 16) {
    let d = v128.load(weights + i)
    if (anchor) d = f32x4.sub(d, v128.load(anchor + i))
    v128.store(gradient + i, f32x4.add(v128.load(gradient + i), f32x4.mul(d, f)))
  }
}

/** Momentum as tfjs has it: v = μv + g; w −= rate · (nesterov ? g + μv : v). `velocity` 0 = plain SGD. */
export function stepSgd(
  weights: usize, gradient: usize, velocity: usize, length: i32, rate: f32, momentum: f32, nesterov: i32,
): void {
  const r = f32x4.splat(rate)
  const mu = f32x4.splat(momentum)
  const size = <usize>length << 2
  for (let i: usize = 0; i < size; i += 16) {
    let move = v128.load(gradient + i)
    if (velocity) {
      const v = f32x4.add(f32x4.mul(mu, v128.load(velocity + i)), move)
      v128.store(velocity + i, v)
      move = nesterov ? f32x4.add(move, f32x4.mul(mu, v)) : v
    }
    v128.store(weights + i, f32x4.sub(v128.load(weights + i), f32x4.mul(r, move)))
  }
}

/** Adam (Kingma & Ba 2015) with rest = 1 − β and the bias corrections 1 − β^t given by the caller. */
export function stepAdam(
  weights: usize, gradient: usize, first: usize, second: usize, length: i32,
  rate: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, epsilon: f32, correction1: f32, correction2: f32,
): void {
  const r = f32x4.splat(rate)
  const b1 = f32x4.splat(beta1)
  const b2 = f32x4.splat(beta2)
  const n1 = f32x4.splat(rest1)
  const n2 = f32x4.splat(rest2)
  const e = f32x4.splat(epsilon)
  const c1 = f32x4.splat(correction1)
  const c2 = f32x4.splat(correction2)
  const size = <usize>length << 2
  for (let i: usize = 0; i < size; i += 16) {
    const g = v128.load(gradient + i)
    const m = f32x4.add(f32x4.mul(b1, v128.load(first + i)), f32x4.mul(n1, g))
    const v = f32x4.add(f32x4.mul(b2, v128.load(second + i)), f32x4.mul(n2, f32x4.mul(g, g)))
    v128.store(first + i, m)
    v128.store(second + i, v)
    const move = f32x4.div(f32x4.div(m, c1), f32x4.add(f32x4.sqrt(f32x4.div(v, c2)), e))
    v128.store(weights + i, f32x4.sub(v128.load(weights + i), f32x4.mul(r, move)))
  }
}
