// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * Text without what a terminal or a reader would obey instead of show: escape sequences, other control characters, and marks that turn the
 * direction of reading. Names of tokens, services and proposals are their makers' to choose.
 */
export function plainText(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, '')
}
