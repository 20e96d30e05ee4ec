// SPDX-License-Identifier: GPL-3.0-or-later
// A guarded transaction's way to a verdict: the fraud model's recall and false alarms, on made-up accounts that it never saw; its
// verdicts on each pattern of theft that was kept from it; the cost of its circuit, a verdict and a transaction.
//
// Metrics: spend.model.{training,training-accuracy,accuracy,approve-all,recall,false-alarms,recall-at-<rate>,alike},
// spend.recall.<pattern>, spend.unseen.<pattern>, spend.circuit.{constraints,hash,compile,setup,key,load,witness,prove},
// spend.gas.{verdict,transaction,within-limit}. Shares are in percent, of what the circuit's
// integers say; those of unseen patterns of what the floats do.
import {
  encodeSpend,
  type JudgedSpend,
  type LabelledSpend,
  leadFor,
  readSpend,
  SPEND_ACCOUNTS,
  SPEND_CIRCUIT,
  type SpendSplit,
  spendFigures,
  spendHistories,
  spendProgram,
  THEFT_PATTERNS,
  trainSpendModel,
  UNSEEN_PATTERN,
} from '../../keepers/apps/spending/index.ts'
import type { InferenceProver, IntegerProgram } from '../../keepers/zkml/index.ts'
import type { Bench, BenchContext } from './harness.ts'
import { measureCircuit } from './serving/circuit.ts'
import { measureGuardGas } from './spend/chain.ts'

const SEED = 1
/** False alarms at which recall is reported, thresholds from the validation split. */
const RATES = [0.01, 0.02, 0.05, 0.1]

export const bench: Bench = {
  area: 'spend',
  summary: 'the fraud model of spending guards: training, thefts found, unseen patterns, circuit, proof, gas',
  async run(context) {
    const start = performance.now()
    const { model, unseenRecall } = await trainSpendModel({ seed: SEED })
    const seconds = (performance.now() - start) / 1000
    context.record({
      metric: 'spend.model.training',
      value: seconds,
      unit: 's',
      note: 'data, threshold and test included',
    })
    const program = spendProgram(model)
    recordFigures(context, program)
    recordShare(context, `spend.unseen.${UNSEEN_PATTERN}`, unseenRecall, 'what the released model was not trained on')
    for (const unseen of context.quick ? [] : THEFT_PATTERNS.filter((pattern) => pattern !== UNSEEN_PATTERN)) {
      context.progress(`training without ${unseen}`)
      const other = await trainSpendModel({ seed: SEED, unseen })
      recordShare(context, `spend.unseen.${unseen}`, other.unseenRecall, 'a model trained without this pattern')
    }
    const input = encodeSpend([10, 0, 0, 13, 5, 0, 0, 0])
    await measureCircuit(context, 'spend.circuit', program, { shown: SPEND_CIRCUIT, input }, (prover) =>
      recordGas(context, prover),
    )
  },
}

function recordFigures(context: BenchContext, program: IntegerProgram): void {
  const spendsOf = (split: SpendSplit) => spendHistories({ split, accounts: SPEND_ACCOUNTS[split], seed: SEED })
  const validation = judgedBy(program, spendsOf('validation'))
  const test = judgedBy(program, spendsOf('test'))
  const known = test.filter(({ spend }) => spend.pattern !== UNSEEN_PATTERN)
  const { accuracy, recall, falseAlarms, thefts, ordinary } = spendFigures(known)
  const of = `${thefts} thefts of seven patterns, ${ordinary} transactions of owners; accounts that training never saw`
  const training = spendFigures(judgedBy(program, spendsOf('train')))
  recordShare(context, 'spend.model.training-accuracy', training.accuracy)
  recordShare(context, 'spend.model.accuracy', accuracy, of)
  recordShare(context, 'spend.model.approve-all', ordinary / known.length, 'accuracy of who approves of everything')
  recordShare(context, 'spend.model.recall', recall, of)
  recordShare(context, 'spend.model.false-alarms', falseAlarms, 'a twentieth on the validation split, by choice')
  for (const rate of RATES) {
    const lead = leadFor(validation, rate)
    const at = spendFigures(known, lead)
    const note = `${(100 * at.falseAlarms).toFixed(1)} % false alarms; asks for a lead above ${lead}`
    recordShare(context, `spend.model.recall-at-${100 * rate}`, at.recall, note)
  }
  const owners = new Set(known.flatMap(({ spend }) => (spend.pattern === null ? spend.features.join() : [])))
  const stolen = known.filter(({ spend }) => spend.pattern !== null)
  const alike = stolen.filter(({ spend }) => owners.has(spend.features.join())).length / stolen.length
  recordShare(context, 'spend.model.alike', alike, 'thefts whose features some owner has, too')
  for (const pattern of THEFT_PATTERNS.filter((name) => name !== UNSEEN_PATTERN)) {
    const only = known.filter(({ spend }) => spend.pattern === null || spend.pattern === pattern)
    recordShare(context, `spend.recall.${pattern}`, spendFigures(only).recall)
  }
}

function judgedBy(program: IntegerProgram, spends: readonly LabelledSpend[]): JudgedSpend[] {
  return spends.map((spend) => {
    const { label, margin } = readSpend(program, encodeSpend(spend.features))
    return { spend, lead: label === 1 ? Number(margin) : -Number(margin) }
  })
}

function recordShare(context: BenchContext, metric: string, share: number, note?: string): void {
  context.record({ metric, value: 100 * share, unit: 'percent', ...(note === undefined ? {} : { note }) })
}

async function recordGas(context: BenchContext, prover: InferenceProver): Promise<void> {
  const { withinLimit, verdict, transaction } = await measureGuardGas(prover)
  context.record({ metric: 'spend.gas.within-limit', value: withinLimit, unit: 'gas', note: 'a Safe of two owners' })
  context.record({ metric: 'spend.gas.verdict', value: verdict, unit: 'gas', note: 'submitVerdict, by anyone' })
  context.record({
    metric: 'spend.gas.transaction',
    value: transaction,
    unit: 'gas',
    note: 'of the Safe, with the verdict',
  })
}
