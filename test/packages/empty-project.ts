// SPDX-License-Identifier: GPL-3.0-or-later
// A folder outside the checkout with nothing in it but our tarballs and what they say they depend on.
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ROOT } from '../../scripts/bootstrap/paths.mjs'
import { npm, type Packed } from '../../scripts/packages/pack.ts'

type LockEntry = {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly [key: string]: unknown
}

/**
 * Installs the tarballs with `npm ci`: dependencies are the ones of the checkout's lockfile, by hash, and from npm's cache
 * where the checkout's own installation left them.
 */
export async function installInto(folder: string, packed: readonly Packed[]): Promise<void> {
  await mkdir(join(folder, 'tarballs'), { recursive: true })
  const locked = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')).packages as Record<
    string,
    LockEntry
  >
  const packages: Record<string, LockEntry> = {}
  const dependencies: Record<string, string> = {}
  for (const { name, version, tarball, integrity, manifest } of packed) {
    const place = `file:tarballs/${basename(tarball)}`
    await cp(tarball, join(folder, 'tarballs', basename(tarball)))
    dependencies[name] = place
    packages[`node_modules/${name}`] = {
      version,
      resolved: place,
      integrity,
      dependencies: manifest.dependencies ?? {},
    }
    const ours = packed.map((other) => other.name)
    for (const needed of Object.keys(manifest.dependencies ?? {})) {
      if (!ours.includes(needed)) addClosure(packages, locked, '', needed)
    }
  }
  const root = { name: 'empty', version: '1.0.0', dependencies }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...root, private: true, type: 'module' }))
  const lock = { ...root, lockfileVersion: 3, requires: true, packages: { '': root, ...packages } }
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock))
  await npm(['ci', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], folder)
}

/** A dependency with all of its own, each where the checkout has it. */
function addClosure(
  into: Record<string, LockEntry>,
  locked: Readonly<Record<string, LockEntry>>,
  importer: string,
  name: string,
): void {
  for (let at = importer; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const place = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    const entry = locked[place]
    if (entry !== undefined) {
      if (into[place] !== undefined) return
      // In the checkout some are only development's, or optional; here they are what a package asks for.
      const { dev: _dev, optional: _optional, devOptional: _both, peer: _peer, ...rest } = entry
      into[place] = rest
      const { dependencies, peerDependencies, optionalDependencies } = entry
      for (const needed of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })) {
        if (entry.peerDependenciesMeta === undefined || !(needed in (entry.peerDependenciesMeta as object)))
          addClosure(into, locked, place, needed)
      }
      return
    }
    if (at === '') throw new Error(`package-lock.json has no ${name}, which ${importer || 'a package'} needs`)
    if (!at.includes('/node_modules/')) at = '/node_modules/'
  }
}
