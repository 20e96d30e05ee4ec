// SPDX-License-Identifier: GPL-3.0-or-later
// Lattigo's multiparty CKKS, built and run from bench/peers/lattigo when there is a Go compiler.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import type { Plan } from '../../../keepers/fhe/index.ts'
import { ROOT } from '../../bootstrap/paths.mjs'

const run = promisify(execFile)

/** Processor milliseconds of a whole vector: medians. */
const reportSchema = z.object({
  encrypt: z.number(),
  share: z.number(),
  combine: z.number(),
  worstError: z.number(),
  version: z.string(),
})
export type LattigoReport = z.infer<typeof reportSchema>

/** The largest LogDefaultScale that Lattigo accepts; its time does not depend on the scale. */
const MAX_LOG_SCALE = 128

export class Lattigo implements AsyncDisposable {
  readonly #folder: string
  readonly #binary: string

  private constructor(folder: string, binary: string) {
    this.#folder = folder
    this.#binary = binary
  }

  /** Builds the peer; a sentence that says why not, when it cannot be built here. */
  static async build(): Promise<Lattigo | string> {
    const go = compiler()
    if (go === null) return 'Lattigo is left out: no go on the PATH or in /usr/local/go/bin'
    const folder = await mkdtemp(join(tmpdir(), 'cohort-lattigo-'))
    const binary = join(folder, 'lattigo')
    try {
      await run(go, ['build', '-o', binary, '.'], { cwd: join(ROOT, 'bench', 'peers', 'lattigo') })
      return new Lattigo(folder, binary)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      return `Lattigo is left out: it does not build here (${(error as Error).message.split('\n')[0]})`
    }
  }

  async measure(plan: Plan, runs: number): Promise<LattigoReport> {
    const { members, threshold, vectorLength, scaleBits, flooding, set } = plan
    const scale = Math.min(scaleBits, MAX_LOG_SCALE)
    const numbers = [members, threshold, vectorLength, scale, flooding.uniformBits - 1, set.primes.join(), runs]
    const { stdout } = await run(this.#binary, numbers.map(String))
    return reportSchema.parse(JSON.parse(stdout))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }
}

function compiler(): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/go/bin']
  return folders.map((folder) => join(folder, 'go')).find((path) => existsSync(path)) ?? null
}
