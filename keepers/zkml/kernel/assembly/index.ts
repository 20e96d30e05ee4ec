// SPDX-License-Identifier: GPL-3.0-or-later
// The functions that the host may call; ../kernel.ts has their types.
export { exportElements, exportPairs, importElements, importPairs, importPlain } from './convert'
export { invertComplex, invertPair, reducePair, zeroLanes } from './field'
export { multiply } from './multiply'
export { multiplyComplex } from './multiply-complex'
export { foldHalves, keepSums, offsetScalars, signScalars, sortDigits, sumChains, sumRuns } from './multiexp'
export { flush, queueSum, useGroup } from './points'
export {
  evaluate, everySecond, fillPowers, interpolate, joinHalves, multiplyElements, splitHalves, subtractProducts, sumRows,
} from './polynomial'
export { square } from './square'

/** First free byte of the memory: the host lays out everything above it. */
export function arenaStart(): usize {
  return (__heap_base + 63) & ~63
}
