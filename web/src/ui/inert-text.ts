// SPDX-License-Identifier: GPL-3.0-or-later
// Text that strangers chose: names of services, descriptions, reasons. Shown as text and as nothing else.
import { plainText } from '../../../keepers/cli/plain-text.ts'

/** Characters that are shown of a text at most. */
const MOST_CHARACTERS = 200

/** A stranger's text without control characters and marks that turn the direction of reading, cut to `most` characters. */
export function inert(text: string, most = MOST_CHARACTERS): string {
  // A text of megabytes is cut before it is searched.
  const plain = plainText(text.slice(0, 4 * most)).replaceAll(/\s+/g, ' ')
  return plain.length > most || text.length > 4 * most ? `${plain.slice(0, most)}…` : plain
}

/** The same of a text whose end matters as much as its beginning: what is too long is cut in the middle, and how much is said. */
export function inertEnds(text: string, most = MOST_CHARACTERS): string {
  if (text.length <= most) return inert(text, most)
  const half = Math.floor(most / 2)
  return `${inert(text.slice(0, half), half)} … (${text.length - 2 * half} characters more) … ${inert(text.slice(-half), half)}`
}
