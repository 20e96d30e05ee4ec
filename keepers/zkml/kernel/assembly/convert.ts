// SPDX-License-Identifier: GPL-3.0-or-later
// Between the bytes of files and the kernel's limbs. Lists of elements are 40 bytes each, one after the other.
import { ELEMENT, fromWords, gather, PAIR, reducePair, scatter, toWords } from './field'
import { multiply } from './multiply'

const A: usize = memory.data(80, 16)
const B: usize = memory.data(80, 16)

/** `count` values of 32 bytes, `from` bytes apart, each times a constant (a pair), to elements. */
export function importElements(out: usize, bytes: usize, step: u32, count: u32, factor: usize, field: usize): void {
  for (let i: usize = 0; i < usize(count); i += 2) {
    // The last of an odd number is its own neighbour.
    const j = min(i + 1, usize(count) - 1)
    fromWords(A, 16, bytes + usize(step) * i)
    fromWords(A + 8, 16, bytes + usize(step) * j)
    multiply(B, A, factor, field)
    reducePair(B, B, field)
    scatter(out + ELEMENT * i, out + ELEMENT * j, B)
  }
}

/** Values of 32 bytes as elements, not in Montgomery form; limbs from 0 to 2^51. */
export function importPlain(out: usize, bytes: usize, count: u32): void {
  for (let i: usize = 0; i < usize(count); i++) fromWords(out + ELEMENT * i, 8, bytes + 32 * i)
}

/** Complex elements, 64 bytes each, times a constant, to pairs. */
export function importPairs(out: usize, bytes: usize, count: u32, factor: usize, field: usize): void {
  for (let i: usize = 0; i < usize(count); i++) {
    fromWords(A, 16, bytes + 64 * i)
    fromWords(A + 8, 16, bytes + 64 * i + 32)
    multiply(B, A, factor, field)
    reducePair(out + PAIR * i, B, field)
  }
}

/** Elements times a constant, canonical, 32 bytes each. */
export function exportElements(out: usize, elements: usize, count: u32, factor: usize, field: usize): void {
  for (let i: usize = 0; i < usize(count); i += 2) {
    const j = min(i + 1, usize(count) - 1)
    gather(A, elements + ELEMENT * i, elements + ELEMENT * j)
    multiply(B, A, factor, field)
    toWords(out + 32 * i, B, 16, field)
    toWords(out + 32 * j, B + 8, 16, field)
  }
}

/** The same of pairs, 64 bytes each. */
export function exportPairs(out: usize, pairs: usize, count: u32, factor: usize, field: usize): void {
  for (let i: usize = 0; i < usize(count); i++) {
    multiply(B, pairs + PAIR * i, factor, field)
    toWords(out + 64 * i, B, 16, field)
    toWords(out + 64 * i + 32, B + 8, 16, field)
  }
}
