// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of zkML: import → quantise → circuit → set-up → prove → verify.
export { CompileError, type CompileErrorCode, type ErrorPlace } from './graph/errors.ts'
export { argMax, evaluate } from './graph/evaluate.ts'
export * from './graph/program.ts'
export { programFromJson, programToJson } from './graph/serialise.ts'
export type * from './graph/types.ts'
export { importModelFile } from './import/files.ts'
export { importOnnx, onnxOperators } from './import/onnx/import.ts'
export { importTfjs, importTfjsArtifacts, type TfjsArtifacts, tfjsLayers } from './import/tfjs/import.ts'
export { accuracyOf, floatScores, programScores, type Samples } from './quantise/accuracy.ts'
export { proveBounds } from './quantise/bounds.ts'
export { type CostOptions, type CostReport, programCost } from './quantise/cost.ts'
export { interpret, publicOutput, type Trace } from './quantise/interpret.ts'
export {
  type BitChoice,
  DEFAULT_KNOBS,
  type Knobs,
  type LayerPlan,
  type Plan,
  planFromJson,
  planToJson,
} from './quantise/plan.ts'
export { buildWithPlan, type Calibrated, calibrate, encodeInput, type QuantiseOptions } from './quantise/quantise.ts'
export { type SearchOptions, type SearchResult, type SearchStep, searchBits } from './quantise/search.ts'
export { formatProgramTable, programTable, type TableRow } from './quantise/table.ts'
