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
  readonly optional?: boolean
  readonly [key: string]: unknown
}

/**
 * Installs the tarballs with `npm ci`: dependencies are the ones of the checkout's lockfile, by hash, and from npm's cache
 * where the checkout's own installation left them.
 * @param tools more packages of the lockfile, which the project uses by itself
 */
export async function installInto(
  folder: string,
  packed: readonly Packed[],
  tools: readonly string[] = [],
): Promise<void> {
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
  for (const tool of tools) {
    dependencies[tool] = locked[`node_modules/${tool}`]!.version!
    addClosure(packages, locked, '', tool)
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
          addClosure(into, locked, place, needed, optional || needed in optionalDependencies)
      }
      return
    }
    // npm leaves out of a lockfile what is optional and for another system.
    if (at === '' && optional) return
    if (at === '') throw new Error(`package-lock.json has no ${name}, which ${importer || 'a package'} needs`)
    if (!at.includes('/node_modules/')) at = '/node_modules/'
  }
}
