// SPDX-License-Identifier: GPL-3.0-or-later
// One thread of the prover. It holds its share of the key: a run of rows of A and B, and a run of points of each query.
import { FIELD_BYTES } from '../bn254.ts'
import { type CurveImage, CurveMemory, fieldToBytes } from '../setup/curve-memory.ts'
import { rootOfUnity } from '../setup/qap.ts'
import { MultiExp } from './multiexp.ts'
import { serve } from './threads.ts'

/** The points of a thread's share, and for the witness queries which variables they belong to. */
export type ShareOfKey = {
  readonly do: 'load'
  readonly image: CurveImage
  readonly variables: number
  readonly power: number
  /** Entries of the key's coefficients section for the rows [firstRow, firstRow + rows). */
  readonly coefficients: Uint8Array<ArrayBuffer>
  readonly firstRow: number
  readonly rows: number
  readonly queries: readonly {
    readonly group: 'g1' | 'g2'
    readonly firstVariable: number
    readonly points: Uint8Array<ArrayBuffer>
  }[]
  readonly h: Uint8Array<ArrayBuffer>
}

export type WorkerRequest =
  | ShareOfKey
  /** Takes the witness and answers with its rows of A·w, B·w and their products. */
  | { readonly do: 'rows'; readonly witness: Uint8Array<ArrayBuffer> }
  /** Values on the domain to values on the odd coset. */
  | { readonly do: 'shift'; readonly values: Uint8Array<ArrayBuffer> }
  /** Sums of the witness queries, in the order of `queries`. */
  | { readonly do: 'sum' }
  /** Sum of the H query over its rows of the three shifted vectors. */
  | { readonly do: 'quotient'; readonly a: Uint8Array; readonly b: Uint8Array; readonly c: Uint8Array }

type Loaded = {
  readonly memory: CurveMemory
  readonly share: Pick<ShareOfKey, 'power' | 'firstRow' | 'rows'>
  readonly coefficients: number
  readonly coefficientCount: number
  readonly witness: number
  readonly queries: readonly { readonly firstVariable: number; readonly sum: MultiExp }[]
  readonly h: MultiExp
}

const ENTRY_BYTES = 12 + FIELD_BYTES
let loaded: Loaded | null = null

await serve(async (request: WorkerRequest) => {
  if (request.do === 'load') {
    loaded = await load(request)
    return null
  }
  if (loaded === null) throw new Error('no key was loaded')
  switch (request.do) {
    case 'rows':
      return rows(loaded, request.witness)
    case 'shift':
      return shift(loaded, request.values)
    case 'sum': {
      const { queries, witness } = loaded
      return queries.map(({ firstVariable, sum }) => sum.sum(witness + firstVariable * FIELD_BYTES))
    }
    case 'quotient':
      return quotient(loaded, request)
  }
})

async function load(share: ShareOfKey): Promise<Loaded> {
  const memory = await CurveMemory.create(share.image)
  const { power, firstRow, rows } = share
  const coefficients = memory.allocBytes(share.coefficients)
  return {
    memory,
    share: { power, firstRow, rows },
    coefficients,
    coefficientCount: share.coefficients.byteLength / ENTRY_BYTES,
    witness: memory.alloc(share.variables * FIELD_BYTES),
    queries: share.queries.map(({ group, firstVariable, points }) => ({
      firstVariable,
      sum: new MultiExp(memory, group, points),
    })),
    h: new MultiExp(memory, 'g1', share.h),
  }
}

function rows(state: Loaded, witness: Uint8Array): Uint8Array[] {
  const { memory, share } = state
  memory.bytes.set(witness, state.witness)
  const mark = memory.mark()
  const length = share.rows * FIELD_BYTES
  const [a, b, c] = [memory.alloc(length), memory.alloc(length), memory.alloc(length)]
  memory.kernel('qap_buildABC')(
    state.coefficients,
    state.coefficientCount,
    state.witness,
    a,
    b,
    c,
    share.firstRow,
    share.rows,
    0,
    witness.byteLength / FIELD_BYTES,
  )
  const result = [memory.read(a, length), memory.read(b, length), memory.read(c, length)]
  memory.release(mark)
  return result
}

/** Interpolates, then evaluates at ω^(1/2) times the domain: where the vanishing polynomial is not zero. */
function shift({ memory, share: { power } }: Loaded, values: Uint8Array): Uint8Array {
  const mark = memory.mark()
  const size = 2 ** power
  const data = memory.allocBytes(values)
  const one = memory.allocBytes(fieldToBytes(1n))
  const root = memory.allocBytes(fieldToBytes(rootOfUnity(power + 1)))
  for (const constant of [one, root]) memory.kernel('frm_toMontgomery')(constant, constant)
  memory.kernel('frm_ifft')(data, size)
  memory.kernel('frm_batchApplyKey')(data, size, one, root, data)
  memory.kernel('frm_fft')(data, size)
  const result = memory.read(data, size * FIELD_BYTES)
  memory.release(mark)
  return result
}

function quotient({ memory, h }: Loaded, vectors: { a: Uint8Array; b: Uint8Array; c: Uint8Array }): Uint8Array {
  const mark = memory.mark()
  const count = vectors.a.byteLength / FIELD_BYTES
  const [a, b, c] = [memory.allocBytes(vectors.a), memory.allocBytes(vectors.b), memory.allocBytes(vectors.c)]
  memory.kernel('qap_joinABC')(a, b, c, count, a)
  memory.kernel('frm_batchFromMontgomery')(a, count, a)
  const result = h.sum(a)
  memory.release(mark)
  return result
}
