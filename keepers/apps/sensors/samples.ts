// SPDX-License-Identifier: GPL-3.0-or-later
// Samples that a device signs, and the tree of a maker's devices, as circuits/lib/attested_samples.circom checks them.
import {
  type BabyPoint,
  commitmentHeader,
  commitSegments,
  type EddsaSignature,
  eddsaSign,
  isEddsaKey,
  isEddsaSignature,
  poseidon,
  type Segment,
} from '../../zkml/index.ts'
import { SensorError } from './errors.ts'

/** 0 ≤ counter < 2^48, which rises with every sample: a count, or the device's clock in milliseconds. 0 ≤ value < 2^32. */
export type Sample = { readonly counter: number; readonly value: number }

export type SignedSample = Sample & { readonly signature: EddsaSignature }

const COUNTER_BITS = 48
const VALUE_BITS = 32
export const MAX_DEPTH = 16
/** Domain of a sample's message, in ASCII. */
export const SAMPLE_TAG = BigInt(`0x${Buffer.from('cohort/sample/1').toString('hex')}`)

/** @throws SensorError bad-sample naming the field */
function requireSample({ counter, value }: Sample): void {
  for (const [name, found, bits] of [
    ['counter', counter, COUNTER_BITS],
    ['value', value, VALUE_BITS],
  ] as const) {
    if (!Number.isInteger(found) || found < 0 || found >= 2 ** bits)
      throw new SensorError('bad-sample', `${name} is ${found}, must be an integer from 0 to 2^${bits} − 1`)
  }
}

/** What a device signs. */
function messageOf({ counter, value }: Sample): bigint {
  return poseidon([SAMPLE_TAG, BigInt(counter), BigInt(value)])
}

/** Signs a sample as a device does. @param seed 32 bytes. @throws SensorError bad-sample */
export function signSample(seed: Uint8Array, sample: Sample): SignedSample {
  requireSample(sample)
  return { ...sample, signature: eddsaSign(seed, messageOf(sample)) }
}

/** @throws SensorError bad-sample unless these are samples of the key, with counters that rise */
export function requireSigned(key: BabyPoint, samples: readonly SignedSample[]): void {
  for (const [i, sample] of samples.entries()) {
    requireSample(sample)
    if (i > 0 && sample.counter <= samples[i - 1]!.counter)
      throw new SensorError(
        'bad-sample',
        `sample ${i}: counter ${sample.counter} does not rise: a replay, or out of order`,
      )
    if (!isEddsaSignature(key, messageOf(sample), sample.signature))
      throw new SensorError('bad-sample', `sample ${i}: the signature is not the device’s, over this counter and value`)
  }
}

function segmentsOf(samples: readonly Sample[]): Segment[] {
  return [
    { values: samples.map(({ counter }) => counter), bits: COUNTER_BITS, min: 0 },
    { values: samples.map(({ value }) => value), bits: VALUE_BITS, min: 0 },
  ]
}

/** The leaf of an offer for these samples: a salted commitment. */
export function commitSamples(samples: readonly Sample[], salt: bigint): bigint {
  return commitSegments('samples', segmentsOf(samples), salt)
}

/** The constant that the circuit's commitment starts with. */
export function samplesHeader(count: number): bigint {
  return commitmentHeader('samples', [
    { count, bits: COUNTER_BITS, min: 0 },
    { count, bits: VALUE_BITS, min: 0 },
  ])
}

/** The tree of a maker's devices. A place without a device is null. The place of a removed device stays null. */
export class DeviceTree {
  readonly #levels: bigint[][]
  readonly keys: readonly (BabyPoint | null)[]

  /** @throws SensorError bad-device for a key that cannot sign, or too many of them */
  constructor(keys: readonly (BabyPoint | null)[], depth: number) {
    if (keys.length > 2 ** depth)
      throw new SensorError(
        'bad-device',
        `${keys.length} devices, a tree of depth ${depth} has places for ${2 ** depth}`,
      )
    const wrong = keys.findIndex((key) => key !== null && !isEddsaKey(key))
    if (wrong >= 0) throw new SensorError('bad-device', `device ${wrong}: not a key on Baby Jubjub, or of small order`)
    this.keys = keys
    // All empty branches of a level are equal, so each is hashed once.
    let empty = 0n
    let level = keys.map((key) => (key === null ? 0n : poseidon([...key])))
    this.#levels = []
    for (let height = 0; height < depth; height++) {
      if (level.length % 2 === 1 || level.length === 0) level.push(empty)
      this.#levels.push([...level, empty])
      level = Array.from({ length: level.length / 2 }, (_, i) => poseidon([level[2 * i]!, level[2 * i + 1]!]))
      empty = poseidon([empty, empty])
    }
    this.#levels.push(level)
  }

  get root(): bigint {
    return this.#levels.at(-1)![0]!
  }

  /** Siblings of a device's leaf, from the leaf up. @throws SensorError bad-device for a place without one */
  path(device: number): bigint[] {
    if (this.keys[device] == null)
      throw new SensorError('bad-device', `there is no device ${device}: it was removed, or never listed`)
    return this.#levels.slice(0, -1).map((level, height) => {
      const place = Math.floor(device / 2 ** height) ^ 1
      return level[Math.min(place, level.length - 1)]!
    })
  }
}

/** The circuit's statement about a device's samples. */
export type Summary = {
  readonly device: number
  readonly count: number
  readonly first: number
  readonly last: number
  readonly min: number
  readonly max: number
  readonly sum: number
}

export function summaryOf(device: number, samples: readonly Sample[]): Summary {
  const values = samples.map(({ value }) => value)
  return {
    ...{ device, count: samples.length, first: samples[0]!.counter, last: samples.at(-1)!.counter },
    ...{ min: Math.min(...values), max: Math.max(...values), sum: values.reduce((sum, value) => sum + value, 0) },
  }
}

/** A summary in one number, packed as by the circuit and contracts/market/Attestations.sol. */
export function packSummary({ device, count, first, last, min, max, sum }: Summary): bigint {
  const places = [
    [device, 0],
    [count, 16],
    [first, 32],
    [last, 80],
    [min, 128],
    [max, 160],
    [sum, 192],
  ] as const
  return places.reduce((packed, [value, bits]) => packed + (BigInt(value) << BigInt(bits)), 0n)
}
