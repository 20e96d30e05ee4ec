// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * Removes from a text what a terminal or a reader would obey instead of showing: escape sequences, other control characters, and marks that change
 * the direction of reading. Needed because anybody can choose names of tokens, services and proposals.
 */
export function plainText(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, '')
}
