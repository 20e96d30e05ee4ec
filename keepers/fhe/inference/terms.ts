// SPDX-License-Identifier: GPL-3.0-or-later
// What requester, keepers and reader of an inference agree on: ring, scales, flooding, who must answer. Worked out from the network's
// shape and the size of its weights, by the keepers, who publish it.
import { ByteWriter, hash } from '../encoding.ts'
import { FheError } from '../errors.ts'
import { dataModulusBits, dataPrimes, type ParameterSet, validateParameterSet } from '../parameters.ts'
import { FISHER_FACTOR } from '../plan.ts'
import { checkNetwork, degreeOf, layerBounds, type SquareNetwork } from './network.ts'

/** Four data primes: 240 bits hold a network with a square, and its flooding, without rescaling. SEAL's primes of 60 bits. */
const INFERENCE_SET = validateParameterSet({
  name: 'inference',
  degree: 16384,
  primes: [
    1152921504604979201n,
    1152921504605962241n,
    1152921504606584833n,
    1152921504606683137n,
    1152921504606748673n,
  ],
  scaleBits: 100,
})

/** Standard deviation of a fresh error, as in plan.ts. */
const ERROR_STDDEV = Math.sqrt(21 / 2)
/** A canonical embedding of independent coefficients stays below so many deviations but for once in 10^9 values. */
const EMBEDDING_TAIL = 6
/** Probability that some value of an answer exceeds the stated bound. */
const LOG2_FAILURE = -40
/** Bits of one term of the flooding that the kernel samples. */
const LIMB_BITS = 96
/** Share of the modulus that values and flooding may fill. */
const MODULUS_SHARE = 0.9
/** Bits of the largest value that two transforms in doubles keep. */
const FLOAT_BITS = 40
/** Bits that the encoder gives a value: two words. */
const ENCODER_BITS = 122

export type InferenceTermsOptions = {
  /** n, 2 to 256. */
  readonly members: number
  /** t: fewer than t keepers learn nothing about an input. */
  readonly threshold: number
  /** Largest |value| of an input. */
  readonly clipBound: number
  /** s: bits that the flooding leaves to whoever sees an answer (30 to 128, default 96). */
  readonly statisticalBits?: number
}

export type InferenceTerms = {
  readonly set: ParameterSet
  readonly members: number
  readonly threshold: number
  readonly inputs: number
  readonly outputs: number
  /** k: outputs are of degree k in the key. */
  readonly degree: number
  /** k·(t − 1) + 1: keepers that must answer. */
  readonly answering: number
  readonly clipBound: number
  readonly statisticalBits: number
  /** log2 of the scale of inputs, and of outputs. */
  readonly scaleBits: number
  readonly outputScaleBits: number
  /** The flooding of one keeper is Σ_k 2^(uniformBits·k)·(three uniform integers of uniformBits bits), k < limbs. */
  readonly flooding: { readonly uniformBits: number; readonly limbs: number }
  /** Bound on the error of an output, false with probability 2^-40 per answer. */
  readonly error: number
  /** Numbers of samples that one request holds at most. */
  readonly batch: number
  readonly hash: Uint8Array
}

/**
 * Terms for a network. Refuses a network whose values leave the modulus no room for the flooding.
 * @throws FheError invalid-parameters, invalid-argument, plan-impossible
 */
