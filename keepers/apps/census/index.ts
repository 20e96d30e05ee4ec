// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the census app: a private table of invented people, releases about it with proven noise, and models designed on those releases.

export {
  CENSUS_CIRCUITS,
  type CensusCircuit,
  CensusProver,
  type CircuitStock,
  circuitIdOf,
  circuitsIn,
  readCensusKey,
  setupCensus,
} from './circuits.ts'
export { countOutcomes, countPairs } from './counting.ts'
export { CensusError, type CensusErrorCode } from './errors.ts'
export { generateCensus } from './generate.ts'
export { type AdditiveModel, commitModel, designModel, modelText, packModel, parseModel } from './model.ts'
export { deltaOf, noiseDeviation, noiseDistribution, seedCommitmentOf, UNIT_EPSILON } from './noise.ts'
export { noiseInputs, planCounting, readRelease } from './proving.ts'
export { censusQueries, type Described, describeCensus } from './queries.ts'
export { OnceRecord, type OwnBudget, RECORD_FILE, type ReleaseRecord, type TableEntry } from './record.ts'
export { writeForGood } from './record-file.ts'
export { CENSUS, marginalCells, pairsOf, type Row, type TableShape, widthsOf } from './schema.ts'
export { modelOfRequest, type Released, type ReleaseLedger, type ReleaseOptions, serveRelease } from './serve.ts'
export { commitTable, parseTable, TableSecret, tableText } from './table.ts'
