// SPDX-License-Identifier: GPL-3.0-or-later
// The functions that the JavaScript side may call. Memory is laid out by the caller, from `arenaStart()` upwards.
export { depthwiseFilterGradient, depthwiseInputGradient, maxPoolGradient } from './channels-last'
export {
  averagePoolBackward,
  averagePoolForward,
  convBackward,
  convForward,
  denseBackward,
  denseForward,
  interleave,
  maxPoolBackward,
  maxPoolForward,
} from './layers'
export {
  activate,
  activateBackward,
  addPull,
  crossEntropy,
  multiply,
  scale,
  softmax,
  squaredNorm,
  stepAdam,
  stepSgd,
} from './pointwise'
export { shiftedDots, shiftedProduct } from './product'

export function arenaStart(): usize {
  return (__heap_base + 63) & ~63
}
