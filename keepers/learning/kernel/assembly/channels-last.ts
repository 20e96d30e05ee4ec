// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients on images with channels last, as tfjs stores them. Depthwise filters: [row][column][channel][multiplier].

// @ts-expect-error: decorator
@inline
function at4(base: usize, index: i32): usize {
  return base + (<usize>index << 2)
}

/** Adds Σ x·dy into `filterGradient` (which the caller zeroes). */
export function depthwiseFilterGradient(
  x: usize, dy: usize, filterGradient: usize, batch: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, multiplier: i32, kernelHeight: i32, kernelWidth: i32,
  strideY: i32, strideX: i32, top: i32, left: i32,
): void {
  const outChannels = channels * multiplier
  for (let n = 0; n < batch; n++) {
    for (let y = 0; y < outHeight; y++) {
      for (let column = 0; column < outWidth; column++) {
        const g = at4(dy, ((n * outHeight + y) * outWidth + column) * outChannels)
        for (let ky = 0; ky < kernelHeight; ky++) {
          const row = y * strideY + ky - top
          if (row < 0 || row >= height) continue
          for (let kx = 0; kx < kernelWidth; kx++) {
            const across = column * strideX + kx - left
            if (across < 0 || across >= width) continue
            const source = at4(x, ((n * height + row) * width + across) * channels)
            const target = at4(filterGradient, (ky * kernelWidth + kx) * outChannels)
            let c = 0
            if (multiplier == 1) {
              for (; c + 4 <= channels; c += 4) {
                const to = at4(target, c)
                v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(at4(source, c)), v128.load(at4(g, c)))))
              }
            }
            for (; c < channels; c++) {
              const value = f32.load(at4(source, c))
              for (let m = 0; m < multiplier; m++) {
                const to = at4(target, c * multiplier + m)
                f32.store(to, f32.load(to) + value * f32.load(at4(g, c * multiplier + m)))
              }
            }
          }
        }
      }
    }
  }
}

/** Adds Σ filter·dy into `inputGradient` (which the caller zeroes). */
export function depthwiseInputGradient(
  filter: usize, dy: usize, inputGradient: usize, batch: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, multiplier: i32, kernelHeight: i32, kernelWidth: i32,
  strideY: i32, strideX: i32, top: i32, left: i32,
): void {
  const outChannels = channels * multiplier
  for (let n = 0; n < batch; n++) {
    for (let y = 0; y < outHeight; y++) {
      for (let column = 0; column < outWidth; column++) {
        const g = at4(dy, ((n * outHeight + y) * outWidth + column) * outChannels)
        for (let ky = 0; ky < kernelHeight; ky++) {
          const row = y * strideY + ky - top
          if (row < 0 || row >= height) continue
          for (let kx = 0; kx < kernelWidth; kx++) {
            const across = column * strideX + kx - left
            if (across < 0 || across >= width) continue
            const target = at4(inputGradient, ((n * height + row) * width + across) * channels)
            const source = at4(filter, (ky * kernelWidth + kx) * outChannels)
            let c = 0
            if (multiplier == 1) {
              for (; c + 4 <= channels; c += 4) {
                const to = at4(target, c)
                v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(at4(source, c)), v128.load(at4(g, c)))))
              }
            }
            for (; c < channels; c++) {
              let sum: f32 = 0
              for (let m = 0; m < multiplier; m++) {
                sum += f32.load(at4(source, c * multiplier + m)) * f32.load(at4(g, c * multiplier + m))
              }
              const to = at4(target, c)
              f32.store(to, f32.load(to) + sum)
            }
          }
        }
      }
    }
  }
}

/** Routes each dy to the first maximum of its window; padding never wins. Adds into `inputGradient` (which the caller zeroes). */
export function maxPoolGradient(
  x: usize, dy: usize, inputGradient: usize, batch: i32, height: i32, width: i32, channels: i32,
  outHeight: i32, outWidth: i32, poolY: i32, poolX: i32, strideY: i32, strideX: i32,
  dilationY: i32, dilationX: i32, top: i32, left: i32,
): void {
  for (let n = 0; n < batch; n++) {
    const image = n * height * width
    for (let y = 0; y < outHeight; y++) {
      for (let column = 0; column < outWidth; column++) {
        const g = at4(dy, ((n * outHeight + y) * outWidth + column) * channels)
        for (let c = 0; c < channels; c++) {
          let best = -1
          let value: f32 = 0
          for (let ky = 0; ky < poolY; ky++) {
            const row = y * strideY + ky * dilationY - top
            if (row < 0 || row >= height) continue
            for (let kx = 0; kx < poolX; kx++) {
              const across = column * strideX + kx * dilationX - left
              if (across < 0 || across >= width) continue
              const index = (image + row * width + across) * channels + c
              const candidate = f32.load(at4(x, index))
              if (best < 0 || candidate > value) {
                value = candidate
                best = index
              }
            }
          }
          if (best < 0) continue
          const to = at4(inputGradient, best)
          f32.store(to, f32.load(to) + f32.load(at4(g, c)))
        }
      }
    }
  }
}
