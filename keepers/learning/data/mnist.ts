// SPDX-License-Identifier: GPL-3.0-or-later
// Finds MNIST in a given directory, in the cache, or at a public mirror. Downloads are checked by SHA-256.
import { createHash } from 'node:crypto'
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LearningError } from '../errors.ts'
import type { Dataset, DatasetPair } from '../types.ts'
import { datasetFromIdx, inflate } from './idx.ts'
import { proceduralDigits, USUAL_DIGITS } from './procedural.ts'

/** The four files, with the SHA-256 of their decompressed bytes. */
export const MNIST_FILES = {
  'train-images-idx3-ubyte': 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
  'train-labels-idx1-ubyte': '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  't10k-images-idx3-ubyte': '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
  't10k-labels-idx1-ubyte': 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
} as const
type MnistFile = keyof typeof MNIST_FILES

export const MNIST_MIRRORS = [
  'https://ossci-datasets.s3.amazonaws.com/mnist/',
  'https://storage.googleapis.com/cvdf-datasets/mnist/',
] as const

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url))
const DOWNLOAD_LIMIT = 64 << 20

export type MnistOptions = {
  /** Directory with the four files, gzipped or not. When given, nothing else is tried. */
  readonly dir?: string
  /** Never touch the network. Also set by COHORT_OFFLINE=1. */
  readonly offline?: boolean
  readonly cacheDir?: string
  /** Where to look before the cache; default: COHORT_MNIST alone when that is set, else `../shared/data/mnist` beside the repository. */
  readonly searchDirs?: readonly string[]
  readonly mirrors?: readonly string[]
  readonly signal?: AbortSignal
}

/** The user's cache directory for datasets. */
export function defaultCacheDir(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'cohort', 'mnist')
}

/** The directory that the caller or the environment asks for. If there is one, nothing else is tried. */
function askedFor({ dir, searchDirs }: MnistOptions): string | undefined {
  const told = process.env.COHORT_MNIST
  return dir ?? (searchDirs === undefined && told !== '' ? told : undefined)
}

/**
 * MNIST (or any set in its four-file form, such as Fashion-MNIST, through `dir`). Looks in `dir`, else in COHORT_MNIST, else in
 * `../shared/data/mnist` beside the repository, the cache, then the mirrors.
 * Throws DATA_NOT_FOUND, DOWNLOAD_FAILED or BAD_DATA.
 */
export async function loadMnist(options: MnistOptions = {}): Promise<DatasetPair> {
  const asked = askedFor(options)
  if (asked !== undefined) return loadFrom(asked)
  const cacheDir = options.cacheDir ?? defaultCacheDir()
  const searchDirs = options.searchDirs ?? [resolve(REPOSITORY, '..', 'shared', 'data', 'mnist')]
  for (const candidate of [...searchDirs, cacheDir]) {
    if (await isComplete(candidate)) return loadFrom(candidate)
  }
  if (options.offline || process.env.COHORT_OFFLINE === '1') {
    throw new LearningError(
      'DATA_NOT_FOUND',
      `no MNIST in ${[...searchDirs, cacheDir].join(' or ')}; give --data DIR, or allow the network`,
    )
  }
  await download(cacheDir, options)
  return loadFrom(cacheDir)
}

/**
 * `loadMnist`, or the project's own procedural digits when there is neither network nor file. A directory that was asked for must work, however.
 * `announcement` tells readers of the figures which data it was.
 */
export async function loadDigits(
  options: MnistOptions & { readonly seed?: number; readonly train?: number; readonly test?: number } = {},
): Promise<DatasetPair & { readonly announcement: string }> {
  try {
    const pair = await loadMnist(options)
    return { ...pair, announcement: `data: ${pair.train.name}, ${pair.train.count} + ${pair.test.count} images` }
  } catch (error) {
    if (askedFor(options) !== undefined || options.signal?.aborted) throw error
    const why = error instanceof Error ? error.message : String(error)
    const { seed, train, test } = { ...USUAL_DIGITS, ...options }
    return {
      ...proceduralDigits({ seed, train, test }),
      announcement: `data: PROCEDURAL digits made on the spot (seed ${seed}), NOT MNIST: ${why}`,
    }
  }
}

