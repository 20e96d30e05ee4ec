// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a folder that `npm pack` takes from a folder of this repository.
import { cp, glob, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { artifactFiles } from '../../keepers/chain/artifacts.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { runNode } from '../run-node.ts'
import type { Package } from './list.ts'
import { lockedClosure } from './lock.ts'
import { DIST, manifestOf } from './manifest.ts'

/** A package cannot be built; the message is the compiler's, or names the missing file. */
export class StageError extends Error {
  override readonly name = 'StageError'
}

/**
 * Builds a package into `target`, which is made anew: sources or JavaScript with declarations, README, licence, manifest.
 * @throws StageError, ManifestError
 */
export async function stagePackage(pkg: Package, target: string, version: string): Promise<void> {
  await rm(target, { recursive: true, force: true })
  await mkdir(target, { recursive: true })
  const folder = join(ROOT, pkg.folder)
  const stage = { library: stageLibrary, sources: stageSources, application: stageApplication }[pkg.content.kind]
  const sources = await stage(pkg, target)
  await cp(join(folder, 'README.md'), join(target, 'README.md'))
  await cp(join(pkg.license === 'MIT' ? folder : ROOT, 'LICENSE'), join(target, 'LICENSE'))
  const manifest = manifestOf(pkg, sources, version)
  await writeFile(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  if (pkg.content.kind === 'application') await writeFile(join(target, 'npm-shrinkwrap.json'), shrinkwrap(manifest))
}

/** npm installs an application with the very dependencies of this checkout, and checks their hashes. */
function shrinkwrap(manifest: Readonly<Record<string, unknown>>): string {
  const { name, version, license, bin, engines, dependencies } = manifest
  const packages = {
    '': { name, version, license, dependencies, bin, engines },
    ...lockedClosure(Object.keys(dependencies as object)),
  }
  return `${JSON.stringify({ name, version, lockfileVersion: 3, requires: true, packages }, null, 2)}\n`
}

async function stageSources(pkg: Package, target: string): Promise<string[]> {
  if (pkg.content.kind !== 'sources') return []
  const folder = join(ROOT, pkg.folder)
  for await (const file of glob([...pkg.content.files], { cwd: folder })) {
    await cp(join(folder, file), join(target, file))
  }
  if (pkg.content.artifacts === true) await stageArtifacts(pkg, target)
  return []
}

/** Adds ABI and creation code of every contract, as the build left them, so that deploying or calling one needs no compiler. */
async function stageArtifacts(pkg: Package, target: string): Promise<void> {
  const artifacts = join(ROOT, 'artifacts', pkg.folder)
  await mkdir(join(target, 'artifacts'), { recursive: true })
  let count = 0
  for await (const file of glob('**/*.sol/*.json', { cwd: artifacts })) {
    const { contractName, abi, bytecode } = JSON.parse(await readFile(join(artifacts, file), 'utf8')) as {
      contractName?: string
      abi?: unknown[]
      bytecode?: string
    }
    if (contractName === undefined || abi === undefined || bytecode === undefined) continue
    const text = JSON.stringify({ contractName, abi, bytecode })
    await writeFile(join(target, 'artifacts', `${contractName}.json`), `${text}\n`)
    count++
  }
  if (count === 0) throw new StageError(`${artifacts} holds no compiled contract: run \`npm run build\` first`)
}

async function stageLibrary(pkg: Package, target: string): Promise<string[]> {
  if (pkg.content.kind !== 'library') return []
  const folder = join(ROOT, pkg.folder)
  const out = join(target, DIST)
  await compile(out, folder, { declaration: true })
  const texts = await nameJavaScript(out)
  for (const asset of pkg.content.assets) await cp(join(folder, asset), join(out, asset))
  const { ambient } = pkg.content
  if (ambient !== undefined) {
    await cp(join(folder, ambient), join(out, ambient))
    const index = join(out, 'index.d.ts')
    await writeFile(index, `/// <reference path="./${basename(ambient)}" />\n${await readFile(index, 'utf8')}`)
  }
  return texts
}

/** All of the application, every file where it lies in this repository: paths between them stay what they are. */
async function stageApplication(pkg: Package, target: string): Promise<string[]> {
  if (pkg.content.kind !== 'application') return []
  await compile(join(target, 'keepers'), join(ROOT, 'keepers'), { noCheck: true, rootDir: ROOT, outDir: target })
  const texts = await nameJavaScript(join(target, 'keepers'))
  for await (const file of glob([...pkg.content.files], { cwd: ROOT, withFileTypes: true })) {
    const path = join(file.parentPath, file.name)
    if (file.isFile()) await cp(path, join(target, relative(ROOT, path)))
  }
  for (const file of artifactFiles()) {
    const { abi, bytecode } = JSON.parse(await readFile(join(ROOT, file), 'utf8')) as { abi: unknown; bytecode: string }
    await mkdir(dirname(join(target, file)), { recursive: true })
    await writeFile(join(target, file), JSON.stringify({ abi, bytecode }))
  }
  return texts
}

/** Makes every module and declaration of a folder name the JavaScript that is there, and returns their texts. */
async function nameJavaScript(folder: string): Promise<string[]> {
  const texts: string[] = []
  for (const entry of await readdir(folder, { recursive: true })) {
    if (!/\.(js|d\.ts)$/.test(entry)) continue
    const file = join(folder, entry)
    const text = plainSpecifiers(await readFile(file, 'utf8'), entry.endsWith('.d.ts'))
    await writeFile(file, text)
    texts.push(text)
  }
  return texts
}

/** TypeScript to JavaScript, by the project's own settings and `options`. */
async function compile(out: string, folder: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  const config = join(dirname(out), 'tsconfig.build.json')
  const settings = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      rewriteRelativeImportExtensions: true,
      rootDir: folder,
      outDir: out,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
      ...options,
    },
    include: [join(folder, '**/*.ts')],
    exclude: [join(folder, 'kernel/assembly'), join(folder, '*/kernel/assembly')],
  }
  await writeFile(config, JSON.stringify(settings))
  const { code, output } = await runNode([join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', config], { cwd: ROOT })
  await rm(config)
  if (code !== 0) throw new StageError(output)
}

/**
 * Names the JavaScript that is there. The compiler rewrites what modules import, but neither the URLs of workers nor
 * what declarations import.
 */
function plainSpecifiers(text: string, declaration: boolean): string {
  const workers = text.replace(
    /new URL\((\/\* @vite-ignore \*\/ )?(['"])(\.[^'"]+)\.ts\2, import\.meta\.url\)/g,
    (_, ignored = '', quote, path) => `new URL(${ignored}${quote}${path}.js${quote}, import.meta.url)`,
  )
  return declaration ? workers.replace(/((?:from |import\()['"]\.[^'"]+)\.ts(['"])/g, '$1.js$2') : workers
}
