// SPDX-License-Identifier: GPL-3.0-or-later
// Worker threads that divide a proving key among them and sum its queries over a witness; the provers of plain Groth16 and of two
// rounds share them. They compute with the kernel (../kernel), or with ffjavascript's WebAssembly where the kernel does not run.
import { FIELD_BYTES } from '../bn254.ts'
import { compileKernel, ELEMENT_BYTES, kernelWorks } from '../kernel/kernel.ts'
import { type Part, partOf } from '../parts.ts'
import { type CurveImage, concatenate, loadCurveImage, POINT_BYTES } from '../setup/curve-memory.ts'
import { entriesOfRows, requireEntries } from './coefficients.ts'
import { ProveError } from './errors.ts'
import type { QuerySums } from './groth16.ts'
import { finiteOf } from './multiexp.ts'
import type { PartialSums, PointsShare, ShareOfKey, TableShare, WorkerRequest } from './requests.ts'
import type { KeyTables, QueryTable } from './tables.ts'
import { defaultThreads, Thread, type WorkerModule } from './threads.ts'

export type WasmBackendOptions = {
  /** Number of threads; the machine's parallelism when absent, at most 16. */
  readonly threads?: number
  /**
   * `kernel`: our own WebAssembly, which needs relaxed SIMD with fused multiply-add. `portable`: ffjavascript's, several times
   * slower. When absent, the kernel where it works.
   */
  readonly engine?: 'kernel' | 'portable'
  /**
   * Whether the kernel uses the multiples of a key's points in the file of tables beside it, when there is one; true when absent. Of a
   * key in memory there is none.
   */
  readonly tables?: boolean
}

/** The threads' engine, and the bytes of its field elements. */
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

/** A·w, B·w and their product. */
const VECTORS = 3

/** The parts of a key that threads hold. */
export type QueriesOfKey = {
  readonly variables: number
  readonly domainSize: number
  readonly sections: Readonly<Record<'coefficients' | 'a' | 'b1' | 'b2' | 'c' | 'h', Part>>
  /** The variable that the first point of the C query belongs to. */
  readonly firstOfC: number
  /** The query that proofs in two rounds commit with. */
  readonly commitment: { readonly points: Part; readonly firstVariable: number } | null
  readonly tables?: KeyTables
}

export class KeyThreads {
  readonly #rows: readonly number[]
  readonly #elementBytes: number
  readonly #threads: readonly Thread[]

  private constructor(rows: readonly number[], elementBytes: number, threads: readonly Thread[]) {
    this.#rows = rows
    this.#elementBytes = elementBytes
    this.#threads = threads
  }

  /** Starts threads and gives each its share; the key is of no use afterwards. */
  static async start(key: QueriesOfKey, options: WasmBackendOptions): Promise<KeyThreads> {
    const [engine, count] = [await loadEngine(options.engine), options.threads ?? (await defaultThreads())]
    const rows = cuts(key.domainSize, count)
    const started = await Promise.all(Array.from({ length: count }, () => Thread.start(engine.worker)))
    const threads = new KeyThreads(rows, engine.elementBytes, started)
    try {
      const { coefficients } = key.sections
      requireEntries(partOf(coefficients, 4, coefficients.byteLength - 4), key.domainSize, key.variables)
      const divide = divideKey(key, rows)
      await Promise.all(
        started.map((thread, i) => {
          const share = divide(i)
          const points = [...share.queries, share.commitment, share.h].map((query) => query.points)
          const request: WorkerRequest = { do: 'load', engine: engine.code, share }
          const copies = [share.coefficients, ...points].filter((part) => part instanceof Uint8Array)
          return thread.call(
            request,
            copies.map(({ buffer }) => buffer as ArrayBuffer),
          )
        }),
      )
    } catch (error) {
      await threads.close()
      throw error
    }
    return threads
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
  }

  /** The commitment's sum over a witness; only the commitment's own variables matter. */
  commit(witness: Uint8Array<ArrayBuffer>): Promise<PartialSums[]> {
    return this.#all<PartialSums>(() => ({ do: 'commit', witness }))
  }

