// SPDX-License-Identifier: GPL-3.0-or-later
// Compiles assembly/ into generated/kernel.wasm. Does nothing when the sources have not changed since.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const FLAGS = [
  '-O3',
  '--enable',
  'simd',
  '--enable',
  'relaxed-simd',
  '--runtime',
  'stub',
  '--noAssert',
  '--initialMemory',
  '16',
]

/** Builds the kernel when needed; returns whether it did. Throws with the compiler's messages when it fails. */
export async function buildKernel(): Promise<boolean> {
  const target = join(HERE, 'generated', 'kernel.wasm')
  const stampFile = join(HERE, 'generated', 'kernel.sha256')
  const stamp = await sourceDigest()
  const [oldStamp, oldTarget] = await Promise.all([
    readFile(stampFile, 'utf8').catch(() => ''),
    readFile(target).catch(() => null),
  ])
  if (oldTarget !== null && oldStamp === stamp) return false
  await mkdir(join(HERE, 'generated'), { recursive: true })
  const { default: asc } = await import('assemblyscript/asc')
  let binary: Uint8Array | null = null
  const { error, stderr } = await asc.main(['index.ts', '--outFile', 'kernel.wasm', ...FLAGS], {
    readFile: (name, base) =>
      readFile(join(base === '.' ? join(HERE, 'assembly') : base, name), 'utf8').catch(() => null),
    writeFile: (_name, contents) => {
      binary = contents as Uint8Array
    },
    listFiles: () => [],
  })
  if (error !== null || binary === null) throw new Error(`the BN254 kernel does not compile:\n${stderr.toString()}`)
  // Two processes may build at once: each writes its own file, and the last rename wins with the same bytes.
  const part = `${target}.${process.pid}.part`
  await writeFile(part, binary)
  await rename(part, target)
  await writeFile(stampFile, stamp)
  return true
}

async function sourceDigest(): Promise<string> {
  const compiler = createRequire(import.meta.url)('assemblyscript/package.json') as { version: string }
  const hash = createHash('sha256').update(`${compiler.version} ${FLAGS.join(' ')}\n`)
  for (const name of (await readdir(join(HERE, 'assembly'))).sort()) {
    if (name.endsWith('.ts')) hash.update(`${name}\n`).update(await readFile(join(HERE, 'assembly', name)))
  }
  return hash.digest('hex')
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) await buildKernel()
