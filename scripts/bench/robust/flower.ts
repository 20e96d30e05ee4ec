// SPDX-License-Identifier: GPL-3.0-or-later
// Flower's aggregation functions in a Python process beside us; see bench/peers/flower.
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import type { Combine } from '../../../keepers/learning/index.ts'
import { ROOT } from '../../bootstrap/paths.mjs'

export const FLOWER_STRATEGIES = ['median', 'trimmed-avg', 'krum', 'multi-krum', 'bulyan'] as const
export type FlowerStrategy = (typeof FLOWER_STRATEGIES)[number]

const SCRIPT = join(ROOT, 'bench', 'peers', 'flower', 'aggregate.py')

export class Flower {
  readonly version: string
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #ended: Promise<never>
  #received = Buffer.alloc(0)

  private constructor(python: string, version: string) {
    this.version = version
    this.#process = spawn(python, [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.stdout.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
    })
    this.#ended = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`${SCRIPT} ended with code ${code}`)
    })
    this.#ended.catch(() => {})
    // A process that ends is noticed by whoever waits for its answer.
    this.#process.stdin.on('error', () => {})
  }

  /** Null without a Python that has `flwr`: COHORT_FLOWER_PYTHON, else python3. */
  static async open(): Promise<Flower | null> {
    const python = process.env.COHORT_FLOWER_PYTHON ?? 'python3'
    try {
      const { stdout } = await promisify(execFile)(python, [SCRIPT, '--check'])
      return new Flower(python, stdout.trim())
    } catch {
      return null
    }
  }

  /** Bulyan is defined for n ≥ 4f + 3 only; Flower refuses less. */
  static applies(strategy: FlowerStrategy, members: number, malicious: number): boolean {
    return strategy !== 'bulyan' || members >= 4 * malicious + 3
  }

  /** The strategy in place of our centre. One request at a time. */
  combine(strategy: FlowerStrategy, malicious: number): Combine {
    return async (updates) => {
      const length = updates[0]!.weights.length
      const samples = updates.map(({ weight }) => weight)
      this.#process.stdin.write(`${JSON.stringify({ strategy, malicious, samples, length })}\n`)
      for (const { weights } of updates) {
        this.#process.stdin.write(Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength))
      }
      return this.#read(length)
    }
  }

  async #read(length: number): Promise<Float32Array> {
    while (this.#received.length < 4 * length) {
      await Promise.race([once(this.#process.stdout, 'data'), this.#ended])
    }
    const bytes = Uint8Array.from(this.#received.subarray(0, 4 * length))
    this.#received = this.#received.subarray(4 * length)
    return new Float32Array(bytes.buffer)
  }

  close(): void {
    this.#process.stdin.end()
  }
}
