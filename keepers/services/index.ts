// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the services room: from a sample of data and an architecture to a service's manifest.

export type { LossName } from './answers.ts'
export { chooseArchitecture } from './architecture.ts'
export { anyVersion, outputNamed, SERVICE_CIRCUIT, serviceCircuit } from './circuit.ts'
export { type DraftReport, draftService } from './draft.ts'
export type { ProofCost } from './price.ts'
export { readSample, type Sample, type SampleOptions } from './sample.ts'
export { delimiterOf, inferTable, type TableOptions, tableRow, USUAL_TOKENIZER } from './table.ts'