export function inferenceTerms(network: SquareNetwork, options: InferenceTermsOptions): InferenceTerms {
  const { members, threshold, clipBound, statisticalBits = 96 } = options
  integer('members', members, 2, 256)
  integer('threshold', threshold, 2, members)
  integer('statisticalBits', statisticalBits, 30, 128)
  if (!(Number.isFinite(clipBound) && clipBound > 0)) {
    throw new FheError('invalid-parameters', `clipBound is ${clipBound}; a finite number above 0 is needed`)
  }
  const { inputs, outputs } = checkNetwork(network)
  const degree = degreeOf(network)
  const answering = degree * (threshold - 1) + 1
  if (answering > members) {
    throw new FheError(
      'plan-impossible',
      `threshold: outputs of degree ${degree} take ${answering} keepers of ${members}; lower the threshold to ${Math.floor((members - 1) / degree) + 1}, or have fewer squares`,
      { field: 'threshold', answering, members },
    )
  }
  const set = INFERENCE_SET
  const room = 2 ** (dataModulusBits(set) - 1) * MODULUS_SHARE
  const most = Math.floor(ENCODER_BITS - Math.max(0, Math.log2(clipBound)))
  for (let scaleBits = most; scaleBits >= 20; scaleBits--) {
    const grown = growth(network, set, clipBound, scaleBits)
    const flooding = floodingFor(grown.noise, outputs, statisticalBits)
    const bits = flooding.uniformBits * flooding.limbs
    if (grown.value * 2 ** grown.scaleBits + answering * 1.5 * 2 ** bits > room) continue
    const tail = Math.sqrt(2 * Math.LN2 * (Math.log2(outputs * set.degree) - LOG2_FAILURE))
    const slots = tail * 2 ** (bits - 1) * Math.sqrt(answering * set.degree) + grown.noise
    const error = slots * 2 ** -grown.scaleBits + grown.value * 2 ** -FLOAT_BITS
    if (error > grown.value) break
    const terms = {
      ...{ set, members, threshold, inputs, outputs, degree, answering, clipBound, statisticalBits, flooding, error },
      scaleBits,
      outputScaleBits: grown.scaleBits,
      batch: set.degree / 2,
    }
    return { ...terms, hash: termsHash(terms) }
  }
  throw new FheError(
    'plan-impossible',
    `statisticalBits: flooding for ${statisticalBits} bits drowns the outputs; lower it, weightBits of the layers, or the number of squares`,
    { field: 'statisticalBits' },
  )
}

/** Bounds on values and noise, in slots, from layer to layer: noise in units of 1, values in units of the scale. */
function growth(network: SquareNetwork, set: ParameterSet, clipBound: number, inputScaleBits: number) {
  let [scaleBits, value] = [inputScaleBits, clipBound]
  let noise = EMBEDDING_TAIL * Math.sqrt(set.degree * (ERROR_STDDEV ** 2 + 1 / 12))
  for (const [at, layer] of network.layers.entries()) {
    if (at > 0) {
      noise = 2 * value * 2 ** scaleBits * noise + noise ** 2
      scaleBits *= 2
      value **= 2
    }
    const { rowSum, bias } = layerBounds(layer)
    value = rowSum * 2 ** -layer.weightBits * value + bias
    noise = rowSum * noise + 1
    scaleBits += layer.weightBits
  }
  return { scaleBits, value, noise }
}

/**
 * σ = √(12τ)·2^(s/2)·B for τ outputs under one key (Li, Micciancio, Schultz, Sorrell, CRYPTO 2022): every keeper alone adds it. The Euclidean
 * norm B of the coefficients of a noise is at most its largest slot.
 */
function floodingFor(noise: number, outputs: number, statisticalBits: number): InferenceTerms['flooding'] {
  const log2 = 0.5 * Math.log2(FISHER_FACTOR * 12 * outputs) + statisticalBits / 2 + Math.log2(noise)
  const bits = Math.ceil(log2 + 1)
  const limbs = Math.ceil(bits / LIMB_BITS)
  return { uniformBits: Math.max(8, Math.ceil(bits / limbs)), limbs }
}

function termsHash(terms: Omit<InferenceTerms, 'hash'>): Uint8Array {
  const writer = new ByteWriter().u32(terms.set.degree)
  for (const prime of dataPrimes(terms.set)) writer.u64(prime)
  writer.u16(terms.members).u16(terms.threshold).u32(terms.inputs).u32(terms.outputs).u16(terms.degree)
  writer.f64(terms.clipBound).u16(terms.statisticalBits).u16(terms.scaleBits).u16(terms.outputScaleBits)
  writer.u16(terms.flooding.uniformBits).u16(terms.flooding.limbs)
  return hash('inference terms', writer.finish())
}

function integer(field: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return
  throw new FheError('invalid-parameters', `${field} is ${value}; an integer from ${low} to ${high} is needed`, {
    field,
    value,
  })
}
