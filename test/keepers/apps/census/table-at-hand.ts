// SPDX-License-Identifier: GPL-3.0-or-later
// A version of a table as tests of its record have it: an entry, and claims of requests about it.
import type { OnceRecord } from '../../../../keepers/apps/census/record.ts'

export const ENTRY = {
  ...{ chainId: 31337n, ledger: '0x5FbDB2315678afecb367f032d93F642f64180aa3', series: 1 },
  ...{ seedCommitment: 1234n, chunksHash: `0x${'ab'.repeat(32)}` },
  ...{ versionEpsilon: 1_000_000n, maxEpsilon: 1_500_000n, maxDelta: 10n ** 12n },
}

export const beaconOf = (n: number): string => `0x${n.toString(16).padStart(64, '0')}`

type Claim = Parameters<OnceRecord['reserve']>[0]

/** Of outcomes, which cost a tenth of what the version has. */
export const claimOf = (changes: Partial<Claim> = {}): Claim => {
  const { versionEpsilon: _v, maxEpsilon: _m, maxDelta: _d, ...place } = ENTRY
  const cost = { epsilon: 100_000n, delta: 10n ** 7n }
  return { ...place, requestId: 1, version: 1, queryId: beaconOf(77), model: 5n, ...cost, ...changes }
}
