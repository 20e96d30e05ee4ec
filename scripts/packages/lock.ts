// SPDX-License-Identifier: GPL-3.0-or-later
// Extracts the part of the checkout's lockfile for some packages and all their dependencies, so that they get the very versions, by hash, with which the
// project is tested.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../bootstrap/paths.mjs'

/** A place in `packages` of a lockfile, version 3. */
export type LockEntry = {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optional?: boolean
  readonly [key: string]: unknown
}

/**
 * The entries for `names` and for everything that they need, each where the checkout has it.
 * @throws Error naming the package that the lockfile lacks
 */
export function lockedClosure(names: readonly string[]): Record<string, LockEntry> {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockEntry>
  }
  const found: Record<string, LockEntry> = {}
  for (const name of names) add(found, lock.packages, '', name)
  return found
}

function add(
  into: Record<string, LockEntry>,
  locked: Readonly<Record<string, LockEntry>>,
  importer: string,
  name: string,
  optional = false,
): void {
  for (let at = importer; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const place = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    const entry = locked[place]
    if (entry !== undefined) {
      const known = into[place]
      if (known !== undefined && (optional || known.optional !== true)) return
      // In the checkout some are only development's; here they are what a package asks for.
      const { dev: _dev, optional: _optional, devOptional: _both, peer: _peer, ...rest } = entry
      into[place] = optional ? { ...rest, optional } : rest
      const { dependencies, peerDependencies, optionalDependencies = {} } = entry
      for (const needed of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })) {
        if (entry.peerDependenciesMeta === undefined || !(needed in (entry.peerDependenciesMeta as object)))
          add(into, locked, place, needed, optional || needed in optionalDependencies)
      }
      return
    }
    // npm leaves optional packages for other systems out of a lockfile.
    if (at === '' && optional) return
    if (at === '') throw new Error(`package-lock.json has no ${name}, which ${importer || 'a package'} needs`)
    if (!at.includes('/node_modules/')) at = '/node_modules/'
  }
}
