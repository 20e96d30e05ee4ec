// SPDX-License-Identifier: GPL-3.0-or-later
// Proving with snarkjs on its worker threads. The same code runs in Node and in a browser.
import { parseZkey } from '../setup/zkey.ts'
import { type ProveOptions, type Prover, type ProverBackend, readKey } from './backend.ts'
import { type ProofWithSignals, parseProof, parsePublicSignals } from './proof.ts'
import { encodeWitnessFile, witnessOf } from './witness-file.ts'

export const snarkjsBackend: ProverBackend = {
  name: 'snarkjs',
  async open(key, options) {
    options?.signal?.throwIfAborted()
    return new SnarkjsProver(await readKey(key))
  },
}

class SnarkjsProver implements Prover {
  readonly backend = 'snarkjs'
  readonly variables: number
  readonly publicSignals: number
  #key: Uint8Array | null
  readonly #release = holdSnarkjsThreads()
  #queue: Promise<unknown> = Promise.resolve()

  constructor(key: Uint8Array) {
    const { header } = parseZkey(key)
    this.#key = key
    this.variables = header.variables
    this.publicSignals = header.publicSignals
  }

  prove(witness: Uint8Array, { signal }: ProveOptions = {}): Promise<ProofWithSignals> {
    const run = this.#queue.then(async () => {
      signal?.throwIfAborted()
      if (this.#key === null) throw new Error('this prover was closed')
      const file = encodeWitnessFile(witnessOf(witness, this.variables))
      const { groth16 } = await import('snarkjs')
      const { proof, publicSignals } = await groth16.prove(this.#key, file)
      return { proof: parseProof(proof), publicSignals: parsePublicSignals(publicSignals) }
    })
    this.#queue = run.catch(() => undefined)
    return abortable(run, signal)
  }

  async close(): Promise<void> {
    await this.#queue
    this.#key = null
    await this.#release()
  }
}

let holders = 0

/**
 * snarkjs keeps one pool of threads in a global, and a Node process does not end while the pool lives. Each user holds the pool;
 * the last to let go ends the threads. Returns the function that lets go.
 */
export function holdSnarkjsThreads(): () => Promise<void> {
  holders++
  let held = true
  return async () => {
    if (!held) return
    held = false
    if (--holders > 0) return
    const holder = globalThis as { curve_bn128?: { terminate(): Promise<void> } | null }
    await holder.curve_bn128?.terminate()
  }
}

/** The computation cannot be stopped half-way; the caller is freed at once, and the next proof waits for the thread. */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
