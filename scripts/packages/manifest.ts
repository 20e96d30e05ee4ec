// SPDX-License-Identifier: GPL-3.0-or-later
import { isBuiltin } from 'node:module'
import root from '../../package.json' with { type: 'json' }
import { type Package, SCOPE } from './list.ts'

/** Where built JavaScript lies in a package of a library. */
export const DIST = 'dist'

const versions: Readonly<Record<string, string>> = root.dependencies

/** Where the project says that its sources are. Its package.json names no place until there is a public one. */
const { repository } = root as { repository?: { readonly type: string; readonly url: string } }

/** A package needs another that the application does not pin. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError'
}

/**
 * The package.json of a package. Its dependencies are those that its code imports, at the versions that the application
 * is tested with.
 * @param sources text of all modules and declarations of the package
 * @param version of the package, and of ours that it needs
 * @throws ManifestError naming the dependency that the root's package.json lacks
 */
export function manifestOf(pkg: Package, sources: readonly string[], version: string): Record<string, unknown> {
  const { name, description, keywords, license, content } = pkg
  const needed = [...new Set([...pkg.needs, ...sources.flatMap(importedPackages)])].sort()
  return {
    name: `${SCOPE}/${name}`,
    version,
    description,
    keywords,
    author: root.author,
    license,
    ...(repository === undefined ? {} : { repository: { ...repository, directory: pkg.folder } }),
    ...(content.kind === 'sources' ? {} : { type: 'module', engines: { node: '>=22.13' } }),
    ...(content.kind === 'application' ? { bin: commandsOf(content.bin) } : { exports: exportsOf(pkg) }),
    ...(content.kind === 'library' ? { files: [DIST] } : {}),
    dependencies: Object.fromEntries(needed.map((other) => [other, versionOf(name, other, version)])),
    publishConfig: { access: 'public' },
  }
}

function versionOf(name: string, other: string, own: string): string {
  if (other.startsWith(`${SCOPE}/`)) return own
  const version = versions[other]
  if (version === undefined) {
    throw new ManifestError(`${SCOPE}/${name} imports ${other}: add it to the dependencies of package.json`)
  }
  return version
}

const commandsOf = (bin: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(bin).map(([command, module]) => [command, `./${module}.js`]))

function exportsOf({ content }: Package): Record<string, unknown> {
  if (content.kind === 'sources') {
    return Object.fromEntries(['./package.json', './README.md', ...content.exports].map((path) => [path, path]))
  }
  if (content.kind === 'application') return {}
  const door = (module: string) => ({
    types: `./${DIST}/${module}.d.ts`,
    default: `./${DIST}/${module}.js`,
  })
  return {
    '.': door('index'),
    ...Object.fromEntries(Object.entries(content.doors).map(([path, module]) => [path, door(module)])),
    './package.json': './package.json',
  }
}

/** Names of the packages that a module imports, Node's own left out. */
export function importedPackages(source: string): string[] {
  const found = new Set<string>()
  for (const [, specifier] of source.matchAll(/(?:\bfrom |\bimport\(|^import )\s*['"]([^'"\s]+)['"]/gm)) {
    if (specifier!.startsWith('.') || isBuiltin(specifier!)) continue
    const parts = specifier!.split('/')
    found.add(specifier!.startsWith('@') ? `${parts[0]}/${parts[1]}` : parts[0]!)
  }
  return [...found]
}
