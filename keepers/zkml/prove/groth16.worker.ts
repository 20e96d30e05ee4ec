// SPDX-License-Identifier: GPL-3.0-or-later
// One thread of the prover. It holds its share of the key: a run of rows of A and B, and a run of points of each query.
import { FIELD_BYTES } from '../bn254.ts'
import { ELEMENT_BYTES, Kernel } from '../kernel/kernel.ts'
import { MultiExp } from './multiexp.ts'
import { ProgramRows } from './program-rows.ts'
import type { QueryShare, WorkerRequest } from './requests.ts'
import { serve } from './threads.ts'
import { Transform } from './transform.ts'

type Load = Extract<WorkerRequest, { readonly do: 'load' }>

type Query = { readonly firstVariable: number; readonly sum: MultiExp }

type Loaded = {
  readonly kernel: Kernel
  readonly program: ProgramRows
  /** Address of the witness, 32 bytes a value. */
  readonly witness: number
  readonly queries: readonly Query[]
  readonly commitment: Query
  readonly h: MultiExp
  readonly transform: Transform | null
}

let loaded: Loaded | null = null

await serve(async (request: WorkerRequest) => {
  if (request.do === 'load') {
    loaded = await load(request)
    return null
  }
  if (loaded === null) throw new Error('no key was loaded')
  switch (request.do) {
    case 'commit': {
      const { kernel, commitment, witness } = loaded
      kernel.view(witness, request.witness.byteLength).set(request.witness)
      return commitment.sum.sum(witness + commitment.firstVariable * FIELD_BYTES)
    }
    case 'rows':
      loaded.kernel.view(loaded.witness, request.witness.byteLength).set(request.witness)
      return loaded.program.evaluate(loaded.witness)
    case 'shift':
      return loaded.transform!.shift(request.values)
    case 'sum': {
      const { queries, witness } = loaded
      return queries.map(({ firstVariable, sum }) => sum.sum(witness + firstVariable * FIELD_BYTES))
    }
    case 'quotient':
      return quotient(loaded, request)
  }
})

async function load({ engine, share }: Load): Promise<Loaded> {
  const kernel = await Kernel.create(engine as WebAssembly.Module)
  const query = ({ group, firstVariable, points, table }: QueryShare): Query => ({
    firstVariable,
    sum: new MultiExp(kernel, group, points, table),
  })
  return {
    kernel,
    program: new ProgramRows(kernel, share),
    witness: kernel.allocate(share.variables * FIELD_BYTES),
    queries: share.queries.map(query),
    commitment: query(share.commitment),
    h: new MultiExp(kernel, 'g1', share.h.points, share.h.table),
    transform: share.transforms ? new Transform(kernel, share.power) : null,
  }
}

function quotient({ kernel, h }: Loaded, vectors: { a: Uint8Array; b: Uint8Array; c: Uint8Array }) {
  const mark = kernel.mark()
  const count = vectors.a.byteLength / ELEMENT_BYTES
  const [a, b, c] = [vectors.a, vectors.b, vectors.c].map((vector) => {
    // Two at a time: an odd one out needs a neighbour.
    const at = kernel.allocate(vector.byteLength + ELEMENT_BYTES)
    kernel.view(at, vector.byteLength).set(vector)
    return at
  })
  const { at, toPlain } = kernel.scalar
  kernel.calls.subtractProducts(a!, b!, c!, count, at)
  const scalars = kernel.allocate(count * FIELD_BYTES)
  kernel.calls.exportElements(scalars, a!, count, toPlain, at)
  const result = h.sum(scalars)
  kernel.release(mark)
  return result
}
