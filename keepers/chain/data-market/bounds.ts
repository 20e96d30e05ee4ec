// SPDX-License-Identifier: GPL-3.0-or-later
// Bounds on the accuracy over all answers, from a sample, with a stated probability of error.

/**
 * With probability 1 − `delta`, a sample drawn without replacement has at most this many right answers too many: √(n ln(1/δ) / 2), rounded up
 * (Hoeffding 1963, theorem 2 with section 6 for draws without replacement).
 * @throws RangeError unless samples ≥ 1 and 0 < delta < 1
 */
export function hoeffdingMargin(samples: number, delta: number): number {
  if (!(Number.isInteger(samples) && samples >= 1)) throw new RangeError(`${samples} samples: must be 1 or more`)
  if (!(delta > 0 && delta < 1)) throw new RangeError(`probability ${delta}: must lie between 0 and 1`)
  return Math.ceil(Math.sqrt((samples * Math.log(1 / delta)) / 2))
}

/**
 * Lower bound on the fraction of right answers, given `right` of `samples` (Clopper and Pearson 1934): the p at which `right` or more have
 * probability `delta`. Tighter than Hoeffding's bound near 1; exact for draws with replacement.
 */
export function clopperPearsonLower(right: number, samples: number, delta: number): number {
  if (right === 0) return 0
  let [low, high] = [0, right / samples]
  for (let step = 0; step < 60; step++) {
    const p = (low + high) / 2
    if (upperTail(right, samples, p) > delta) high = p
    else low = p
  }
  return low
}

/** P(at least `right` of `samples`) with success `p`. */
function upperTail(right: number, samples: number, p: number): number {
  if (p <= 0) return 0
  let term = logChoose(samples, right) + right * Math.log(p) + (samples - right) * Math.log1p(-p)
  let sum = 0
  for (let k = right; k <= samples; k++) {
    sum += Math.exp(term)
    term += Math.log(samples - k) - Math.log(k + 1) + Math.log(p) - Math.log1p(-p)
  }
  return Math.min(1, sum)
}

function logChoose(n: number, k: number): number {
  let sum = 0
  for (let i = 1; i <= k; i++) sum += Math.log(n - k + i) - Math.log(i)
  return sum
}
