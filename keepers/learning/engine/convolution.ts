// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the record and the offset tables that the kernel's convolution reads (assembly/layers.ts lists the fields).
import type { Arena, Pointer } from '../kernel/load.ts'
import type { ImageShape } from '../model/layers.ts'

export type ConvolutionGeometry = {
  readonly input: ImageShape
  readonly output: ImageShape
  readonly kernel: readonly [number, number]
  readonly strides: readonly [number, number]
  readonly padding: readonly [top: number, bottom: number, left: number, right: number]
}

export type ConvolutionTensors = {
  /** Kernel in tfjs order: height, width, in, out. */
  readonly weights: Pointer
  readonly bias: Pointer
  readonly weightGradient: Pointer
  readonly biasGradient: Pointer
}

/** Allocates scratch for ONE sample at a time, whatever the batch, and returns the record's address. */
export function layOutConvolution(arena: Arena, geometry: ConvolutionGeometry, tensors: ConvolutionTensors): Pointer {
  const { input, output, kernel, strides, padding } = geometry
  const [kernelHeight, kernelWidth] = kernel
  const [top, bottom, left, right] = padding
  const padHeight = input.height + top + bottom
  const padWidth = input.width + left + right
  const gridHeight = padHeight - kernelHeight + 1
  const inPlane = padHeight * padWidth
  // Zeros before each gradient plane, so that shifting backwards by a whole kernel stays inside.
  const margin = (kernelHeight - 1) * padWidth + (kernelWidth - 1)
  const gradientPlane = margin + inPlane
  const weightForward: number[] = []
  const sourceForward: number[] = []
  const weightBackward: number[] = []
  const sourceBackward: number[] = []
  for (let y = 0; y < kernelHeight; y++) {
    for (let x = 0; x < kernelWidth; x++) {
      const tap = (y * kernelWidth + x) * input.channels * output.channels
      for (let c = 0; c < input.channels; c++) {
        weightForward.push(4 * (tap + c * output.channels))
        sourceForward.push(4 * (c * inPlane + y * padWidth + x))
      }
      for (let c = 0; c < output.channels; c++) {
        weightBackward.push(4 * (tap + c))
        sourceBackward.push(4 * (c * gradientPlane + margin - y * padWidth - x))
      }
    }
  }
  return arena.allocateTable([
    input.channels,
    input.height,
    input.width,
    output.channels,
    output.height,
    output.width,
    kernelHeight,
    kernelWidth,
    strides[0],
    strides[1],
    top,
    left,
    padHeight,
    padWidth,
    tensors.weights,
    tensors.bias,
    tensors.weightGradient,
    tensors.biasGradient,
    arena.allocate(input.channels * inPlane),
    arena.allocate(output.channels * gridHeight * padWidth),
    arena.allocate(output.channels * gradientPlane),
    margin,
    arena.allocateTable(weightForward),
    arena.allocateTable(sourceForward),
    arena.allocateTable(weightBackward),
    arena.allocateTable(sourceBackward),
    arena.allocate(input.channels * inPlane),
  ])
}
