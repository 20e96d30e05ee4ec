// SPDX-License-Identifier: GPL-3.0-or-later
// A folder outside the checkout with nothing in it but our tarballs and what they say they depend on.
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type LockEntry, lockedClosure } from '../../scripts/packages/lock.ts'
import { npm, type Packed } from '../../scripts/packages/pack.ts'

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
    Object.assign(
      packages,
      lockedClosure(Object.keys(manifest.dependencies ?? {}).filter((needed) => !ours.includes(needed))),
    )
  }
  for (const tool of tools) {
    const closure = lockedClosure([tool])
    dependencies[tool] = closure[`node_modules/${tool}`]!.version!
    Object.assign(packages, closure)
  }
  const root = { name: 'empty', version: '1.0.0', dependencies }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...root, private: true, type: 'module' }))
  const lock = { ...root, lockfileVersion: 3, requires: true, packages: { '': root, ...packages } }
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock))
  await npm(['ci', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], folder)
}
