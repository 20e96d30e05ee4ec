// SPDX-License-Identifier: GPL-3.0-or-later
// Our own Groth16 prover (Groth 2016, section 3) on worker threads that keep the key: only the witness moves. The same
// code runs in Node and in a browser. It reads the key of any set-up that snarkjs reads. Threads compute with the kernel
// (../kernel), or with ffjavascript's WebAssembly where the kernel does not run.
import { FIELD_BYTES } from '../bn254.ts'
import { compileKernel, ELEMENT_BYTES, kernelWorks } from '../kernel/kernel.ts'
import { type CurveImage, concatenate, loadCurveImage, POINT_BYTES } from '../setup/curve-memory.ts'
import { drawFieldElement } from '../setup/secrets.ts'
import { COEFFICIENT_BYTES, parseZkey, type Zkey } from '../setup/zkey.ts'
import { type KeySource, type ProveOptions, type Prover, type ProverBackend, readKey } from './backend.ts'
import { ProveError } from './errors.ts'
import { type BlindingPoints, blindProof, headerPoints, type QuerySums } from './groth16.ts'
import type { ProofWithSignals } from './proof.ts'
import type { PartialSums, ShareOfKey, WorkerRequest } from './requests.ts'
import { defaultThreads, Thread, type WorkerModule } from './threads.ts'
import { publicValues, witnessOf } from './witness-file.ts'

export type WasmBackendOptions = {
  /** Number of threads; the machine's parallelism when absent, at most 16. */
  readonly threads?: number
  /**
   * `kernel`: our own WebAssembly, which needs relaxed SIMD with fused multiply-add. `portable`: ffjavascript's, several times
   * slower. When absent, the kernel where it works.
   */
  readonly engine?: 'kernel' | 'portable'
}

/** What threads compute with, and bytes of a field element of theirs. */
type Engine = {
  readonly code: WebAssembly.Module | CurveImage
  readonly worker: WorkerModule
  readonly elementBytes: number
}

const KERNEL_WORKER: WorkerModule = {
  url: new URL(/* @vite-ignore */ './groth16.worker.ts', import.meta.url),
  startInBrowser: () => new Worker(new URL('./groth16.worker.ts', import.meta.url), { type: 'module' }),
}
const PORTABLE_WORKER: WorkerModule = {
  url: new URL(/* @vite-ignore */ './portable.worker.ts', import.meta.url),
  startInBrowser: () => new Worker(new URL('./portable.worker.ts', import.meta.url), { type: 'module' }),
}

async function loadEngine(wanted: 'kernel' | 'portable' | undefined): Promise<Engine> {
  if (wanted !== 'portable') {
    const code = await compileKernel().catch((cause: unknown) => {
      if (cause instanceof WebAssembly.CompileError) return null
      throw new ProveError('backend-failed', 'the prover’s kernel is not built; run `npm run build`', { cause })
    })
    if (code !== null && (await kernelWorks(code))) {
      return { code, worker: KERNEL_WORKER, elementBytes: ELEMENT_BYTES }
    }
    if (wanted === 'kernel') {
      throw new ProveError('backend-failed', 'no relaxed SIMD with fused multiply-add here; use the portable engine')
    }
  }
  return { code: await loadCurveImage(), worker: PORTABLE_WORKER, elementBytes: FIELD_BYTES }
}

/**
 * @param draw r and s of a proof: 32 bytes little endian, uniform below r. Only tests give their own: a blinding that is known, or
 *   serves twice, gives the witness away.
 */
export function wasmBackend(options: WasmBackendOptions = {}, draw = drawFieldElement): ProverBackend {
  return {
    name: 'wasm',
    async open(key: KeySource, { signal }: ProveOptions = {}) {
      const zkey = parseZkey(await readKey(key), typeof key === 'string' ? key : 'zkey')
      signal?.throwIfAborted()
      const prover = new WasmProver(zkey, options.threads ?? (await defaultThreads()), draw)
      try {
        await prover.start(await loadEngine(options.engine))
        signal?.throwIfAborted()
      } catch (error) {
        await prover.close()
        throw error
      }
      return prover
    },
  }
}

/** A·w, B·w and their product. */
const VECTORS = 3

class WasmProver implements Prover {
  readonly backend = 'wasm'
  readonly variables: number
  readonly publicSignals: number
  readonly #count: number
  readonly #rows: readonly number[]
  readonly #points: BlindingPoints
  readonly #draw: () => Uint8Array
  #zkey: Zkey | null
  #elementBytes = 0
  #threads: Thread[] = []
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(zkey: Zkey, threads: number, draw: () => Uint8Array) {
    this.#draw = draw
    this.#zkey = zkey
    this.#count = threads
    this.variables = zkey.header.variables
    this.publicSignals = zkey.header.publicSignals
    this.#rows = cuts(zkey.header.domainSize, threads)
    this.#points = headerPoints(zkey)
  }

