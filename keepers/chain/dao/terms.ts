// SPDX-License-Identifier: GPL-3.0-or-later
// The DAO's words for the numbers of the contracts.

/** IGovernor.ProposalState, by index. */
export const PROPOSAL_STATES = [
  'pending',
  'active',
  'canceled',
  'defeated',
  'succeeded',
  'queued',
  'expired',
  'executed',
] as const
export type ProposalState = (typeof PROPOSAL_STATES)[number]

/** GovernorCountingSimple.VoteType. */
export const SUPPORT = { against: 0, for: 1, abstain: 2 } as const
export type Support = keyof typeof SUPPORT

/** IModelRegistry.VersionStatus, by index. */
export const VERSION_STATUSES = ['none', 'accepted', 'released', 'deprecated'] as const
export type VersionStatus = (typeof VERSION_STATUSES)[number]

/** IVerifierRegistry.SetupKind. */
export const SETUP_KIND = { local: 1, ceremony: 2 } as const
export type SetupKind = keyof typeof SETUP_KIND

/** A transaction that succeeded. */
export type Sent = { readonly hash: string; readonly gasUsed: bigint }
