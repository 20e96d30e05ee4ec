// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels that tfjs's WASM backend lacks for training, on this project's own WASM. Each copies its operands into an
// arena of its own and the result back; the copies cost microseconds beside the arithmetic.
import type * as Tf from '@tensorflow/tfjs'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { Arena, type Pointer } from '../kernel/load.ts'
import { layOutConvolution } from './convolution.ts'

type TfjsModule = typeof Tf
type KernelArguments = Parameters<Tf.KernelFunc>[0]
type Info = { readonly dataId: object; readonly shape: number[]; readonly dtype: Tf.DataType }

/** Kernels that `registerMissingKernels` adds. It leaves correct kernels of the backend alone. */
export const SUPPLIED_KERNELS = [
  'Conv2DBackpropFilter',
  'DepthwiseConv2dNativeBackpropFilter',
  'DepthwiseConv2dNativeBackpropInput',
  'UnsortedSegmentSum',
  'MaxPoolGrad',
] as const

/**
 * Kernels that the backend has but gets wrong. MaxPoolGrad of 4.22 starts its search at the smallest POSITIVE float, so it passes no gradient to
 * a window that has only smaller values.
 */
const REPLACED: ReadonlySet<string> = new Set(['MaxPoolGrad'])

const ours = new WeakSet<Tf.KernelFunc>()

/** Arenas by geometry: one model uses a handful, so the oldest may go when there are many. */
const MOST_ARENAS = 32

/** Registers the missing kernels with the 'wasm' backend of this tfjs. Returns the names of those it added. */
export function registerMissingKernels(tf: TfjsModule, kernel: WebAssembly.Module): string[] {
  const implementations: Record<(typeof SUPPLIED_KERNELS)[number], (call: KernelArguments) => Info> = {
    Conv2DBackpropFilter: convolutionFilterGradient(tf, kernel),
    DepthwiseConv2dNativeBackpropFilter: depthwiseGradient(tf, kernel, 'filter'),
    DepthwiseConv2dNativeBackpropInput: depthwiseGradient(tf, kernel, 'input'),
    UnsortedSegmentSum: unsortedSegmentSum,
    MaxPoolGrad: maxPoolGradient(tf, kernel),
  }
  const added: string[] = []
  for (const kernelName of SUPPLIED_KERNELS) {
    const present = tf.getKernel(kernelName, 'wasm')
    if (present != null) {
      if (!REPLACED.has(kernelName) || ours.has(present.kernelFunc)) continue
      tf.unregisterKernel(kernelName, 'wasm')
    }
    const kernelFunc = implementations[kernelName] as unknown as Tf.KernelFunc
    ours.add(kernelFunc)
    tf.registerKernel({
      kernelName,
      backendName: 'wasm',
      kernelFunc,
    })
    added.push(kernelName)
  }
  return added
}

function read(backend: BackendWasm, tensor: Info): Float32Array {
  return backend.typedArrayFromHeap(tensor as Tf.TensorInfo) as Float32Array
}

/** A small least-recently-used cache. */
function cached<T>(make: (key: string) => T): (key: string) => T {
  const entries = new Map<string, T>()
  return (key) => {
    const entry = entries.get(key) ?? make(key)
    entries.delete(key)
    entries.set(key, entry)
    if (entries.size > MOST_ARENAS) entries.delete(entries.keys().next().value!)
    return entry
  }
}

type ConvolutionAttributes = {
  readonly strides: number | [number, number]
  readonly pad: 'valid' | 'same' | number
  readonly dataFormat: 'NHWC' | 'NCHW'
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
  readonly filterShape: [number, number, number, number]
}

