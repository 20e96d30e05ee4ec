// SPDX-License-Identifier: GPL-3.0-or-later
// Layers of a network, forward and backward, over whole batches. Images are planar: [sample][channel][row][column].
import { shiftedDots, shiftedProduct } from './product'

/**
 * A convolution as a record of 32-bit integers in memory, so that a call does not carry thirty arguments. Byte units for
 * addresses and strides, element units for sizes; `engine/convolution.ts` writes it.
 *
 *  0 inChannels   1 inHeight   2 inWidth   3 outChannels   4 outHeight   5 outWidth   6 kernelHeight   7 kernelWidth
 *  8 strideY      9 strideX   10 padTop   11 padLeft      12 padHeight  13 padWidth (input size after padding)
 * 14 weights     15 bias      16 weightGradient           17 biasGradient
 * 18 padded (one padded input sample)    19 wide (one output sample at stride 1 on the padded grid)
 * 20 wideGradient (the same with a leading margin per plane) 21 margin (elements)
 * 22 forward: weight table  23 forward: source table  24 backward: weight table  25 backward: source table
 * 26 paddedGradient (one padded input-gradient sample)
 */
// @ts-expect-error: decorator
@inline
function field(conv: usize, index: i32): i32 {
  return load<i32>(conv + (<usize>index << 2))
}

/** The padded copy of one sample, or the sample itself when there is no padding. Borders were zeroed when allocated. */
function padSample(conv: usize, sample: usize): usize {
  const padHeight = field(conv, 12), padWidth = field(conv, 13)
  const height = field(conv, 1), width = field(conv, 2)
  if (padHeight == height && padWidth == width) return sample
  const top = field(conv, 10), left = field(conv, 11)
  const padded: usize = field(conv, 18)
  const channels = field(conv, 0)
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      memory.copy(
        padded + (<usize>((c * padHeight + y + top) * padWidth + left) << 2),
        sample + (<usize>((c * height + y) * width) << 2),
        <usize>width << 2,
      )
    }
  }
  return padded
}

export function convForward(conv: usize, input: usize, output: usize, count: i32): void {
  const inSize = <usize>(field(conv, 0) * field(conv, 1) * field(conv, 2)) << 2
  const outChannels = field(conv, 3), outHeight = field(conv, 4), outWidth = field(conv, 5)
  const strideY = field(conv, 8), strideX = field(conv, 9)
  const gridHeight = field(conv, 12) - field(conv, 6) + 1
  const gridWidth = field(conv, 13)
  const valid = gridWidth - field(conv, 7) + 1
  const span = (gridHeight - 1) * gridWidth + valid
  const wide: usize = field(conv, 19)
  const plane = <usize>(gridHeight * gridWidth) << 2
  const depth = field(conv, 6) * field(conv, 7) * field(conv, 0)
  let to = output
  for (let n = 0; n < count; n++) {
    const sample = padSample(conv, input + <usize>n * inSize)
    shiftedProduct(
      wide, plane, field(conv, 14), 4, field(conv, 22), sample, field(conv, 23),
      outChannels, depth, span, 1, field(conv, 15),
    )
    for (let c = 0; c < outChannels; c++) {
      for (let y = 0; y < outHeight; y++) {
        const row = wide + <usize>c * plane + (<usize>(y * strideY * gridWidth) << 2)
        if (strideX == 1) {
          memory.copy(to, row, <usize>outWidth << 2)
        } else {
          for (let x = 0; x < outWidth; x++) f32.store(to + (<usize>x << 2), f32.load(row + (<usize>(x * strideX) << 2)))
        }
        to += <usize>outWidth << 2
      }
    }
  }
}

/**
 * Adds to the gradients of weights and bias; writes the input's gradient unless `inputGradient` is 0.
 * The output gradient is spread over the stride-1 grid (zeros elsewhere), where both become shifted products.
 */
