// SPDX-License-Identifier: GPL-3.0-or-later
// Resize and the older Upsample: nearest neighbours are a selection, linear interpolation rows of constants. Positions are
// computed in float32, as runtimes do, since halves decide which neighbour is nearest.
import { identityMap, stridesOf } from '../../graph/tensor.ts'
import type { Handler, Invocation } from './invocation.ts'
import { type Result, values } from './operand.ts'

const MODES = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_half_pixel_for_nn',
] as const
type Mode = (typeof MODES)[number]
const NEAREST = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil', 'simple'] as const

/** One axis: how long it was and becomes, and by what scale. */
type Axis = { readonly from: number; readonly to: number; readonly scale: number }
/** The input positions that one output position reads along an axis, with their weights. */
type Taps = readonly (readonly [at: number, weight: number])[]

/** Largest distance from a whole number that float32 rounding of a whole length leaves. */
const LENGTH_TOLERANCE = 1e-5

const single = Math.fround

export const RESIZE_HANDLERS: Readonly<Record<string, Handler>> = {
  Resize: (call) => {
    if (call.schema.since >= 11) return resized(call, axesOf(call), coordinates(call), nearest(call))
    const axes = scaled(call, call.constant(1, 'scales').data, null)
    return resized(call, axes, 'asymmetric', 'simple')
  },
  Upsample: (call) => {
    const scales = call.schema.since >= 9 ? call.constant(1, 'scales').data : (call.floats('scales') ?? [])
    return resized(call, scaled(call, scales, null), 'asymmetric', 'floor')
  },
}

function coordinates(call: Invocation): Mode {
  const mode = call.string('coordinate_transformation_mode', 'half_pixel')
  const found = MODES.find((each) => each === mode)
  return (
    found ??
    call.fail('unsupported-attribute', `coordinate_transformation_mode ${mode}; ${MODES.join(', ')} are supported`)
  )
}

function nearest(call: Invocation): (typeof NEAREST)[number] {
  const mode = call.string('nearest_mode', 'round_prefer_floor')
  const found = NEAREST.slice(0, 4).find((each) => each === mode)
  return found ?? call.fail('malformed-file', `nearest_mode ${mode}; ${NEAREST.slice(0, 4).join(', ')} are known`)
}

/** The axes of the input after scales or sizes, those that `axes` leaves out unchanged. */
function axesOf(call: Invocation): Axis[] {
  const shape = call.shape(0)
  const given = call.ints('axes')
  const axes = given === null || given.length === 0 ? null : call.axes(given, shape.length)
  if (call.flag('antialias', false)) call.fail('unsupported-attribute', 'antialias = 1')
  const list = (index: number, what: string): Float64Array | null => {
    if (!call.has(index)) return null
    const { data } = call.constant(index, what)
    return data.length === 0 ? null : data
  }
  const [scales, sizes] = [list(2, 'scales'), list(3, 'sizes')]
  if ((scales === null) === (sizes === null))
    return call.fail('malformed-file', 'either scales or sizes are needed, and not both')
  if (scales !== null) return scaled(call, scales, axes)
  const named = axes ?? shape.map((_, i) => i)
  if (sizes!.length !== named.length || sizes!.some((size) => !Number.isInteger(size) || size < 1))
    call.fail('malformed-file', `sizes [${Array.from(sizes!)}] of ${named.length} axes`)
  const ratios = named.map((axis, i) => single(sizes![i]! / shape[axis]!))
  const policy = call.string('keep_aspect_ratio_policy', 'stretch')
  if (!['stretch', 'not_larger', 'not_smaller'].includes(policy))
    call.fail('malformed-file', `keep_aspect_ratio_policy ${policy}; stretch, not_larger or not_smaller is needed`)
  const common = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios)
  return shape.map((from, axis) => {
    const at = named.indexOf(axis)
    if (at < 0) return { from, to: from, scale: 1 }
    if (policy === 'stretch') return { from, to: sizes![at]!, scale: ratios[at]! }
    return { from, to: Math.round(single(common * from)), scale: common }
  })
}

function scaled(call: Invocation, scales: ArrayLike<number>, axes: readonly number[] | null): Axis[] {
  const shape = call.shape(0)
  const named = axes ?? shape.map((_, i) => i)
  const list = Array.from(scales)
  if (list.length !== named.length || list.some((scale) => !(scale > 0 && Number.isFinite(scale))))
    call.fail('malformed-file', `scales [${list}] of ${named.length} axes`)
  return shape.map((from, axis) => {
    const at = named.indexOf(axis)
    const scale = at < 0 ? 1 : list[at]!
    return { from, to: Math.floor(single(from * scale)), scale }
  })
}

