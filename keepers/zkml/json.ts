// SPDX-License-Identifier: GPL-3.0-or-later
// JSON from a file of somebody else. RFC 8259 leaves open which of two members of one name counts: JSON.parse takes the last, other
// readers the first, so that two people see two files in the same bytes.

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a]
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d]
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])

/**
 * The value of a JSON text in which no object names a member twice.
 * @throws SyntaxError saying what is wrong, or naming the member
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  const twice = repeatedKey(text)
  if (twice !== null) throw new SyntaxError(`it names ${quoted(twice)} twice: leave one of them out`)
  return value
}

/** The first name that an object of a valid JSON text has twice. One pass, for files may be of many megabytes. */
function repeatedKey(json: string): string | null {
  const objects: (Set<string> | null)[] = []
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === OPEN_OBJECT) objects.push(new Set())
    else if (code === OPEN_ARRAY) objects.push(null)
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) objects.pop()
    else if (code === QUOTE) {
      const from = at
      at = endOfString(json, from)
      const seen = objects.at(-1)
      if (!seen || !isName(json, at)) continue
      // Escapes are undone: "\u0061" is "a" once more.
      const key = JSON.parse(json.slice(from, at + 1)) as string
      if (seen.has(key)) return key
      seen.add(key)
    }
  }
  return null
}

/** Where the string that starts at `from` has its closing quote. */
function endOfString(json: string, from: number): number {
  for (let at = json.indexOf('"', from + 1); ; at = json.indexOf('"', at + 1)) {
    let before = at - 1
    while (json.charCodeAt(before) === BACKSLASH) before--
    if ((at - before) % 2 === 1) return at
  }
}

function isName(json: string, end: number): boolean {
  let at = end + 1
  while (SPACES.has(json.charCodeAt(at))) at++
  return json.charCodeAt(at) === COLON
}

/** Of a stranger's choice, so it is escaped and short. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
}
