// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of the quadratic program and the transforms of the quotient. A vector of N values is N/2 pairs: value j in lane 0
// beside value j + N/2 in lane 1, so that all layers of a transform but one treat both lanes alike.
import { addPair, copyPair, ELEMENT, gather, PAIR, reducePair, scatter, subPair } from './field'
import { multiply } from './multiply'

const A: usize = memory.data(80, 16)
const B: usize = memory.data(80, 16)
const SUM: usize = memory.data(80, 16)
const ZERO: usize = memory.data(40, 16)

/**
 * One side of the program: for each row Σ coefficient·witness. Entries of row i are [starts[i], starts[i+1]): a coefficient element
 * and the index of a variable.
 */
export function sumRows(
  out: usize, starts: usize, rows: u32, coefficients: usize, variables: usize, witness: usize, field: usize,
): void {
  for (let row: usize = 0; row < usize(rows); row++) {
    const end = usize(load<u32>(starts + 4 * row + 4))
    memory.fill(SUM, 0, PAIR)
    for (let entry = usize(load<u32>(starts + 4 * row)); entry < end; entry += 2) {
      const first = witness + ELEMENT * usize(load<u32>(variables + 4 * entry))
      // The last of an odd number goes alone: its lane's neighbour is multiplied by zero.
      const last = entry + 1 < end
      const second = last ? witness + ELEMENT * usize(load<u32>(variables + 4 * entry, 4)) : first
      const coefficient = coefficients + ELEMENT * entry
      gather(A, coefficient, last ? coefficient + ELEMENT : ZERO)
      gather(B, first, second)
      multiply(A, A, B, field)
      addPair(SUM, SUM, A)
      reducePair(SUM, SUM, field)
    }
    for (let k: usize = 0; k < PAIR; k += 16) {
      const sum = v128.load(SUM + k)
      v128.store(SUM + k, f64x2.add(sum, i64x2.shuffle(sum, sum, 1, 0)))
    }
    reducePair(SUM, SUM, field)
    for (let k: usize = 0; k < 5; k++) store<f64>(out + ELEMENT * row + 8 * k, load<f64>(SUM + 16 * k))
  }
}

/** out = a·b over elements; an even number of them. */
export function multiplyElements(out: usize, a: usize, b: usize, count: u32, field: usize): void {
  for (let i: usize = 0; i < usize(count); i += 2) {
    pairUp(A, a + ELEMENT * i, ELEMENT)
    pairUp(B, b + ELEMENT * i, ELEMENT)
    multiply(A, A, B, field)
    reducePair(A, A, field)
    splitUp(out + ELEMENT * i, ELEMENT, A)
  }
}

/** a = a·b − c */
export function subtractProducts(a: usize, b: usize, c: usize, count: u32, field: usize): void {
  for (let i: usize = 0; i < usize(count); i += 2) {
    pairUp(A, a + ELEMENT * i, ELEMENT)
    pairUp(B, b + ELEMENT * i, ELEMENT)
    multiply(A, A, B, field)
    pairUp(B, c + ELEMENT * i, ELEMENT)
    subPair(A, A, B)
    reducePair(A, A, field)
    splitUp(a + ELEMENT * i, ELEMENT, A)
  }
}

// @ts-ignore: decorator
@inline
function pairUp(out: usize, from: usize, distance: usize): void {
  gather(out, from, from + distance)
}

// @ts-ignore: decorator
@inline
function splitUp(to: usize, distance: usize, pair: usize): void {
  scatter(to, to + distance, pair)
}

/** 2·half elements to their pairs. */
export function joinHalves(out: usize, elements: usize, half: u32): void {
  const distance = ELEMENT * usize(half)
  for (let j: usize = 0; j < usize(half); j++) pairUp(out + PAIR * j, elements + ELEMENT * j, distance)
}

export function splitHalves(out: usize, pairs: usize, half: u32): void {
  const distance = ELEMENT * usize(half)
  for (let j: usize = 0; j < usize(half); j++) splitUp(out + ELEMENT * j, distance, pairs + PAIR * j)
}

/**
 * out[j] = start·step^j for j < count, pairs. With `step` and `start` pairs; both lanes are as these are.
 */
export function fillPowers(out: usize, start: usize, step: usize, count: u32, field: usize): void {
  copyPair(out, start)
  for (let j: usize = 1; j < usize(count); j++) {
    multiply(out + PAIR * j, out + PAIR * (j - 1), step, field)
    reducePair(out + PAIR * j, out + PAIR * j, field)
  }
}

/** Every second value of a table of powers; these are the powers for the next layer. */
export function everySecond(out: usize, table: usize, count: u32): void {
  for (let j: usize = 0; j < usize(count); j++) copyPair(out + PAIR * j, table + 2 * PAIR * j)
}

/** (u, v) in one pair to (u + v, u − v). */
// @ts-ignore: decorator
@inline
function cross(at: usize): void {
  for (let k: usize = 0; k < PAIR; k += 16) {
    const pair = v128.load(at + k)
    v128.store(at + k, f64x2.add(i64x2.shuffle(pair, pair, 1, 0), v128.xor(pair, i64x2(0, i64.MIN_VALUE))))
  }
}

/**
 * Values in order to coefficients in bit-reversed order, each multiplied by its place in `factors`. `twiddles`: for the layer across
 * the lanes (1, w^j), then for each layer its powers in both lanes, one table behind the other. Decimation in frequency.
 */
export function interpolate(values: usize, half: u32, twiddles: usize, factors: usize, field: usize): void {
  const count = usize(half)
  for (let j: usize = 0; j < count; j++) {
    cross(values + PAIR * j)
    multiply(values + PAIR * j, values + PAIR * j, twiddles + PAIR * j, field)
    reducePair(values + PAIR * j, values + PAIR * j, field)
  }
  let table = twiddles + PAIR * count
  for (let span = count >> 1; span > 0; span >>= 1) {
    for (let block: usize = 0; block < count; block += 2 * span) {
      for (let j: usize = 0; j < span; j++) {
        const u = values + PAIR * (block + j)
        const v = u + PAIR * span
        subPair(A, u, v)
        addPair(u, u, v)
        reducePair(u, u, field)
        multiply(v, A, table + PAIR * j, field)
      }
    }
    table += PAIR * span
  }
  for (let j: usize = 0; j < count; j++) {
    multiply(values + PAIR * j, values + PAIR * j, factors + PAIR * j, field)
    reducePair(values + PAIR * j, values + PAIR * j, field)
  }
}

/** Coefficients in bit-reversed order to values in order. `twiddlesEnd` is the end of the tables. Decimation in time. */
export function evaluate(values: usize, half: u32, twiddlesEnd: usize, field: usize): void {
  const count = usize(half)
  let table = twiddlesEnd
  for (let span: usize = 1; span < count; span <<= 1) {
    table -= PAIR * span
    for (let block: usize = 0; block < count; block += 2 * span) {
      for (let j: usize = 0; j < span; j++) {
        const u = values + PAIR * (block + j)
        const v = u + PAIR * span
        multiply(A, v, table + PAIR * j, field)
        subPair(v, u, A)
        reducePair(v, v, field)
        addPair(u, u, A)
        reducePair(u, u, field)
      }
    }
  }
  table -= PAIR * count
  for (let j: usize = 0; j < count; j++) {
    multiply(values + PAIR * j, values + PAIR * j, table + PAIR * j, field)
    cross(values + PAIR * j)
    reducePair(values + PAIR * j, values + PAIR * j, field)
  }
}
