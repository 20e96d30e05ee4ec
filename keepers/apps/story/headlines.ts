// SPDX-License-Identifier: GPL-3.0-or-later
// Launch news that the project makes up itself, and headlines as a network sees them: bits of characters.

import type { Dataset, DatasetPair } from '../../learning/index.ts'
import { createDataset, deriveSeed, LearningError, SeededRandom } from '../../learning/index.ts'
import { LAUNCH_OUTCOMES, TEST_FRAMES, TRAINING_FRAMES } from './headline-frames.ts'
import { ENDINGS, OPENINGS, SLOTS } from './headline-words.ts'

/** Characters of a headline, spaces at its end included. */
export const HEADLINE_LENGTH = 111

/**
 * The bits of a character that the network sees, of 8. Bit 5 only distinguishes capital letters from small ones, and bit 7 is 0 in
 * ASCII: without them a headline means the same in any case, and a space is all zeros.
 */
export const CHARACTER_BITS = [0, 1, 2, 3, 4, 6] as const

const MOST_STRANGE_WORDS = 3
const ONSETS = [
  '',
  'b',
  'c',
  'd',
  'f',
  'g',
  'h',
  'j',
  'k',
  'l',
  'm',
  'n',
  'p',
  'qu',
  'r',
  's',
  't',
  'v',
  'w',
  'z',
  'st',
  'tr',
]
const VOWELS = ['a', 'e', 'i', 'o', 'u', 'ou', 'ea', 'ai', 'y']
const CODAS = ['', '', '', 'n', 'r', 's', 't', 'l', 'm', 'ck', 'nd', 'st']

/** A headline as bytes: printable ASCII, padded with spaces. @throws LearningError BAD_DATA naming the character or the length */
export function headlineBytes(headline: string): Uint8Array {
  if (headline.length > HEADLINE_LENGTH) {
    throw new LearningError('BAD_DATA', `headline of ${headline.length} characters, at most ${HEADLINE_LENGTH} fit`)
  }
  const bytes = new Uint8Array(HEADLINE_LENGTH).fill(0x20)
  for (let i = 0; i < headline.length; i++) {
    const code = headline.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) {
      throw new LearningError('BAD_DATA', `headline character ${i} is U+${code.toString(16)}, not printable ASCII`)
    }
    bytes[i] = code
  }
  return bytes
}

/** A headline and the index of its outcome in LAUNCH_OUTCOMES. */
export type LabelledHeadline = { readonly headline: string; readonly label: number }

/** `count` headlines from the frames of one split, outcomes in turn. */
export function launchHeadlines(split: 'train' | 'test', count: number, seed: number): LabelledHeadline[] {
  const frames = split === 'train' ? TRAINING_FRAMES : TEST_FRAMES
  return Array.from({ length: count }, (_, i) => {
    const label = i % LAUNCH_OUTCOMES.length
    const random = new SeededRandom(deriveSeed(seed, split === 'train' ? 1 : 2, i))
    return { headline: compose(frames[LAUNCH_OUTCOMES[label]!], split === 'train', random), label }
  })
}

/**
 * Composes one headline, and redraws it if it is too long. Training headlines get openings and endings, and unknown words, so that a network learns
 * to ignore words that it has never seen.
 */
function compose(frames: readonly string[], ornate: boolean, random: SeededRandom): string {
  for (;;) {
    let text = fill(pick(frames, random), random)
    if (ornate) {
      if (random.below(2) === 0) text = fill(pick(OPENINGS, random), random) + text
      if (random.below(2) === 0) text += fill(pick(ENDINGS, random), random)
      text = withStrangeWords(text, random.below(MOST_STRANGE_WORDS + 1), random)
    }
    const headline = text.charAt(0).toUpperCase() + text.slice(1)
    if (headline.length <= HEADLINE_LENGTH) return headline
  }
}

function fill(text: string, random: SeededRandom): string {
  return text.replace(/\{(\w+)\}/g, (_, slot: string) =>
    slot === 'name' ? capital(strangeWord(random)) : fill(pick(SLOTS[slot]!, random), random),
  )
}

function withStrangeWords(text: string, count: number, random: SeededRandom): string {
  const words = text.split(' ')
  for (let i = 0; i < count; i++) words.splice(random.below(words.length + 1), 0, strangeWord(random))
  return words.join(' ')
}

/** Two to four syllables that mean nothing. */
function strangeWord(random: SeededRandom): string {
  let word = ''
  for (let i = 2 + random.below(3); i > 0; i--)
    word += pick(ONSETS, random) + pick(VOWELS, random) + pick(CODAS, random)
  return word
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function pick<T>(list: readonly T[], random: SeededRandom): T {
  return list[random.below(list.length)]!
}

/** Samples [1, HEADLINE_LENGTH, bits of a character], each 0 or 1. */
export function headlineDataset(name: string, headlines: readonly LabelledHeadline[]): Dataset {
  const size = HEADLINE_LENGTH * CHARACTER_BITS.length
  const inputs = new Uint8Array(headlines.length * size)
  for (const [sample, { headline }] of headlines.entries()) {
    for (const [at, byte] of headlineBytes(headline).entries()) {
      for (const [k, bit] of CHARACTER_BITS.entries()) {
        // A dataset of bytes is read as value / 255.
        inputs[sample * size + at * CHARACTER_BITS.length + k] = ((byte >> bit) & 1) * 255
      }
    }
  }
  return createDataset({
    name,
    origin: 'procedural',
    inputShape: [1, HEADLINE_LENGTH, CHARACTER_BITS.length],
    classes: LAUNCH_OUTCOMES.length,
    inputs,
    labels: headlines.map(({ label }) => label),
    classNames: LAUNCH_OUTCOMES,
  })
}

/** Training and test headlines; no frame is in both. */
export function launchNews(options: { seed: number; train: number; test: number }): DatasetPair {
  const split = (part: 'train' | 'test') =>
    headlineDataset(`launch news, ${part}`, launchHeadlines(part, options[part], options.seed))
  return { train: split('train'), test: split('test') }
}
