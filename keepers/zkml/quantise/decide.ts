// SPDX-License-Identifier: GPL-3.0-or-later
// Deciders choose the scales while a program is written: calibration, which records its choices, or a plan made before.
import { CompileError } from '../graph/errors.ts'
import { signedBits } from '../graph/windows.ts'
import { type CurvePlan, chosenBits, type Knobs, type LayerPlan, type ShiftPlan, type WeightPlan } from './plan.ts'

/** Decisions that the writer needs. `key` names the decision in the plan; the owner's settings refer to `node`. */
export type Decider = {
  weights(
    key: string,
    node: string,
    weights: ArrayLike<number>,
    bias: ArrayLike<number>,
    inputScale: number,
  ): WeightPlan
  /** How far to shift values with scale `scale` and largest calibrated magnitude `peak` (real). */
  shift(key: string, node: string, scale: number, peak: () => number): ShiftPlan
  /** Whether to narrow an accumulator of `bits` bits before the next linear layer. */
  narrow(key: string, node: string, bits: number, scale: number, peak: () => number): ShiftPlan
  /** As `shift`, for a factor of a product with proven bounds of `bits` bits: bounds far wider than calibrated are replaced by a window. */
  hold(key: string, node: string, bits: number, scale: number, peak: () => number): ShiftPlan
  /** The table that a curve becomes; `propose` is given the node's activation bits. */
  curve(key: string, node: string, propose: (bits: number) => Omit<CurvePlan, 'kind' | 'node'>): CurvePlan
}

/**
 * If the proven bounds of a factor exceed 2^LOOSE_BITS times its calibrated range, the circuit holds it to 2^HOLD_BITS times that range: bounds
 * multiply from layer to layer, and deep networks of products would have none below 2^52.
 */
const LOOSE_BITS = 8
const HOLD_BITS = 3

/** Accumulators wider than this are narrowed even where no activation asks for it, so that bounds stay far from 2^52. */
const WIDE_ACCUMULATOR_BITS = 30

/** Decides by the owner's bit widths and by calibration; `record` receives every decision. */
export function calibratingDecider(
  knobs: Knobs,
  committed: boolean,
  record: (key: string, plan: LayerPlan) => void,
): Decider {
  const kept = <T extends LayerPlan>(key: string, plan: T): T => {
    record(key, plan)
    return plan
  }
  const shiftFor = (node: string, scale: number, peak: number): number => {
    const limit = 2 ** chosenBits(knobs.activationBits, node) - 1
    let shift = 0
    while (peak / (scale * 2 ** shift) > limit && shift < 52) shift++
    return shift
  }
  return {
    weights(key, node, weights, bias, inputScale) {
      const weightBits = chosenBits(knobs.weightBits, node)
      const headroom = committed ? knobs.headroom : 1
      const limit = 2 ** (weightBits - 1) - 1
      const largest = magnitude(weights)
      // The finest power of two at which the largest weight, with room to grow, still rounds into range.
      let fraction = largest === 0 ? 0 : Math.ceil(Math.log2(limit / (largest * headroom))) + 1
      while (largest > 0 && Math.round(largest * headroom * 2 ** fraction) > limit) fraction--
      const biasScale = inputScale * 2 ** -fraction
      const reach = Math.ceil((magnitude(bias) * headroom) / biasScale) + 1
      // A later version's biases may well grow where today's are near zero: never fewer bits than a weight has.
      const biasBits = Math.max(signedBits({ min: -reach, max: reach }), weightBits)
      return kept(key, { kind: 'weights', node, weightBits, fraction, biasBits })
    },
    shift: (key, node, scale, peak) => kept(key, { kind: 'shift', node, shift: shiftFor(node, scale, peak()) }),
    narrow: (key, node, bits, scale, peak) =>
      kept(key, { kind: 'shift', node, shift: bits > WIDE_ACCUMULATOR_BITS ? shiftFor(node, scale, peak()) : 0 }),
    hold(key, node, bits, scale, peak) {
      const shift = shiftFor(node, scale, peak())
      const reach = Math.ceil(peak() / (scale * 2 ** shift))
      const seen = signedBits({ min: -reach, max: reach })
      return kept(key, {
        kind: 'shift',
        node,
        shift,
        ...(bits - shift > seen + LOOSE_BITS ? { bits: seen + HOLD_BITS } : {}),
      })
    },
    curve: (key, node, propose) =>
      kept(key, { kind: 'curve', node, ...propose(chosenBits(knobs.activationBits, node)) }),
  }
}

/** Repeats the decisions of a plan. @throws CompileError invalid-option when the plan is for another architecture. */
export function plannedDecider(
  layers: Readonly<Record<string, LayerPlan>>,
): Decider & { readonly unused: () => string[] } {
  const left = new Set(Object.keys(layers))
  const find = <Kind extends LayerPlan['kind']>(key: string, kind: Kind): Extract<LayerPlan, { kind: Kind }> => {
    const plan = Object.hasOwn(layers, key) ? layers[key] : undefined
    if (plan?.kind !== kind)
      throw new CompileError(
        'invalid-option',
        `the plan has no ${kind} for ${key}; it was made for another architecture`,
        {
          layer: key,
        },
      )
    left.delete(key)
    return plan as Extract<LayerPlan, { kind: Kind }>
  }
  return {
    unused: () => [...left],
    weights: (key) => find(key, 'weights'),
    shift: (key) => find(key, 'shift'),
    narrow: (key) => find(key, 'shift'),
    hold: (key) => find(key, 'shift'),
    curve: (key) => find(key, 'curve'),
  }
}

function magnitude(values: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!))
  return largest
}