export function convBackward(conv: usize, input: usize, outputGradient: usize, inputGradient: usize, count: i32): void {
  const inChannels = field(conv, 0), height = field(conv, 1), width = field(conv, 2)
  const outChannels = field(conv, 3), outHeight = field(conv, 4), outWidth = field(conv, 5)
  const kernelHeight = field(conv, 6), kernelWidth = field(conv, 7)
  const strideY = field(conv, 8), strideX = field(conv, 9)
  const padHeight = field(conv, 12), gridWidth = field(conv, 13)
  const gridHeight = padHeight - kernelHeight + 1
  const span = (gridHeight - 1) * gridWidth + (gridWidth - kernelWidth + 1)
  const margin = field(conv, 21)
  const plane = <usize>(margin + padHeight * gridWidth) << 2
  const spread: usize = <usize>field(conv, 20) + (<usize>margin << 2)
  const depth = kernelHeight * kernelWidth * inChannels
  const inSize = <usize>(inChannels * height * width) << 2
  const biasGradient: usize = field(conv, 17)
  const padded = padHeight != height || gridWidth != width
  let from = outputGradient
  for (let n = 0; n < count; n++) {
    for (let c = 0; c < outChannels; c++) {
      let sum: f32 = 0
      for (let y = 0; y < outHeight; y++) {
        const row = spread + <usize>c * plane + (<usize>(y * strideY * gridWidth) << 2)
        for (let x = 0; x < outWidth; x++) {
          const g = f32.load(from + (<usize>x << 2))
          sum += g
          f32.store(row + (<usize>(x * strideX) << 2), g)
        }
        from += <usize>outWidth << 2
      }
      const at = biasGradient + (<usize>c << 2)
      f32.store(at, f32.load(at) + sum)
    }
    const sample = padSample(conv, input + <usize>n * inSize)
    shiftedDots(
      field(conv, 16), 4, field(conv, 22), spread, plane, sample, field(conv, 23),
      outChannels, depth, span, 1,
    )
    if (inputGradient) {
      const target = inputGradient + <usize>n * inSize
      const whole: usize = padded ? <usize>field(conv, 26) : target
      const wholePlane = <usize>(padHeight * gridWidth) << 2
      shiftedProduct(
        whole, wholePlane, field(conv, 14), <usize>outChannels << 2, field(conv, 24), field(conv, 20), field(conv, 25),
        inChannels, kernelHeight * kernelWidth * outChannels, padHeight * gridWidth, 0, 0,
      )
      if (padded) {
        const top = field(conv, 10), left = field(conv, 11)
        for (let c = 0; c < inChannels; c++) {
          for (let y = 0; y < height; y++) {
            memory.copy(
              target + (<usize>((c * height + y) * width) << 2),
              whole + <usize>c * wholePlane + (<usize>((y + top) * gridWidth + left) << 2),
              <usize>width << 2,
            )
          }
        }
      }
    }
  }
}

/** output[n] = bias + input[n] · weights; `weightTable` holds k·units, `inputTable` holds k (both × 4 bytes). */
export function denseForward(
  input: usize, weights: usize, bias: usize, output: usize,
  count: i32, inputs: i32, units: i32, inputTable: usize, weightTable: usize,
): void {
  for (let n = 0; n < count; n++) memory.copy(output + (<usize>(n * units) << 2), bias, <usize>units << 2)
  shiftedProduct(
    output, <usize>units << 2, input, <usize>inputs << 2, inputTable, weights, weightTable, count, inputs, units, 2, 0,
  )
}

/** Gradients of a dense layer; `sampleTable` holds n·inputs, `unitTable` n·units, `inputTable` k, `weightTable` k·units. */
export function denseBackward(
  input: usize, weights: usize, outputGradient: usize, weightGradient: usize, biasGradient: usize, inputGradient: usize,
  count: i32, inputs: i32, units: i32, inputTable: usize, weightTable: usize, sampleTable: usize, unitTable: usize,
): void {
  shiftedProduct(
    weightGradient, <usize>units << 2, input, 4, sampleTable, outputGradient, unitTable, inputs, count, units, 0, 0,
  )
  for (let u = 0; u < units; u++) {
    let sum: f32 = 0
    for (let n = 0; n < count; n++) sum += f32.load(outputGradient + (<usize>(n * units + u) << 2))
    f32.store(biasGradient + (<usize>u << 2), sum)
  }
  if (inputGradient) {
    shiftedDots(
      inputGradient, <usize>inputs << 2, inputTable, outputGradient, <usize>units << 2, weights, weightTable,
      count, inputs, units, 0,
    )
  }
}

