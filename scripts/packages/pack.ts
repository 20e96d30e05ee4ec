// SPDX-License-Identifier: GPL-3.0-or-later
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import root from '../../package.json' with { type: 'json' }
import { findNpm } from '../bootstrap/npm.mjs'
import { PACKAGES, type Package, SCOPE } from './list.ts'
import { StageError, stagePackage } from './stage.ts'

/** The result of `npm pack` for a package. */
export type Packed = {
  /** With its scope. */
  readonly name: string
  readonly version: string
  /** Path of the tarball. */
  readonly tarball: string
  readonly files: number
  /** Bytes of the tarball. */
  readonly size: number
  /** As lockfiles have it. */
  readonly integrity: string
  readonly manifest: { readonly dependencies?: Readonly<Record<string, string>> }
}

/** The part that we read of what `npm pack --json` prints. */
type PackReport = {
  readonly filename: string
  readonly entryCount: number
  readonly size: number
  readonly integrity: string
}

/**
 * Builds the packages below `folder`, each in one of its own name, and packs them beside those.
 * @throws StageError, ManifestError
 */
export async function packAll(
  folder: string,
  packages: readonly Package[] = PACKAGES,
  version: string = root.version,
): Promise<Packed[]> {
  await mkdir(folder, { recursive: true })
  return await Promise.all(
    packages.map(async (pkg) => {
      const staged = join(folder, pkg.name)
      await stagePackage(pkg, staged, version)
      const said = await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], staged)
      const [{ filename, entryCount, size, integrity }] = JSON.parse(said) as [PackReport]
      const manifest = JSON.parse(await readFile(join(staged, 'package.json'), 'utf8')) as Packed['manifest']
      const tarball = join(folder, filename)
      return { name: `${SCOPE}/${pkg.name}`, version, tarball, files: entryCount, size, integrity, manifest }
    }),
  )
}

/** npm's standard output. @throws StageError with npm's message when it fails. */
export async function npm(args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(process.execPath, [findNpm(), ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new StageError(`npm ${args[0]} in ${cwd}: ${said.stderr || said.stdout}`)
  return said.stdout
}