function convolutionFilterGradient(tf: TfjsModule, kernel: WebAssembly.Module): (call: KernelArguments) => Info {
  type Workspace = { arena: Arena; record: Pointer; x: Pointer; dy: Pointer; planarX: Pointer; planarDy: Pointer } & {
    gradients: Pointer
  }
  const infos = new Map<string, Tf.backend_util.Conv2DInfo>()
  const workspaces = cached((key): Workspace => {
    const info = infos.get(key)!
    infos.delete(key)
    const arena = new Arena(kernel)
    const filter = info.filterHeight * info.filterWidth * info.inChannels * info.outChannels
    const gradients = arena.allocate(filter)
    const { top, bottom, left, right } = info.padInfo
    const record = layOutConvolution(
      arena,
      {
        input: { height: info.inHeight, width: info.inWidth, channels: info.inChannels },
        output: { height: info.outHeight, width: info.outWidth, channels: info.outChannels },
        kernel: [info.filterHeight, info.filterWidth],
        strides: [info.strideHeight, info.strideWidth],
        padding: [top, bottom, left, right],
      },
      { weights: 0, bias: 0, weightGradient: gradients, biasGradient: arena.allocate(info.outChannels) },
    )
    const inSize = info.inHeight * info.inWidth * info.inChannels
    const outSize = info.outHeight * info.outWidth * info.outChannels
    return {
      arena,
      record,
      gradients,
      x: arena.allocate(inSize),
      dy: arena.allocate(outSize),
      planarX: arena.allocate(inSize),
      planarDy: arena.allocate(outSize),
    }
  })
  return ({ inputs, attrs, backend }) => {
    const wasm = backend as BackendWasm
    const { x, dy } = inputs as unknown as { x: Info; dy: Info }
    const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs as unknown as ConvolutionAttributes
    const format = tf.backend_util.convertConv2DDataFormat(dataFormat)
    const info = tf.backend_util.computeConv2DInfo(
      x.shape as [number, number, number, number],
      filterShape,
      strides,
      1,
      pad,
      dimRoundingMode,
      false,
      format,
    )
    const { inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = info
    const key = JSON.stringify([info.inShape.slice(1), filterShape, strides, info.padInfo, format])
    infos.set(key, info)
    const space = workspaces(key)
    infos.delete(key)
    const { arena } = space
    const [inSize, outSize] = [inHeight * inWidth * inChannels, outHeight * outWidth * outChannels]
    const gradients = arena.floats(
      space.gradients,
      filterShape.reduce((a, b) => a * b, 1),
    )
    gradients.fill(0)
    const [xs, dys] = [read(wasm, x), read(wasm, dy)]
    const last = format === 'channelsLast'
    for (let n = 0; n < info.batchSize; n++) {
      arena.floats(last ? space.x : space.planarX, inSize).set(xs.subarray(n * inSize, (n + 1) * inSize))
      arena.floats(last ? space.dy : space.planarDy, outSize).set(dys.subarray(n * outSize, (n + 1) * outSize))
      if (last) {
        arena.kernel.interleave(space.x, space.planarX, 1, inChannels, inHeight * inWidth, 1)
        arena.kernel.interleave(space.dy, space.planarDy, 1, outChannels, outHeight * outWidth, 1)
      }
      arena.kernel.convBackward(space.record, space.planarX, space.planarDy, 0, 1)
    }
    const output = wasm.makeOutput([...filterShape], 'float32')
    read(wasm, output).set(gradients)
    return output
  }
}

type DepthwiseAttributes = Omit<ConvolutionAttributes, 'dataFormat'> & {
  readonly dilations: number | [number, number]
  readonly inputShape: [number, number, number, number]
}

function depthwiseGradient(
  tf: TfjsModule,
  kernel: WebAssembly.Module,
  wanted: 'filter' | 'input',
): (call: KernelArguments) => Info {
  type Workspace = { arena: Arena; image: Pointer; filter: Pointer; dy: Pointer }
  const workspaces = cached((key): Workspace => {
    const [image, filter, dy] = JSON.parse(key) as [number, number, number]
    const arena = new Arena(kernel)
    return { arena, image: arena.allocate(image), filter: arena.allocate(filter), dy: arena.allocate(dy) }
  })
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
  return ({ inputs, attrs, backend }) => {
    const wasm = backend as BackendWasm
    const { x, dy, filter } = inputs as unknown as { x: Info; dy: Info; filter: Info }
    const options = attrs as unknown as DepthwiseAttributes
    const imageShape = wanted === 'filter' ? (x.shape as [number, number, number, number]) : options.inputShape
    const filterShape = wanted === 'filter' ? options.filterShape : (filter.shape as [number, number, number, number])
    const info = tf.backend_util.computeConv2DInfo(
      imageShape,
      filterShape,
      options.strides,
      options.dilations,
      options.pad,
      options.dimRoundingMode,
      true,
    )
    const { arena, ...at } = workspaces(JSON.stringify([size(imageShape), size(filterShape), size(dy.shape)]))
    arena.floats(at.dy, size(dy.shape)).set(read(wasm, dy))
    const geometry = [
      info.batchSize,
      info.inHeight,
      info.inWidth,
      info.inChannels,
      info.outHeight,
      info.outWidth,
      info.outChannels / info.inChannels,
      info.filterHeight,
      info.filterWidth,
      info.strideHeight,
      info.strideWidth,
      info.padInfo.top,
      info.padInfo.left,
    ]
    const shape = wanted === 'filter' ? filterShape : imageShape
    const target = arena.floats(wanted === 'filter' ? at.filter : at.image, size(shape))
    target.fill(0)
    if (wanted === 'filter') {
      arena.floats(at.image, size(imageShape)).set(read(wasm, x))
      arena.kernel.depthwiseFilterGradient(at.image, at.dy, at.filter, ...geometry)
    } else {
      arena.floats(at.filter, size(filterShape)).set(read(wasm, filter))
      arena.kernel.depthwiseInputGradient(at.filter, at.dy, at.image, ...geometry)
    }
    const output = wasm.makeOutput([...shape], 'float32')
    read(wasm, output).set(target)
    return output
  }
}

type PoolAttributes = {
  readonly filterSize: number | [number, number]
  readonly strides: number | [number, number]
  readonly pad: 'valid' | 'same' | number
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

function maxPoolGradient(tf: TfjsModule, kernel: WebAssembly.Module): (call: KernelArguments) => Info {
  const workspaces = cached((key) => {
    const [image, dy] = JSON.parse(key) as [number, number]
    const arena = new Arena(kernel)
    return { arena, x: arena.allocate(image), gradient: arena.allocate(image), dy: arena.allocate(dy) }
  })
  return ({ inputs, attrs, backend }) => {
    const wasm = backend as BackendWasm
    const { dy, input } = inputs as unknown as { dy: Info; input: Info }
    const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as PoolAttributes
    const info = tf.backend_util.computePool2DInfo(
      input.shape as [number, number, number, number],
      filterSize,
      strides,
      1,
      pad,
      dimRoundingMode,
    )
    const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1)
    const { arena, ...at } = workspaces(JSON.stringify([size(input.shape), size(dy.shape)]))
    arena.floats(at.x, size(input.shape)).set(read(wasm, input))
    arena.floats(at.dy, size(dy.shape)).set(read(wasm, dy))
    const target = arena.floats(at.gradient, size(input.shape))
    target.fill(0)
    arena.kernel.maxPoolGradient(
      at.x,
      at.dy,
      at.gradient,
      info.batchSize,
      info.inHeight,
      info.inWidth,
      info.inChannels,
      info.outHeight,
      info.outWidth,
      info.filterHeight,
      info.filterWidth,
      info.strideHeight,
      info.strideWidth,
      info.dilationHeight,
      info.dilationWidth,
      info.padInfo.top,
      info.padInfo.left,
    )
    const output = wasm.makeOutput([...input.shape], 'float32')
    read(wasm, output).set(target)
    return output
  }
}

/** Sums rows of x by segment id; ids below 0 are dropped, as the CPU backend does. Gradient of gather (embeddings). */
function unsortedSegmentSum({ inputs, attrs, backend }: KernelArguments): Info {
  const wasm = backend as BackendWasm
  const { x, segmentIds } = inputs as unknown as { x: Info; segmentIds: Info }
  const { numSegments } = attrs as unknown as { numSegments: number }
  const rows = segmentIds.shape.reduce((a, b) => a * b, 1)
  const width = x.shape.reduce((a, b) => a * b, 1) / Math.max(1, rows)
  const output = wasm.makeOutput([numSegments, ...x.shape.slice(segmentIds.shape.length)], x.dtype)
  const [values, sums] = [read(wasm, x), read(wasm, output)]
  const ids = wasm.typedArrayFromHeap(segmentIds as Tf.TensorInfo)
  sums.fill(0)
  for (let row = 0; row < rows; row++) {
    const id = ids[row]!
    if (id < 0 || id >= numSegments) continue
    for (let i = 0; i < width; i++) sums[id * width + i]! += values[row * width + i]!
  }
  return output
}
