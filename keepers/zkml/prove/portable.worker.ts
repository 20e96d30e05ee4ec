// SPDX-License-Identifier: GPL-3.0-or-later
// One thread of the prover where the kernel does not run: engines without relaxed SIMD or fused multiply-add. The same requests,
// served by ffjavascript's WebAssembly, without tables. Tests hold the kernel's proofs against it.
import { FIELD_BYTES } from '../bn254.ts'
import { type CurveImage, CurveMemory, fieldToBytes } from '../setup/curve-memory.ts'
import { rootOfUnity } from '../setup/qap.ts'
import { entriesOfRows } from './coefficients.ts'
import { MultiExp } from './portable-multiexp.ts'
import type { PartialSums, QueryShare, ShareOfKey, WorkerRequest } from './requests.ts'
import { serve } from './threads.ts'

type Query = { readonly firstVariable: number; readonly sum: MultiExp }

type Loaded = {
  readonly memory: CurveMemory
  readonly share: Pick<ShareOfKey, 'power' | 'firstRow' | 'rows'>
  readonly coefficients: number
  readonly coefficientCount: number
  readonly witness: number
  readonly queries: readonly Query[]
  readonly commitment: Query
  readonly h: MultiExp
}

const ENTRY_BYTES = 12 + FIELD_BYTES
let loaded: Loaded | null = null

await serve(async (request: WorkerRequest) => {
  if (request.do === 'load') {
    loaded = await load(request.engine as CurveImage, request.share)
    return null
  }
  if (loaded === null) throw new Error('no key was loaded')
  switch (request.do) {
    case 'commit': {
      const { memory, commitment, witness } = loaded
      memory.bytes.set(request.witness, witness)
      return whole(commitment.sum.sum(witness + commitment.firstVariable * FIELD_BYTES))
    }
    case 'rows':
      return rows(loaded, request.witness)
    case 'shift':
      return shift(loaded, request.values)
    case 'sum': {
      const { queries, witness } = loaded
      return queries.map(({ firstVariable, sum }) => whole(sum.sum(witness + firstVariable * FIELD_BYTES)))
    }
    case 'quotient':
      return quotient(loaded, request)
  }
})

async function load(image: CurveImage, share: ShareOfKey): Promise<Loaded> {
  const memory = await CurveMemory.create(image)
  const { power, firstRow, rows } = share
  const entries = entriesOfRows(share)
  const coefficients = memory.allocBytes(entries)
  const query = ({ group, firstVariable, points }: QueryShare): Query => ({
    firstVariable,
    sum: new MultiExp(memory, group, points),
  })
  return {
    memory,
    share: { power, firstRow, rows },
    coefficients,
    coefficientCount: entries.byteLength / ENTRY_BYTES,
    witness: memory.alloc(share.variables * FIELD_BYTES),
    queries: share.queries.map(query),
    commitment: query(share.commitment),
    h: new MultiExp(memory, 'g1', share.h.points),
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

function quotient({ memory, h }: Loaded, vectors: { a: Uint8Array; b: Uint8Array; c: Uint8Array }): PartialSums {
  const mark = memory.mark()
  const count = vectors.a.byteLength / FIELD_BYTES
  const [a, b, c] = [memory.allocBytes(vectors.a), memory.allocBytes(vectors.b), memory.allocBytes(vectors.c)]
  memory.kernel('qap_joinABC')(a, b, c, count, a)
  memory.kernel('frm_batchFromMontgomery')(a, count, a)
  const result = whole(h.sum(a))
  memory.release(mark)
  return result
}

function whole(point: Uint8Array<ArrayBuffer>): PartialSums {
  return { bits: [0], points: point }
}