/** Mean over windows; `planes` = samples × channels. Windows lie wholly inside the image. */
export function averagePoolForward(
  input: usize, output: usize, planes: i32, height: i32, width: i32, outHeight: i32, outWidth: i32,
  poolY: i32, poolX: i32, strideY: i32, strideX: i32,
): void {
  const factor: f32 = <f32>(1.0 / <f64>(poolY * poolX))
  let to = output
  for (let n = 0; n < planes; n++) {
    const image = input + (<usize>(n * height * width) << 2)
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        let sum: f32 = 0
        for (let dy = 0; dy < poolY; dy++) {
          const row = image + (<usize>((y * strideY + dy) * width + x * strideX) << 2)
          for (let dx = 0; dx < poolX; dx++) sum += f32.load(row + (<usize>dx << 2))
        }
        f32.store(to, sum * factor)
        to += 4
      }
    }
  }
}

export function averagePoolBackward(
  outputGradient: usize, inputGradient: usize, planes: i32, height: i32, width: i32, outHeight: i32, outWidth: i32,
  poolY: i32, poolX: i32, strideY: i32, strideX: i32,
): void {
  const factor: f32 = <f32>(1.0 / <f64>(poolY * poolX))
  memory.fill(inputGradient, 0, <usize>(planes * height * width) << 2)
  let from = outputGradient
  for (let n = 0; n < planes; n++) {
    const image = inputGradient + (<usize>(n * height * width) << 2)
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        const g = f32.load(from) * factor
        from += 4
        for (let dy = 0; dy < poolY; dy++) {
          const row = image + (<usize>((y * strideY + dy) * width + x * strideX) << 2)
          for (let dx = 0; dx < poolX; dx++) {
            const at = row + (<usize>dx << 2)
            f32.store(at, f32.load(at) + g)
          }
        }
      }
    }
  }
}

/** Maximum over windows; `winners` receives the index in the plane of each maximum (ties: the first). */
export function maxPoolForward(
  input: usize, output: usize, winners: usize, planes: i32, height: i32, width: i32, outHeight: i32, outWidth: i32,
  poolY: i32, poolX: i32, strideY: i32, strideX: i32,
): void {
  let at: usize = 0
  for (let n = 0; n < planes; n++) {
    const image = input + (<usize>(n * height * width) << 2)
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        let best = y * strideY * width + x * strideX
        let value = f32.load(image + (<usize>best << 2))
        for (let dy = 0; dy < poolY; dy++) {
          for (let dx = 0; dx < poolX; dx++) {
            const index = (y * strideY + dy) * width + x * strideX + dx
            const candidate = f32.load(image + (<usize>index << 2))
            if (candidate > value) {
              value = candidate
              best = index
            }
          }
        }
        f32.store(output + at, value)
        i32.store(winners + at, best)
        at += 4
      }
    }
  }
}

export function maxPoolBackward(
  outputGradient: usize, winners: usize, inputGradient: usize, planes: i32, size: i32, outSize: i32,
): void {
  memory.fill(inputGradient, 0, <usize>(planes * size) << 2)
  let from: usize = 0
  for (let n = 0; n < planes; n++) {
    const image = inputGradient + (<usize>(n * size) << 2)
    for (let i = 0; i < outSize; i++) {
      const at = image + (<usize>i32.load(winners + from) << 2)
      f32.store(at, f32.load(at) + f32.load(outputGradient + from))
      from += 4
    }
  }
}

/** Planar to channels-last (the order in which tfjs flattens); `back` reverses it. */
export function interleave(input: usize, output: usize, count: i32, channels: i32, size: i32, back: i32): void {
  for (let n = 0; n < count; n++) {
    const base = <usize>(n * channels * size) << 2
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < size; p++) {
        const planar = base + (<usize>(c * size + p) << 2)
        const last = base + (<usize>(p * channels + c) << 2)
        if (back) f32.store(output + planar, f32.load(input + last))
        else f32.store(output + last, f32.load(input + planar))
      }
    }
  }
}
