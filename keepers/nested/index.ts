// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the nested room: services that are members of other services, answer in ensembles, or learn from them. Reads and writes their
// contracts, draws who consumes whom, and audits rounds.

export { type Audit, type AuditedSeat, auditRound } from './audit.ts'
export {
  deployNested,
  type EnsembleTerms,
  NestedClient,
  type NestedContracts,
  type QuestionView,
  RULES,
  readQuestion,
} from './client.ts'
export { NestedError, type NestedErrorCode } from './errors.ts'
export { drawDot, drawMermaid, drawTree } from './graph/draw.ts'
export { below, type GraphEdge, type GraphNode, graphOf, type ServiceGraph } from './graph/graph.ts'
export { type NestedAddresses, readGraph } from './graph/read.ts'
export { countRepresentatives } from './hybrid.ts'
export { LabelReader, type LabelSource, type PaidLabel } from './labels.ts'
export { type LowerVersion, type Place, partyOfLower, requireRepresentative, versionAtTime } from './lower-version.ts'
export type { Reader } from './witnessed.ts'
