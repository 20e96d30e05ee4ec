// SPDX-License-Identifier: GPL-3.0-or-later
// `node scripts/build-program.mjs FOLDER`: keepers/cli and all that it imports, in a few files: see bootstrap/program.mjs. The code is the
// same, unabridged; its threads are entries of their own, and what it reads beside itself, it reads beside its source.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, sep } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { LEFT_OUT_IMPORTERS, leftOutFunction, standIn } from '../keepers/network/left-out.ts'
import { ROOT } from './bootstrap/paths.mjs'
import { entryName, INPUTS, OTHERS } from './bootstrap/program.mjs'

/** Vite's own bundler: what builds the console builds this. */
const vite = createRequire(fileURLToPath(import.meta.resolve('vite')))
const { rolldown } = await import(pathToFileURL(vite.resolve('rolldown')).href)

const ENTRY = join(ROOT, 'keepers/cli/run.ts')

/** They read files beside themselves, bring binaries, or are loaded by those who may find none. Node finds them as ever. */
const AS_THEY_ARE =
  /^(?:node:|@tensorflow\/|node-datachannel|node-seal|snarkjs|ffjavascript|solc|circom2|pino|bullmq|ioredis)/

/** A thread's module, as the house starts it. The process of a strategy may read the sources and nothing else. */
const THREAD = /new URL\((?:\/\*[^*]*\*\/ )?'\.\/((?!confined)[\w.-]+\.ts)', import\.meta\.url\)/g

/** Programs that are kept, this one included: a running keeper loads some of its files when it first needs them. */
const KEPT = 6

/** The modules that a source starts as threads. */
function threadsOf(file, code) {
  return [...code.matchAll(THREAD)].map(([, name]) => join(dirname(file), name)).filter((path) => existsSync(path))
}

function threads() {
  const sources = globSync('keepers/**/*.ts', { cwd: ROOT }).map((file) => join(ROOT, file))
  const own = sources.filter((file) => !/\.browser\.ts$|[\\/](?:assembly|browser)[\\/]/.test(file))
  return [...new Set(own.flatMap((file) => threadsOf(file, readFileSync(file, 'utf8'))))]
}

/** A source that asks where it is reads the place of the source; a thread that it starts is here. */
const places = {
  name: 'places',
  transform(code, id) {
    if (!id.startsWith(join(ROOT, 'keepers')) || !code.includes('import.meta.url')) return null
    const path = relative(ROOT, id).split(sep).map(encodeURIComponent).join('/')
    const source = `new URL(${JSON.stringify(`../../../${path}`)}, import.meta.url).href`
    return code
      .replace(
        THREAD,
        (_, name) => `new URL('./${entryName(relative(ROOT, join(dirname(id), name)))}.mjs', import.meta.here)`,
      )
      .replaceAll('import.meta.url', `(${source})`)
      .replaceAll('import.meta.here', 'import.meta.url')
  },
}

/** As keepers/network/load-node.ts does it. */
const leftOut = {
  name: 'left-out',
  resolveId(id, importer) {
    const name = leftOutFunction(id)
    return name !== undefined && LEFT_OUT_IMPORTERS.test(importer ?? '') ? `left-out:${name}` : null
  },
  load: (id) => (id.startsWith('left-out:') ? standIn(id.slice('left-out:'.length)) : null),
}

async function build(folder) {
  const parent = dirname(folder)
  const others = OTHERS.map((script) => join(ROOT, script)).filter((file) => existsSync(file))
  const bundle = await rolldown({
    input: Object.fromEntries([ENTRY, ...threads(), ...others].map((file) => [entryName(relative(ROOT, file)), file])),
    cwd: ROOT,
    platform: 'node',
    logLevel: 'silent',
    // As Node itself chooses among what a package offers.
    resolve: { conditionNames: ['node', 'module-sync'], mainFields: ['main'] },
    external: (id) => AS_THEY_ARE.test(id),
    plugins: [leftOut, places],
    // Nobody's module is dropped for what a package says of itself, and no class loses the name that an error shows.
    treeshake: { moduleSideEffects: true },
  })
  await mkdir(parent, { recursive: true })
  const aside = await mkdtemp(`${folder}-`)
  try {
    const output = { dir: aside, format: 'esm', keepNames: true }
    const made = await bundle.write({ ...output, entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' })
    insistOnInputs(made.output.flatMap(({ moduleIds = [] }) => moduleIds))
    await rename(aside, folder)
  } finally {
    await rm(aside, { recursive: true, force: true })
    await bundle.close()
  }
  const names = (await readdir(parent)).filter((name) => /^[0-9a-f]{32}(?:-\w{6})?$/.test(name))
  const programs = names.map((name) => join(parent, name)).filter((path) => path !== folder)
  const ages = await Promise.all(programs.map(async (path) => [(await stat(path)).mtimeMs, path]))
  for (const [, path] of ages.sort(([a], [b]) => b - a).slice(KEPT - 1))
    await rm(path, { recursive: true, force: true })
}

/** A program's name is the hash of its inputs: a source that is none of them could change, and the program would stay as it was. */
function insistOnInputs(files) {
  const sources = files.filter((file) => file.startsWith(ROOT)).map((file) => relative(ROOT, file).replaceAll(sep, '/'))
  const own = sources.filter((source) => !source.startsWith('node_modules/'))
  const stray = own.find((source) => !INPUTS.some((input) => source === input || source.startsWith(`${input}/`)))
  if (stray !== undefined) throw new Error(`${stray} is no input of the program: add it in bootstrap/program.mjs`)
}

const [, script, folder] = process.argv
// Beside it, all but the newest are deleted: beside a folder of another name stands what nobody meant.
if (folder === undefined || !/^[0-9a-f]{32}$/.test(basename(folder))) {
  process.stderr.write(`usage: node scripts/${basename(script)} FOLDER, named by the 32 digits of the sources' hash\n`)
  process.exitCode = 64
} else await build(folder)
