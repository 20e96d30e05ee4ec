// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the spending app: made-up accounts and thieves, a judge of spends, and proofs for the spending guard.

export { spendCircuit } from './circuit.ts'
export {
  FEATURE_BITS,
  SPEND_CLASSES,
  SPEND_FEATURES,
  SPEND_ORIGINS,
  type SpendFacts,
  spendFeatures,
} from './features.ts'
export { approves, askGuard, bringVerdict, type GuardedSpend, type GuardQuestion, requireModelOf } from './guard.ts'
export { type LabelledSpend, SPEND_VERDICTS, type SpendSplit, spendHistories } from './histories.ts'
export { type JudgedSpend, judgedBy, leadFor, type SpendFigures, spendFigures } from './judgement.ts'
export { SpendLedger } from './ledger.ts'
export { FALSE_ALARMS, SPEND_ACCOUNTS, spendSpec, type TrainedSpendModel, trainSpendModel } from './model.ts'
export { savedSpendModel, spendModel } from './saved.ts'
export {
  encodeSpend,
  proveSpend,
  readSpend,
  SPEND_BYTES,
  SPEND_CIRCUIT,
  spendCommitment,
  spendProgram,
} from './spend.ts'
export { THEFT_PATTERNS, type TheftPattern, UNSEEN_PATTERN } from './thieves.ts'
