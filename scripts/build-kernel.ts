// SPDX-License-Identifier: GPL-3.0-or-later
// `node scripts/build-kernel.ts <room>`: compiles the AssemblyScript in keepers/<room>/kernel/assembly to generated/kernel.wasm beside it.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from './bootstrap/paths.mjs'
import { UNROLLED } from './kernel/unrolled.ts'

type KernelBuild = {
  /** Compiler flags beyond the common ones. */
  readonly flags: readonly string[]
  /** Source files that a program generates, by name. */
  readonly written?: Readonly<Record<string, string>>
}

/** The part of AssemblyScript's compiler that is used. */
type Compiler = {
  main(
    args: readonly string[],
    host: {
      readFile(name: string, base: string): string | null | Promise<string | null>
      writeFile(name: string, contents: string | Uint8Array): void
      listFiles(): readonly string[]
    },
  ): Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }>
}

/** Rooms with a kernel. */
const KERNELS: Readonly<Record<string, KernelBuild>> = {
  fhe: { flags: ['--initialMemory', '1'] },
  learning: { flags: ['--initialMemory', '1'] },
  zkml: { flags: ['--enable', 'relaxed-simd', '--initialMemory', '16'], written: UNROLLED },
}
const FLAGS = ['-O3', '--enable', 'simd', '--runtime', 'stub', '--noAssert']

const [room = ''] = process.argv.slice(2)
const build = KERNELS[room]
if (build === undefined) {
  process.stderr.write(`usage: node scripts/build-kernel.ts ${Object.keys(KERNELS).join(' | ')}\n`)
  process.exit(64)
}
const kernel = join(ROOT, 'keepers', room, 'kernel')
const target = join(kernel, 'generated', 'kernel.wasm')
// Imported by a name that the type checker does not follow. Its types declare AssemblyScript's functions (isFloat, …) as globals, so a forgotten
// import of one of ours would go unnoticed.
const compiler: string = 'assemblyscript/asc'
const { default: asc } = (await import(compiler)) as { default: Compiler }
let binary: Uint8Array | null = null
const { error, stderr } = await asc.main(['index.ts', '--outFile', 'kernel.wasm', ...FLAGS, ...build.flags], {
  readFile: (name, base) =>
    build.written?.[name] ??
    readFile(join(base === '.' ? join(kernel, 'assembly') : base, name), 'utf8').catch(() => null),
  writeFile: (_name, contents) => {
    binary = contents as Uint8Array
  },
  listFiles: () => [],
})
if (error !== null || binary === null) {
  process.stderr.write(`the kernel of ${room} does not compile:\n${stderr.toString()}`)
  process.exit(1)
}
await mkdir(join(kernel, 'generated'), { recursive: true })
// Two processes may build at once: each writes its own file, and the last rename wins with the same bytes.
const part = `${target}.${process.pid}.part`
await writeFile(part, binary)
await rename(part, target)