  async start(engine: Engine): Promise<void> {
    const zkey = this.#zkey!
    this.#elementBytes = engine.elementBytes
    this.#threads = await Promise.all(Array.from({ length: this.#count }, () => Thread.start(engine.worker)))
    const divide = divideKey(zkey, this.#rows)
    await Promise.all(
      this.#threads.map((thread, i) => {
        const share = divide(i)
        const buffers = [share.coefficients, share.h, ...share.queries.map(({ points }) => points)]
        const request: WorkerRequest = { do: 'load', engine: engine.code, share }
        return thread.call(
          request,
          buffers.map(({ buffer }) => buffer),
        )
      }),
    )
    // The threads hold it now.
    this.#zkey = null
  }

  prove(witnessFile: Uint8Array, { signal }: ProveOptions = {}): Promise<ProofWithSignals> {
    const run = this.#queue.then(() => this.#prove(witnessFile, signal))
    this.#queue = run.catch(() => undefined)
    return run
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
  }

  async #prove(witnessFile: Uint8Array, signal: AbortSignal | undefined): Promise<ProofWithSignals> {
    if (this.#closed) throw new ProveError('backend-failed', 'this prover was closed')
    signal?.throwIfAborted()
    const witness = witnessOf(witnessFile, this.variables)
    const parts = await this.#all<Uint8Array[]>(() => ({ do: 'rows', witness }))
    signal?.throwIfAborted()
    const vectors = [0, 1, 2].map((side) => concatenate(parts.map((part) => part[side]!)))
    // Three transforms, then the sums of the witness fill the threads until the slowest transform is back.
    const shifting = vectors.map((values, i) =>
      this.#call<Uint8Array>(i % this.#count, { do: 'shift', values }, [values.buffer]),
    )
    const summing = this.#all<PartialSums[]>(() => ({ do: 'sum' }))
    summing.catch(() => undefined)
    const [a, b, c] = await Promise.all(shifting)
    signal?.throwIfAborted()
    const size = this.#elementBytes
    const quotients = await this.#all<PartialSums>((i) => {
      const slice = (vector: Uint8Array) => vector.slice(this.#rows[i]! * size, this.#rows[i + 1]! * size)
      return { do: 'quotient', a: slice(a!), b: slice(b!), c: slice(c!) }
    })
    const queries = await summing
    signal?.throwIfAborted()
    const column = (index: number) => queries.map((sums) => sums[index]!)
    const sums: QuerySums = { a: column(0), b1: column(1), b2: column(2), c: column(3), h: quotients }
    const proof = await blindProof(this.#points, sums, this.#draw(), this.#draw())
    return { proof, publicSignals: publicValues(witness, this.publicSignals) }
  }

  #call<T>(thread: number, request: WorkerRequest, transfer: ArrayBuffer[] = []): Promise<T> {
    return this.#threads[thread]!.call<T>(request, transfer)
  }

  #all<T>(request: (thread: number) => WorkerRequest): Promise<T[]> {
    return Promise.all(this.#threads.map((thread, i) => thread.call<T>(request(i))))
  }
}

/** Copies of the parts of a key for thread i; one thread's at a time, so that the key is not held twice. */
function divideKey(zkey: Zkey, rows: readonly number[]): (thread: number) => ShareOfKey {
  const { header, sections } = zkey
  const threads = rows.length - 1
  const variables = cuts(header.variables, threads)
  const firstPrivate = header.publicSignals + 1
  const privates = cuts(header.variables - firstPrivate, threads)
  const coefficients = shareCoefficients(sections.coefficients, rows, header.variables)
  const g1 = POINT_BYTES.g1.affine
  const g2 = POINT_BYTES.g2.affine
  return (i) => {
    const run = (section: Uint8Array, size: number, ends: readonly number[]) =>
      new Uint8Array(section.subarray(ends[i]! * size, ends[i + 1]! * size))
    const firstVariable = variables[i]!
    return {
      variables: header.variables,
      power: 31 - Math.clz32(header.domainSize),
      coefficients: coefficients[i]!,
      firstRow: rows[i]!,
      rows: rows[i + 1]! - rows[i]!,
      transforms: i < VECTORS,
      queries: [
        { group: 'g1', firstVariable, points: run(sections.a, g1, variables) },
        { group: 'g1', firstVariable, points: run(sections.b1, g1, variables) },
        { group: 'g2', firstVariable, points: run(sections.b2, g2, variables) },
        { group: 'g1', firstVariable: firstPrivate + privates[i]!, points: run(sections.c, g1, privates) },
      ],
      h: run(sections.h, g1, rows),
    }
  }
}

/** Entries of the coefficients section by the thread whose rows they belong to. */
function shareCoefficients(section: Uint8Array, rows: readonly number[], variables: number): Uint8Array<ArrayBuffer>[] {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength)
  const ownerOf = (at: number) => {
    const row = view.getUint32(at + 4, true)
    if (view.getUint32(at + 8, true) >= variables) {
      throw new ProveError('malformed', `the key has a coefficient of a variable beyond its ${variables}`)
    }
    return rows.findIndex((_, i) => row < rows[i + 1]!)
  }
  const counts = rows.slice(1).map(() => 0)
  for (let at = 4; at < section.byteLength; at += COEFFICIENT_BYTES) {
    const owner = ownerOf(at)
    if (owner < 0) throw new ProveError('malformed', 'the key has a coefficient outside its domain')
    counts[owner]!++
  }
  const shares = counts.map((count) => new Uint8Array(count * COEFFICIENT_BYTES))
  const ends = counts.map(() => 0)
  for (let at = 4; at < section.byteLength; at += COEFFICIENT_BYTES) {
    const owner = ownerOf(at)
    shares[owner]!.set(section.subarray(at, at + COEFFICIENT_BYTES), ends[owner]!)
    ends[owner]! += COEFFICIENT_BYTES
  }
  return shares
}

/** Borders of `parts` nearly equal runs of [0, total). */
function cuts(total: number, parts: number): number[] {
  return Array.from({ length: parts + 1 }, (_, i) => Math.floor((total * i) / parts))
}