function resized(call: Invocation, axes: readonly Axis[], mode: Mode, rounding: (typeof NEAREST)[number]): Result[] {
  const kind = call.string('mode', 'nearest')
  if (kind !== 'nearest' && kind !== 'linear' && kind !== 'bilinear')
    call.fail('unsupported-attribute', `mode ${kind}; nearest and linear are supported`)
  const fraction = axes.find(({ from, to, scale }) => Math.abs(from * scale - to) > LENGTH_TOLERANCE * to)
  if (mode === 'align_corners' && fraction !== undefined)
    call.fail(
      'unsupported-attribute',
      `align_corners of ${fraction.from} elements at a scale of ${fraction.scale}, which is not a whole length: runtimes differ; give sizes`,
    )
  const { builder, name } = call
  const x = call.value(0)
  const to = axes.map((axis) => axis.to)
  const count = to.reduce((a, b) => a * b, 1)
  builder.requireTerms(name, count)
  const taps = axes.map((axis) =>
    Array.from({ length: axis.to }, (_, i): Taps => {
      if (axis.scale === 1 && axis.from === axis.to) return [[i, 1]]
      const at = position(mode, axis, i, single)
      if (kind !== 'nearest') return between(at, axis.from)
      const [below, above] = [-1, 1].map((sign) => neighbour(rounding, at + sign * DOUBT * (1 + at), axis))
      if (below !== above && !isExact(mode, axis, i))
        call.fail(
          'unsupported-attribute',
          `output ${i} of ${axis.to} lies between elements ${below} and ${above} to the last bits of a float32: runtimes differ; give sizes, or another nearest_mode`,
        )
      return [[neighbour(rounding, at, axis), 1]]
    }),
  )
  const copies = taps.every((list) => list.every(([first], i) => first![0] === i && first![1] === 1))
  if (!copies && axes.every((axis) => axis.from === axis.to))
    call.fail(
      'unsupported-attribute',
      `it scales by ${axes.map(({ scale }) => scale).join(', ')} to the very shape that it is given, which some runtimes copy; leave it out`,
    )
  const strides = stridesOf(builder.shape(x))
  const steps = stridesOf(to)
  if (taps.every((list) => list.every((each) => each.length === 1))) {
    // One place for each: no rows to make, of what may be many.
    const places = taps.map((list, axis) => Int32Array.from(list, ([first]) => first![0] * strides[axis]!))
    const map = identityMap(count).map((o) =>
      places.reduce((sum, list, axis) => sum + list[Math.floor(o / steps[axis]!) % list.length]!, 0),
    )
    return values(builder.select(name, x, map, to))
  }
  builder.requireTerms(
    name,
    taps.reduce((product, list) => product * list.reduce((sum, each) => sum + each.length, 0), 1),
  )
  const rows = Array.from({ length: count }, (_, o) => {
    let terms: Taps = [[0, 1]]
    for (const [axis, list] of taps.entries()) {
      const own = list[Math.floor(o / steps[axis]!) % to[axis]!]!
      terms = terms.flatMap(([at, weight]) => own.map(([i, w]) => [at + i * strides[axis]!, weight * w] as const))
    }
    return terms
  })
  return values(builder.linear(name, x, rows, new Array<number>(count).fill(0), to))
}

/** So near to a place where the neighbour changes, the order of float32 operations decides. */
const DOUBT = 1e-6

/** Applied to the result of every step: rounding to float32, as runtimes do. */
type Round = (value: number) => number

/** Whether no step to a position is rounded, so that every runtime finds the same. */
function isExact(mode: Mode, axis: Axis, i: number): boolean {
  let exact = true
  position(mode, axis, i, (value) => {
    exact &&= single(value) === value
    return value
  })
  return exact
}

/** Where an output position lies among the input's. */
function position(mode: Mode, { from, to, scale }: Axis, i: number, round: Round): number {
  const scaled = round(round(i + 0.5) / scale)
  switch (mode) {
    case 'half_pixel':
      return round(scaled - 0.5)
    case 'pytorch_half_pixel':
      return to > 1 ? round(scaled - 0.5) : 0
    case 'align_corners':
      return to === 1 ? 0 : round((i * (from - 1)) / (to - 1))
    case 'asymmetric':
      return round(i / scale)
    case 'tf_half_pixel_for_nn':
      return scaled
    case 'half_pixel_symmetric': {
      const adjustment = round(to / round(scale * from))
      return round(round(round((from / 2) * round(1 - adjustment)) + scaled) - 0.5)
    }
  }
}

function neighbour(rounding: (typeof NEAREST)[number], at: number, { from, scale }: Axis): number {
  const nearest = {
    round_prefer_floor: () => Math.ceil(at - 0.5),
    round_prefer_ceil: () => Math.floor(at + 0.5),
    floor: () => Math.floor(at),
    ceil: () => Math.ceil(at),
    simple: () => (scale < 1 ? Math.ceil(at) : Math.floor(at)),
  }[rounding]()
  return Math.min(from - 1, Math.max(0, nearest)) + 0
}

function between(at: number, length: number): Taps {
  const inside = Math.min(length - 1, Math.max(0, at))
  const low = Math.floor(inside)
  const rest = inside - low
  return rest === 0
    ? [[low, 1]]
    : [
        [low, 1 - rest],
        [low + 1, rest],
      ]
}
