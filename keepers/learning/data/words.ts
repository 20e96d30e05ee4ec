// SPDX-License-Identifier: GPL-3.0-or-later
// Text as a bag: which words, or which pieces of words, are in it. A dense layer over it adds up an embedding for each of them, or averages
// them: its kernel is the table of embeddings, and looking up and pooling is the product of the bag and that table.
import { z } from 'zod'

const length = z.int().min(1).max(8)
/**
 * `mean`: a place holds its share of the text's pieces, repeats counted, so that the product with a table of embeddings is their average. A
 * place holds 1 for a piece that is there otherwise.
 */
const pooling = z.literal('mean').optional()

/** How text is cut up; parties that state the same read alike. */
export const tokenizerSchema = z.discriminatedUnion('kind', [
  /**
   * Runs of `shortest` to `longest` words, or letters of a word with its ends marked, each at a place that its hash names. Says nothing of
   * the texts that it was made for.
   */
  z.strictObject({
    kind: z.literal('hashed'),
    of: z.enum(['words', 'letters']),
    shortest: length,
    longest: length,
    buckets: z.int().min(2).max(65_536),
    pooling,
  }),
  /** The bytes of the text in UTF-8, as they are, each value at its place: for codes, names, short texts of any script. */
  z.strictObject({ kind: z.literal('bytes'), pooling }),
  /** The words listed, each at its place; others are left out. */
  z.strictObject({ kind: z.literal('words'), words: z.array(z.string().min(1).max(64)).min(2).max(65_536), pooling }),
])
export type Tokenizer = z.infer<typeof tokenizerSchema>

const BYTES = 256

/** Numbers that a model is given for a text. */
export function bagSize(tokenizer: Tokenizer): number {
  if (tokenizer.kind === 'bytes') return BYTES
  return tokenizer.kind === 'hashed' ? tokenizer.buckets : tokenizer.words.length
}

/** Why a tokenizer says nothing, or null. */
export function contradictionInTokenizer(tokenizer: Tokenizer): string | null {
  if (tokenizer.kind === 'bytes') return null
  if (tokenizer.kind === 'hashed') {
    return tokenizer.shortest <= tokenizer.longest ? null : 'shortest is more than longest'
  }
  const odd = tokenizer.words.find((word) => `${wordsOf(word)}` !== word)
  if (odd !== undefined) return `'${odd}' is not one word in lower case`
  return new Set(tokenizer.words).size === tokenizer.words.length ? null : 'one word is there twice'
}

/** A reader of texts: 1, or the share of the pieces, at the place of each piece that is in the text, else 0. */
export function bagReader(tokenizer: Tokenizer): (text: string, into: Float32Array) => void {
  const places = placesIn(tokenizer)
  if (tokenizer.pooling === undefined) {
    return (text, into) => {
      into.fill(0)
      for (const place of places(text)) into[place] = 1
    }
  }
  return (text, into) => {
    into.fill(0)
    let pieces = 0
    for (const place of places(text)) {
      into[place]! += 1
      pieces++
    }
    // A text without any piece is a bag of zeros.
    for (let place = 0; pieces > 0 && place < into.length; place++) into[place]! /= pieces
  }
}

/** The place of each piece of a text; pieces without one are left out. */
function placesIn(tokenizer: Tokenizer): (text: string) => Iterable<number> {
  if (tokenizer.kind === 'bytes') return (text) => new TextEncoder().encode(text)
  if (tokenizer.kind === 'hashed') {
    const { buckets } = tokenizer
    return function* (text) {
      for (const piece of piecesOf(text, tokenizer)) yield hashOf(piece) % buckets
    }
  }
  const known = new Map(tokenizer.words.map((word, place) => [word, place]))
  return (text) => wordsOf(text).flatMap((word) => known.get(word) ?? [])
}

/** Words in lower case, of letters and digits of any script. */
export function wordsOf(text: string): string[] {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
}

function* piecesOf(text: string, { of, shortest, longest }: Extract<Tokenizer, { kind: 'hashed' }>): Generator<string> {
  const words = wordsOf(text)
  const rows = of === 'words' ? [words] : words.map((word) => [...`<${word}>`])
  const joint = of === 'words' ? ' ' : ''
  for (const row of rows) {
    for (let size = shortest; size <= longest; size++) {
      for (let at = 0; at + size <= row.length; at++) yield row.slice(at, at + size).join(joint)
    }
  }
}

/** FNV-1a, 32 bits, over UTF-8 (Fowler, Noll, Vo). */
function hashOf(piece: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(piece)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  // The low bits of FNV alone are weak: fold the high ones in, as its authors advise.
  return (hash ^ (hash >>> 16)) >>> 0
}
