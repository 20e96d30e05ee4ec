// SPDX-License-Identifier: GPL-3.0-or-later

/** A text as one word of a POSIX shell: as it is if every shell takes it so, else in single quotes. For commands that users copy. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
