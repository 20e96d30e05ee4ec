// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the services room: makes a service's manifest from a sample of data and an architecture, and estimates what the service costs.

export type { LossName } from './answers.ts'
export { chooseArchitecture } from './architecture.ts'
export { anyVersion, outputNamed, SERVICE_CIRCUIT, serviceCircuit } from './circuit.ts'
export { type DraftReport, draftService } from './draft.ts'
export type { ProofCost } from './price.ts'
export { readSample, type Sample, type SampleOptions } from './sample.ts'
export { delimiterOf, inferTable, type TableOptions, tableRow, USUAL_TOKENIZER } from './table.ts'
