// SPDX-License-Identifier: GPL-3.0-or-later
// Canonical JSON: one spelling for each value, so that equal values have equal hashes.

/** Deepest nesting. No document here needs more, and deeper ones could exhaust the stack. */
const MAX_DEPTH = 64

/** A value that JSON has no spelling for, or that is nested too deeply. */
export class CanonicalError extends Error {
  override readonly name = 'CanonicalError'
}

/**
 * The canonical text: keys in the order of their UTF-16 code units, no spaces, numbers and strings as ECMAScript writes
 * them (RFC 8785). Keys with the value undefined are left out.
 * @throws CanonicalError naming the path of a number that is not finite, or of a value that is nested too deeply
 */
export function canonicalJson(value: unknown, path = ''): string {
  return write(value, path, 0)
}

function write(value: unknown, path: string, depth: number): string {
  const place = path || 'document'
  if (depth > MAX_DEPTH) throw new CanonicalError(`${place}: nested more than ${MAX_DEPTH} deep`)
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new CanonicalError(`${place}: ${value} is not a finite number`)
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => write(item, `${path}[${index}]`, depth + 1)).join(',')}]`
  }
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => `${JSON.stringify(key)}:${write(entry, path === '' ? key : `${path}.${key}`, depth + 1)}`)
    return `{${entries.join(',')}}`
  }
  const text = JSON.stringify(value)
  if (text === undefined) throw new CanonicalError(`${place}: ${typeof value} is not a JSON value`)
  return text
}

/** Path of the first difference between two JSON values; null if they are equal. */
export function firstDifference(a: unknown, b: unknown, path = ''): string | null {
  if (Object.is(a, b)) return null
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return path || 'document'
  const keys = new Set([...Object.keys(a), ...Object.keys(b)])
  for (const key of keys) {
    const at = Array.isArray(a) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    const found = firstDifference(Reflect.get(a, key), Reflect.get(b, key), at)
    if (found !== null) return found
  }
  return null
}