  /** The sums of a proof for all values of a witness. Rejects with the signal's reason. */
  async sum(witness: Uint8Array<ArrayBuffer>, signal: AbortSignal | undefined): Promise<QuerySums> {
    const parts = await this.#all<Uint8Array[]>(() => ({ do: 'rows', witness }))
    signal?.throwIfAborted()
    const vectors = [0, 1, 2].map((side) => concatenate(parts.map((part) => part[side]!)))
    // Three transforms, then the sums of the witness fill the threads until the slowest transform is back.
    const shifting = vectors.map((values, i) =>
      this.#call<Uint8Array>(i % this.#threads.length, { do: 'shift', values }, [values.buffer]),
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
    return { a: column(0), b1: column(1), b2: column(2), c: column(3), h: quotients }
  }

  #call<T>(thread: number, request: WorkerRequest, transfer: ArrayBuffer[] = []): Promise<T> {
    return this.#threads[thread]!.call<T>(request, transfer)
  }

  #all<T>(request: (thread: number) => WorkerRequest): Promise<T[]> {
    return Promise.all(this.#threads.map((thread, i) => thread.call<T>(request(i))))
  }
}

/** The share of thread i. Of a key in memory it is a copy, made one at a time: the key is not held twice. */
function divideKey(key: QueriesOfKey, rows: readonly number[]): (thread: number) => ShareOfKey {
  const { sections, firstOfC, tables = {} } = key
  const threads = rows.length - 1
  const variables = cuts(key.variables, threads)
  const [g1, g2] = [POINT_BYTES.g1.affine, POINT_BYTES.g2.affine]
  const inC = cuts(sections.c.byteLength / g1, threads)
  const commitment = key.commitment ?? { points: new Uint8Array(0), firstVariable: 0 }
  const committed = cuts(commitment.points.byteLength / g1, threads)
  const points = (section: Part, size: number, ends: readonly number[], table?: QueryTable) => {
    const tableOf = table === undefined ? () => null : divideTable(table, section, size, ends)
    return (i: number): PointsShare => ({
      points: own(partOf(section, ends[i]! * size, (ends[i + 1]! - ends[i]!) * size)),
      table: tableOf(i),
    })
  }
  const [a, b1] = [points(sections.a, g1, variables, tables.a), points(sections.b1, g1, variables, tables.b1)]
  const [b2, c] = [points(sections.b2, g2, variables, tables.b2), points(sections.c, g1, inC, tables.c)]
  const [first, h] = [points(commitment.points, g1, committed), points(sections.h, g1, rows, tables.h)]
  return (i) => {
    const firstVariable = variables[i]!
    const divided = { variables: key.variables, firstRow: rows[i]!, rows: rows[i + 1]! - rows[i]! }
    const entries = partOf(sections.coefficients, 4, sections.coefficients.byteLength - 4)
    return {
      ...divided,
      power: 31 - Math.clz32(key.domainSize),
      coefficients: entries instanceof Uint8Array ? entriesOfRows({ ...divided, coefficients: entries }) : entries,
      transforms: i < VECTORS,
      queries: [
        { group: 'g1', firstVariable, ...a(i) },
        { group: 'g1', firstVariable, ...b1(i) },
        { group: 'g2', firstVariable, ...b2(i) },
        { group: 'g1', firstVariable: firstOfC + inC[i]!, ...c(i) },
      ],
      commitment: { group: 'g1', firstVariable: commitment.firstVariable + committed[i]!, ...first(i) },
      h: h(i),
    }
  }
}

/** A table has the finite points alone: where each share's begin. */
function divideTable(
  table: QueryTable,
  section: Part,
  size: number,
  ends: readonly number[],
): (i: number) => TableShare {
  const finite = finiteOf(section, size)
  if (finite.length !== table.count)
    throw new ProveError('tables-unusable', `tables of ${table.count} points for a query of ${finite.length}`)
  const before = ends.map((end) => {
    const at = finite.findIndex((place) => place >= end)
    return at < 0 ? finite.length : at
  })
  return (i) => ({
    stride: table.stride,
    multiples: Array.from({ length: table.multiples }, (_, level) =>
      partOf(table.points, (level * table.count + before[i]!) * size, (before[i + 1]! - before[i]!) * size),
    ),
  })
}

function own(part: Part): Part {
  return part instanceof Uint8Array ? new Uint8Array(part) : part
}

/** Borders of `parts` nearly equal runs of [0, total). */
function cuts(total: number, parts: number): number[] {
  return Array.from({ length: parts + 1 }, (_, i) => Math.floor((total * i) / parts))
}
