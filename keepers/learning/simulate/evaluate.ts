// SPDX-License-Identifier: GPL-3.0-or-later
// The results of a round: figures for the test set, each class and each client.
import { withHome } from '../strategy/home.ts'
import { explainedOf } from '../train/amounts.ts'
import { classFigures, macroF1 } from '../train/figures.ts'
import type { Dataset, LabelCounts } from '../types.ts'
import type { EvaluationOutcome } from './client.ts'
import { type ClientFigures, mixedFigures } from './client-figures.ts'
import { type Federation, homeParts } from './federation.ts'
import type { SimulationState } from './state.ts'

/** Sums over the test set, whatever parts it was evaluated in. */
type Tally = Omit<EvaluationOutcome, 'r2'>

/** Parts of the test set: enough for as many threads; the same whatever their number, since sums of other parts round otherwise. */
const PARTS = 16
/** A smaller part takes longer to hand over than to evaluate. */
const LEAST_PART = 64

/** On the test set, in parts that the players share. */
export async function evaluateOn({ pool, test }: Federation, weights: Float32Array): Promise<Tally> {
  const parts = Math.min(PARTS, Math.ceil(test.count / LEAST_PART))
  const edge = (part: number) => Math.floor((part * test.count) / parts)
  const outcomes = await Promise.all(
    Array.from({ length: parts }, (_, part) => pool.evaluate({ weights, from: edge(part), to: edge(part + 1) })),
  )
  return outcomes.reduce<Tally>(together, NOTHING)
}

const NOTHING: Tally = {
  ...{ count: 0, lossSum: 0, correct: 0, squares: 0, labels: [] },
  ...{ confusion: new Uint32Array(0), classLoss: new Float64Array(0) },
}

function together(sum: Tally, part: Tally): Tally {
  return {
    count: sum.count + part.count,
    lossSum: sum.lossSum + part.lossSum,
    correct: sum.correct + part.correct,
    squares: sum.squares + part.squares,
    confusion: part.confusion.map((count, i) => count + (sum.confusion[i] ?? 0)),
    classLoss: part.classLoss.map((loss, i) => loss + (sum.classLoss[i] ?? 0)),
    labels: part.labels.map((counts, i) => plus(counts, sum.labels[i])),
  }
}

const NO_COUNTS: LabelCounts = { samples: 0, answers: 0, right: 0 }

function plus(one: LabelCounts, { samples, answers, right }: LabelCounts = NO_COUNTS): LabelCounts {
  return { samples: one.samples + samples, answers: one.answers + answers, right: one.right + right }
}

/** Of amounts the accuracy is R², over all of `data`. */
export function figuresOfTally(tally: Tally, { targets }: Dataset) {
  const { count, lossSum, correct, squares, confusion, labels } = tally
  const classes = classFigures(labels.length > 0 ? { confusion, labels } : { confusion })
  const amounts = targets !== undefined && labels.length === 0
  return {
    accuracy: amounts ? explainedOf(squares, targets) : correct / count,
    loss: lossSum / count,
    macroF1: macroF1(classes),
    recall: classes.map(({ recall }) => recall),
    precision: classes.map(({ precision }) => precision),
    f1: classes.map(({ f1 }) => f1),
  }
}

/**
 * Each keeper's figures, by its own model where it has layers of its own: of classes on the test set mixed like its shard, of amounts and
 * several labels on its shard. Null for a client without samples, or if the test set lacks its classes.
 */
export async function evaluateClients(
  federation: Federation,
  weights: Float32Array,
  tally: Tally,
  homes: SimulationState['homes'],
): Promise<(ClientFigures | null)[]> {
  const { histograms, shards, strategy, spec, pool } = federation
  const home = homeParts(strategy, spec)
  const clients: (ClientFigures | null)[] = []
  for (const [keeper, indices] of shards.entries()) {
    const own = homes.get(keeper)
    const model = own === undefined ? weights : withHome(weights, home, own)
    if (tally.confusion.length > 0) {
      const seen = own === undefined ? tally : await evaluateOn(federation, model)
      clients.push(mixedFigures(seen, histograms[keeper]!))
    } else clients.push(indices.length === 0 ? null : shardFigures(await pool.evaluate({ weights: model, indices })))
  }
  return clients
}

function shardFigures({ count, lossSum, correct, confusion, labels, r2 }: EvaluationOutcome): ClientFigures {
  const loss = lossSum / count
  if (r2 !== null) return { accuracy: r2, loss, f1: null }
  return { accuracy: correct / count, loss, f1: macroF1(classFigures({ confusion, labels })) }
}