/**
 * Loads one party's IDX files from a directory: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, gzipped or not, and the `t10k-` pair if
 * it is there. Labels must be below `classes`. Throws DATA_NOT_FOUND or BAD_DATA.
 */
export async function loadIdxFolder(
  directory: string,
  options: { classes?: number } = {},
): Promise<{ train: Dataset; test: Dataset | null }> {
  const reads = (Object.keys(MNIST_FILES) as MnistFile[]).map((file) => readIdx(directory, file))
  // Of several missing files the first is named, whichever fails first.
  await Promise.allSettled(reads)
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all(reads)
  const images = inflate(trainImages!.bytes, trainImages!.name)
  const genuine = sha256(images) === MNIST_FILES['train-images-idx3-ubyte']
  const naming = {
    name: genuine ? 'MNIST' : directory,
    origin: genuine ? ('mnist' as const) : ('idx' as const),
    ...options,
  }
  const train = datasetFromIdx({ ...trainImages!, bytes: images }, trainLabels!, naming)
  if (testImages == null || testLabels == null) return { train, test: null }
  const test = datasetFromIdx(testImages, testLabels, { ...naming, classes: train.classes })
  if (`${test.inputShape}` !== `${train.inputShape}`) {
    throw new LearningError(
      'BAD_DATA',
      `${directory}: training images are ${train.inputShape.join('×')}, test images ${test.inputShape.join('×')}`,
    )
  }
  return { train, test }
}

async function loadFrom(directory: string): Promise<DatasetPair> {
  const { train, test } = await loadIdxFolder(directory)
  if (test !== null) return { train, test }
  throw new LearningError('DATA_NOT_FOUND', `${directory} holds no pair of t10k-images-idx3-ubyte and its labels`)
}

/** One of the four files. Null for a test file that is not there. */
async function readIdx(directory: string, file: MnistFile): Promise<{ name: string; bytes: Uint8Array } | null> {
  for (const name of [file, `${file}.gz`, file.replace('-idx', '.idx')]) {
    try {
      return { name: join(directory, name), bytes: await readFile(join(directory, name)) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  if (file.startsWith('t10k')) return null
  throw new LearningError('DATA_NOT_FOUND', `${directory} holds neither ${file} nor ${file}.gz`)
}

async function isComplete(directory: string): Promise<boolean> {
  for (const file of Object.keys(MNIST_FILES)) {
    const found = await Promise.any([
      access(join(directory, file)).then(() => true),
      access(join(directory, `${file}.gz`)).then(() => true),
    ]).catch(() => false)
    if (!found) return false
  }
  return true
}

/** Fetches the files that the cache lacks. A file gets its name in the cache only after its hash has matched. */
async function download(cacheDir: string, options: MnistOptions): Promise<void> {
  await mkdir(cacheDir, { recursive: true })
  for (const file of Object.keys(MNIST_FILES) as MnistFile[]) {
    const failures: string[] = []
    let bytes: Uint8Array | null = null
    for (const mirror of options.mirrors ?? MNIST_MIRRORS) {
      const url = `${mirror}${file}.gz`
      try {
        bytes = await fetchChecked(url, MNIST_FILES[file], options.signal)
        break
      } catch (error) {
        options.signal?.throwIfAborted()
        failures.push(`${url}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    if (bytes === null) {
      throw new LearningError('DOWNLOAD_FAILED', `no mirror gave ${file}; ${failures.join('; ')}`)
    }
    const target = join(cacheDir, file)
    await writeFile(`${target}.part`, bytes)
    await rename(`${target}.part`, target)
  }
}

async function fetchChecked(url: string, digest: string, signal?: AbortSignal): Promise<Uint8Array> {
  const limit = AbortSignal.timeout(60_000)
  const response = await fetch(url, { signal: signal === undefined ? limit : AbortSignal.any([limit, signal]) })
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  const packed = new Uint8Array(await response.arrayBuffer())
  if (packed.length > DOWNLOAD_LIMIT) throw new Error(`${packed.length} bytes are too many`)
  const bytes = inflate(packed, url)
  const found = sha256(bytes)
  if (found !== digest) throw new Error(`SHA-256 is ${found}, expected ${digest}`)
  return bytes
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
