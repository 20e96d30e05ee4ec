// SPDX-License-Identifier: GPL-3.0-or-later
// Our own Groth16 prover (Groth 2016, section 3) on worker threads that keep the key: only the witness moves. The same
// code runs in Node and in a browser. It reads the key of any set-up that snarkjs reads.
import type { Part } from '../parts.ts'
import { drawFieldElement } from '../setup/secrets.ts'
import { parseZkey, type Zkey } from '../setup/zkey.ts'
import { type KeySource, openKey, type ProveOptions, type Prover, type ProverBackend } from './backend.ts'
import { ProveError } from './errors.ts'
import { type BlindingPoints, blindProof, headerPoints } from './groth16.ts'
import { KeyThreads, type WasmBackendOptions } from './key-threads.ts'
import type { ProofWithSignals } from './proof.ts'
import { withTables } from './tables.ts'
import { publicValues, witnessOf } from './witness-file.ts'

export type { WasmBackendOptions } from './key-threads.ts'

/**
 * @param draw r and s of a proof: 32 bytes little endian, uniform below r. Only tests give their own: a blinding that is known, or
 *   serves twice, gives the witness away.
 */
export function wasmBackend(options: WasmBackendOptions = {}, draw = drawFieldElement): ProverBackend {
  return {
    name: 'wasm',
    async open(key: KeySource, { signal }: ProveOptions = {}) {
      const opened = await openKey(key)
      try {
        const zkey = parseZkey(opened.file, opened.name)
        signal?.throwIfAborted()
        const { header, sections } = zkey
        const { variables, domainSize, publicSignals } = header
        const queries = { variables, domainSize, sections, firstOfC: publicSignals + 1, commitment: null }
        const threads = await withTables(key, opened.file, options, (tables) =>
          KeyThreads.start({ ...queries, tables }, options),
        )
        const prover = new WasmProver(zkey, threads, draw)
        if (signal?.aborted) {
          await prover.close()
          signal.throwIfAborted()
        }
        return prover
      } finally {
        opened.close()
      }
    },
  }
}

class WasmProver implements Prover {
  readonly backend = 'wasm'
  readonly variables: number
  readonly publicSignals: number
  readonly #points: BlindingPoints
  readonly #threads: KeyThreads
  readonly #draw: () => Uint8Array
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(zkey: Zkey<Part>, threads: KeyThreads, draw: () => Uint8Array) {
    this.#draw = draw
    this.#threads = threads
    this.variables = zkey.header.variables
    this.publicSignals = zkey.header.publicSignals
    this.#points = headerPoints(zkey)
  }

  prove(witnessFile: Uint8Array, { signal }: ProveOptions = {}): Promise<ProofWithSignals> {
    const run = this.#queue.then(() => this.#prove(witnessFile, signal))
    this.#queue = run.catch(() => undefined)
    return run
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#threads.close()
  }

  async #prove(witnessFile: Uint8Array, signal: AbortSignal | undefined): Promise<ProofWithSignals> {
    if (this.#closed) throw new ProveError('backend-failed', 'this prover was closed')
    signal?.throwIfAborted()
    const witness = witnessOf(witnessFile, this.variables)
    const sums = await this.#threads.sum(witness, signal)
    const proof = await blindProof(this.#points, sums, this.#draw(), this.#draw())
    return { proof, publicSignals: publicValues(witness, this.publicSignals) }
  }
}
