// SPDX-License-Identifier: GPL-3.0-or-later

/** Text that is not a version. */
export class VersionError extends Error {
  override readonly name = 'VersionError'
}

const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/

/**
 * Negative when `a` comes before `b` by SemVer's precedence, 0 when they are equal.
 * @throws VersionError when either is not a version
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)]
  for (const [i, number] of left.numbers.entries()) {
    if (number !== right.numbers[i]) return number - right.numbers[i]!
  }
  // A pre-release comes before its release.
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length
  for (let i = 0; i < Math.max(left.pre.length, right.pre.length); i++) {
    const order = comparePart(left.pre[i], right.pre[i])
    if (order !== 0) return order
  }
  return 0
}

/** Numbers come before words and by size, words by code unit, fewer parts before more. */
function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1
  const [x, y] = [a, b].map((part) => (/^\d+$/.test(part) ? Number(part) : null))
  if (x != null && y != null) return x - y
  if (x != null || y != null) return x != null ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function parse(version: string): { readonly numbers: readonly number[]; readonly pre: readonly string[] } {
  const match = SEMVER.exec(version)
  if (match === null) throw new VersionError(`'${version}' is not a version: expected 1.2.3 or 1.2.3-rc.1`)
  return { numbers: match.slice(1, 4).map(Number), pre: match[4]?.split('.') ?? [] }
}
