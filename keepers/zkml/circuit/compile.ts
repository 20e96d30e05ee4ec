// SPDX-License-Identifier: GPL-3.0-or-later
// From circom source to the three files that the rest of the way needs: constraints, witness program, symbols.
import { createHash, randomUUID } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { gadgetDirectory } from '../gadgets.ts'
import { runCircom } from './circom-threads.ts'
import { CircuitError } from './errors.ts'
import { poseidonConstants, poseidonInputs, withoutOtherWidths } from './poseidon-constants.ts'

const GADGET_DIRECTORY = gadgetDirectory()

/** The source's name while circom works: not the name of any gadget. */
const MAIN = 'main_circuit'

/**
 * How hard circom simplifies. O1 removes equalities between signals. O2 also substitutes every linear constraint away. That would save one
 * constraint per activation but repeat long linear combinations in more places: the key would be larger, and the compiler would not finish
 * on layers of thousands of inputs.
 */
export type Simplification = 'O1' | 'O2'

export type CompiledCircuit = {
  /** Paths of the three files. */
  readonly r1cs: string
  readonly wasm: string
  readonly symbols: string
  /** SHA-256 over source, gadgets, simplification and compiler version, in hex. */
  readonly key: string
}

export type CompileOptions = {
  /** The directory that gets `<name>.r1cs`, `<name>.wasm`, `<name>.sym`, `<name>.circom`; created when absent. */
  readonly directory: string
  readonly name?: string
  readonly simplification?: Simplification
  /** More directories with files to include, e.g. circuits/naive. */
  readonly libraries?: readonly string[]
  readonly signal?: AbortSignal
}

/**
 * Compiles `source`. Files appear in `directory` only when all of them are complete.
 * @throws CircuitError `compile-failed` with what circom printed; the signal's reason when aborted.
 */
export async function compileCircuit(source: string, options: CompileOptions): Promise<CompiledCircuit> {
  const { name = 'circuit', simplification = 'O1', libraries = [], signal } = options
  signal?.throwIfAborted()
  const key = await circuitKey(source, simplification, libraries)
  const directory = resolve(options.directory)
  const work = join(directory, `.circom-${randomUUID()}`)
  await mkdir(work, { recursive: true })
  try {
    for (const library of [GADGET_DIRECTORY, ...libraries]) await cp(library, work, { recursive: true })
    await writeFile(join(work, `${MAIN}.circom`), source)
    const args = [`${MAIN}.circom`, '--r1cs', '--wasm', '--sym', `--${simplification}`, '-o', '.']
    const withConstants = async (constants: string) => {
      await writeFile(join(work, 'poseidon_constants.circom'), constants)
      return await runCircom({ directory: work, args }, signal)
    }
    const constants = poseidonConstants()
    let { ok, printed } = await withConstants(withoutOtherWidths(constants, poseidonInputs(source)))
    // A width that the source does not say: circom refuses to go on without its constants.
    if (!ok && /assert/i.test(printed)) ({ ok, printed } = await withConstants(constants))
    if (!ok) {
      throw new CircuitError('compile-failed', `circom refused ${name}: ${lastLines(printed, 30)}`)
    }
    const paths = {
      r1cs: join(directory, `${name}.r1cs`),
      wasm: join(directory, `${name}.wasm`),
      symbols: join(directory, `${name}.sym`),
    }
    await rename(join(work, `${MAIN}.circom`), join(directory, `${name}.circom`))
    await rename(join(work, `${MAIN}.sym`), paths.symbols)
    await rename(join(work, `${MAIN}_js`, `${MAIN}.wasm`), paths.wasm)
    await rename(join(work, `${MAIN}.r1cs`), paths.r1cs)
    return { ...paths, key }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * As compileCircuit, in a subdirectory of `cache` named by the content's hash; a circuit that is there already is not
 * compiled again. Safe for two processes at once: each compiles aside and renames.
 */
export async function compileCached(
  source: string,
  options: Omit<CompileOptions, 'directory'> & { readonly cache: string },
): Promise<CompiledCircuit> {
  const { name = 'circuit', simplification = 'O1', libraries = [] } = options
  const key = await circuitKey(source, simplification, libraries)
  const home = join(resolve(options.cache), `${name}-${key.slice(0, 32)}`)
  const cached: CompiledCircuit = {
    r1cs: join(home, `${name}.r1cs`),
    wasm: join(home, `${name}.wasm`),
    symbols: join(home, `${name}.sym`),
    key,
  }
  if (await exists(cached.r1cs)) return cached
  const aside = `${home}.${randomUUID()}`
  try {
    await compileCircuit(source, { ...options, directory: aside })
    await rename(aside, home).catch(async (error: unknown) => {
      // Somebody else was first; theirs is the same.
      if (!(await exists(cached.r1cs))) throw error
    })
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
  return cached
}

/** SHA-256 in hex over all that decides what circom makes of `source`: gadgets, simplification, compiler version. */
export async function circuitKey(
  source: string,
  simplification: Simplification = 'O1',
  libraries: readonly string[] = [],
): Promise<string> {
  const hash = createHash('sha256').update(source).update(simplification).update(compilerVersion())
  for (const library of [GADGET_DIRECTORY, ...libraries]) {
    for (const file of (await readdir(library)).filter((entry) => entry.endsWith('.circom')).sort()) {
      hash.update(file).update(await readFile(join(library, file)))
    }
  }
  return hash.digest('hex')
}

const require = createRequire(import.meta.url)

function compilerVersion(): string {
  return (require('circom2/package.json') as { version: string }).version
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function lastLines(text: string, count: number): string {
  const plain = stripVTControlCharacters(text)
  return plain.trim().split('\n').slice(-count).join('\n')
}
