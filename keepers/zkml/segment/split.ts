// SPDX-License-Identifier: GPL-3.0-or-later
// A program cut between layers, so that several provers can prove one inference at the same time. Each segment is an ordinary
// program with an ordinary circuit; it commits to its last activations exactly as the next one commits to its input.
import { architectureDigest } from '../circuit/architecture.ts'
import { isInParts } from '../circuit/parts.ts'
import type { CircuitOptions } from '../circuit/write/statement.ts'
import { CompileError } from '../graph/errors.ts'
import type { TensorId } from '../graph/layers.ts'
import {
  type InputVisibility,
  type IntegerProgram,
  programParameters,
  tensorOf,
  type Visibility,
  windowOf,
} from '../graph/program.ts'
import { programCost } from '../quantise/cost.ts'
import { proveBounds, rebound } from '../quantise/prove.ts'

/** A part of a program, from one boundary to the next. */
export type ProgramSegment = {
  /** From 0, in the order of execution. */
  readonly index: number
  /** Output `logits-commitment`, the last one's excepted: that is the whole program's. */
  readonly program: IntegerProgram
  /** Committed at inner boundaries; at the two ends as requested. */
  readonly options: CircuitOptions
  /** Constraints of its circuit, counted by formula. */
  readonly constraints: number
}

/** A chain longer than this serves nobody: every link costs a proof. */
const MOST_SEGMENTS = 64

/**
 * Cuts `program` into `count` segments at boundaries that one tensor crosses, so that the largest circuit is as small as
 * can be. Every segment has weights of its own. Its input is ranged to the window of the boundary's bounds, and its own
 * bounds are proven anew for all that the window admits.
 * @throws CompileError `invalid-option` when the program has too few boundaries, `bound-exceeded` when its bounds are untrue.
 */
export function splitProgram(
  program: IntegerProgram,
  count: number,
  options: CircuitOptions = {},
): readonly ProgramSegment[] {
  if (!Number.isInteger(count) || count < 1 || count > MOST_SEGMENTS) {
    throw new CompileError('invalid-option', `${count} segments, must be a whole number from 1 to ${MOST_SEGMENTS}`)
  }
  const { input: shownInput = 'committed', output: shownOutput = 'public' } = options
  if (isInParts(shownInput) || isInParts(shownOutput))
    throw new CompileError(
      'invalid-option',
      'segments show all inputs alike, and all outputs; give one visibility for them',
    )
  proveBounds(program)
  const ends: Ends = { ...options, input: shownInput, output: shownOutput }
  const chosen = balance(program, boundaries(program), count, ends)
  const segments: ProgramSegment[] = []
  let input = program.input
  for (const [index, to] of chosen.entries()) {
    const shown = shownAs(index === 0, index === count - 1, ends)
    const cut = slice(program, chosen[index - 1]?.at ?? 0, to, index === count - 1)
    const part = rebound({
      ...cut,
      name: `${program.name}_${index + 1}_of_${count}`,
      input,
      // A segment is a part of that network, and no other part of it.
      architecture:
        program.architecture === undefined
          ? undefined
          : architectureDigest({
              whole: program.architecture,
              segment: index,
              from: chosen[index - 1]?.at ?? 0,
              to: to.at,
            }),
    })
    const constraints = programCost(part, shown).total
    segments.push({ index, program: part, options: shown, constraints })
    input = { tensor: part.scores, ...windowOf(tensorOf(part, part.scores).bounds) }
  }
  return segments
}

/** How a segment's two ends are shown. */
type Ends = Omit<CircuitOptions, 'input' | 'output'> & { readonly input: InputVisibility; readonly output: Visibility }

/** A place to cut: before layer `at`, where `tensor` alone is made earlier and read later. */
type Cut = { readonly at: number; readonly tensor: TensorId }

/** Every cut, and the end of the program as the last. */
function boundaries(program: IntegerProgram): readonly Cut[] {
  const { layers } = program
  const lastUse = new Map<TensorId, number>([[program.scores, layers.length]])
  for (const [at, layer] of layers.entries())
    for (const id of layer.inputs) lastUse.set(id, Math.max(lastUse.get(id) ?? 0, at))
  const cuts: Cut[] = []
  const live = new Set<TensorId>([program.input.tensor])
  for (const [index, layer] of layers.entries()) {
    const at = index + 1
    live.add(layer.output)
    for (const id of live) if ((lastUse.get(id) ?? 0) < at) live.delete(id)
    const [tensor, ...others] = live
    if (tensor === undefined || others.length > 0 || tensor === program.input.tensor) continue
    if (at < layers.length && tensor === program.scores) continue
    cuts.push({ at, tensor })
  }
  return cuts
}

/** The ends of `count` segments with the least maximum cost. */
function balance(program: IntegerProgram, cuts: readonly Cut[], count: number, options: Ends): readonly Cut[] {
  const known = new Map<string, number>()
  const cost = (from: number, to: number, last: boolean): number => {
    const key = `${from} ${to} ${last}`
    const found = known.get(key) ?? pieceCost(program, cuts[from] ?? null, cuts[to]!, last, options)
    known.set(key, found)
    return found
  }
  type Way = { readonly worst: number; readonly sum: number; readonly ends: readonly number[] }
  const end = cuts.length - 1
  let ways = new Map<number, Way>([[-1, { worst: 0, sum: 0, ends: [] }]])
  for (let index = 0; index < count; index++) {
    const next = new Map<number, Way>()
    const last = index === count - 1
    for (const [from, way] of ways)
      for (let to = last ? end : from + 1; to <= (last ? end : end - 1); to++) {
        if (to <= from) continue
        const each = cost(from, to, last)
        const found = { worst: Math.max(way.worst, each), sum: way.sum + each, ends: [...way.ends, to] }
        const rival = next.get(to)
        const better = rival === undefined || found.worst < rival.worst
        if (better || (found.worst === rival.worst && found.sum < rival.sum)) next.set(to, found)
      }
    ways = next
  }
  const best = ways.get(end)
  if (best === undefined || best.worst === Number.POSITIVE_INFINITY) {
    throw new CompileError(
      'invalid-option',
      `${program.name} cannot be cut into ${count} segments: each needs weights of its own, and one tensor alone may cross a boundary; ask for fewer`,
    )
  }
  return best.ends.map((to) => cuts[to]!)
}

/** Constraints of the layers between two cuts; infinite for layers without weights, since there is then nothing to commit to. */
function pieceCost(program: IntegerProgram, from: Cut | null, to: Cut, last: boolean, options: Ends): number {
  const part = slice(program, from?.at ?? 0, to, last)
  if (programParameters(part).length === 0) return Number.POSITIVE_INFINITY
  const input =
    from === null ? program.input : { tensor: from.tensor, ...windowOf(tensorOf(program, from.tensor).bounds) }
  return programCost({ ...part, input }, shownAs(from === null, last, options)).total
}

/** Layers from `from` to the cut, with the tensors they touch. The input is still the whole program's. */
function slice(program: IntegerProgram, from: number, { at, tensor }: Cut, last: boolean): IntegerProgram {
  const layers = program.layers.slice(from, at)
  const touched = new Set(layers.flatMap((layer) => [...layer.inputs, layer.output]))
  return {
    ...program,
    scores: tensor,
    output: last ? program.output : { kind: 'logits-commitment' },
    outputs: last ? program.outputs : undefined,
    tensors: program.tensors.filter(({ id }) => touched.has(id)),
    layers,
  }
}

function shownAs(first: boolean, last: boolean, { input, output, ...options }: Ends): Ends {
  return { ...options, input: first ? input : 'committed', output: last ? output : 'committed' }
}
