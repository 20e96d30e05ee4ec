// SPDX-License-Identifier: GPL-3.0-or-later
// Where Fashion-MNIST comes from (H. Xiao, K. Rasul, R. Vollgraf, arXiv 1708.07747, MIT licence): a folder that the user names, the
// Debian package dataset-fashion-mnist, installed or fetched by apt, or else garments that the project draws itself.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CACHE } from '../bootstrap/paths.mjs'
import { writeGarments } from './garments.ts'

const run = promisify(execFile)

const PACKAGE = 'dataset-fashion-mnist'
/** Where that package puts its files. */
const INSTALLED = 'usr/share/datasets/fashion-mnist'
/** The package's files. */
const SHA256 = {
  'train-images-idx3-ubyte.gz': 'b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7',
  'train-labels-idx1-ubyte.gz': '0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056',
  't10k-images-idx3-ubyte.gz': 'cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa',
  't10k-labels-idx1-ubyte.gz': '8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05',
} as const
const MINUTE = 60_000
/** Enough for a demo: they are easier than photographs. */
const DRAWN = { train: 4_000, test: 1_000 } as const

export type Pictures = {
  /** Four IDX files. */
  readonly folder: string
  /** Describes the data in words. Drawn garments must not pass for photographs. */
  readonly said: string
}

export type PictureSearch = {
  /** Given by the user: nothing else is tried. */
  readonly given?: string
  /** Where files are kept; below .cache unless told. */
  readonly cache?: string
  /** Root of the file system in which the package may be installed. */
  readonly root?: string
  /** Fetches the package into a folder; fails where it cannot. */
  readonly fetch?: (folder: string) => Promise<void>
  /** How many garments are drawn. */
  readonly drawn?: { readonly train: number; readonly test: number }
}

export async function fashionPictures(search: PictureSearch = {}): Promise<Pictures> {
  const { given, cache = join(CACHE, 'examples'), root = '/', fetch = fetchPackage, drawn = DRAWN } = search
  if (given !== undefined) return { folder: given, said: `the IDX files in ${given}` }
  const said = `Fashion-MNIST, from Debian's package ${PACKAGE}`
  const installed = join(root, INSTALLED)
  if (await isGenuine(installed)) return { folder: installed, said }
  const kept = join(cache, 'fashion')
  if (existsSync(kept)) return { folder: kept, said }
  const half = join(cache, 'fashion.half')
  try {
    await rm(half, { recursive: true, force: true })
    await mkdir(half, { recursive: true })
    await fetch(half)
    const files = join(half, INSTALLED)
    if (!(await isGenuine(files))) throw new Error(`${PACKAGE} has other files than expected`)
    await rename(files, kept)
    return { folder: kept, said }
  } catch (error) {
    const folder = join(cache, 'garments')
    if (!existsSync(folder)) await writeGarments(folder, drawn)
    const why = (error as Error).message.split('\n')[0]
    return {
      folder,
      said: `garments that the project draws itself, not Fashion-MNIST (${why}; --data DIR names its files)`,
    }
  } finally {
    await rm(half, { recursive: true, force: true })
  }
}

async function isGenuine(folder: string): Promise<boolean> {
  for (const [name, expected] of Object.entries(SHA256)) {
    const bytes = await readFile(join(folder, name)).catch(() => null)
    if (bytes === null || createHash('sha256').update(bytes).digest('hex') !== expected) return false
  }
  return true
}

/** Neither step needs root: apt downloads into the folder, and dpkg-deb unpacks there. */
async function fetchPackage(folder: string): Promise<void> {
  const options = { cwd: folder, timeout: 2 * MINUTE }
  const failed = (cause: NodeJS.ErrnoException): never => {
    const why = cause.code === 'ENOENT' ? 'there is no apt here' : 'apt could not fetch it'
    throw new Error(`${PACKAGE}: ${why}`, { cause })
  }
  await run('apt-get', ['download', '-q', PACKAGE], options).catch(failed)
  const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'))
  if (archive === undefined) throw new Error(`${PACKAGE}: apt fetched nothing`)
  await run('dpkg-deb', ['-x', archive, '.'], options).catch(failed)
}
