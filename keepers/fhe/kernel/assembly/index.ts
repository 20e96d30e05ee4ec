// SPDX-License-Identifier: GPL-3.0-or-later
// Functions for the JavaScript side. Memory is laid out by the caller (../layout.ts), from `arenaStart()` upwards.
export { compose } from './decoding'
export {
  boxResidues,
  boxValues,
  innerProduct,
  multiplyAdd,
  project,
  subsetSums,
  subtractFrom,
  weigh,
} from './projection'
export { fillTwiddles, forward, forwardLazy, inverse } from './ntt'
export {
  addChecked,
  addInto,
  allBelow,
  maskedProduct,
  preparePairs,
  scale,
  scaleAdd,
} from './polynomial'
export {
  addUniform,
  binomialResidues,
  floodingResidues,
  floodingSums,
  ternary,
  ternaryResidues,
  uniformResidues,
} from './sampling'

export { addNarrow, allAtMost, encodeReals, narrow, widen } from './wire'

export function arenaStart(): usize {
  return (__heap_base + 63) & ~63
}
