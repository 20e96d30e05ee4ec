// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a request on the ledger, from one endpoint, or as several agree on it.
import { setTimeout as wait } from 'node:timers/promises'
import type { IPrivateTablesTypes } from '../../../types/contracts/privacy/PrivateTables.ts'
import type { PrivateTables } from '../../../types/index.ts'
import { systemClock } from '../clock.ts'
import { type Endpoints, settledCall } from '../witnesses.ts'
import { PrivateTableError, RELEASE_STATUSES, type ReleaseView } from './terms.ts'

/** Endpoints that are asked one by one. */
export type Witnesses = Pick<Endpoints, 'count' | 'everywhere'>

/** Endpoints may be a block apart, so they are asked repeatedly: milliseconds in between, and how often. */
const AGREE_MS = 2_000
const AGREE_TRIES = 5

export function viewOf(requestId: number, found: IPrivateTablesTypes.RequestStructOutput): ReleaseView {
  const { requester, status, seriesId, version, chunksDone, dueAt, beaconBlock, beacon, queryId, model, state } = found
  return {
    ...{ requestId, requester, status: RELEASE_STATUSES[Number(status)]!, seriesId: Number(seriesId) },
    ...{ version: Number(version), chunksDone: Number(chunksDone), dueAt: Number(dueAt), queryId, model, state },
    ...{ beaconBlock: Number(beaconBlock), beacon: BigInt(beacon) === 0n ? null : beacon },
  }
}

/** The request as two endpoints of different hosts, or the operator's own one, report it at one block. @throws PrivateTableError unheard */
export async function agreedView(
  ledger: PrivateTables,
  endpoints: Witnesses,
  requestId: number,
  signal?: AbortSignal,
): Promise<ReleaseView> {
  const data = ledger.interface.encodeFunctionData('requestOf', [requestId])
  const call = { to: await ledger.getAddress(), data }
  for (let tries = 1; ; tries++) {
    const said = await settledCall(endpoints, systemClock, call)
    if (said !== null) {
      const [found] = ledger.interface.decodeFunctionResult('requestOf', said)
      return viewOf(requestId, found)
    }
    if (tries === AGREE_TRIES)
      throw new PrivateTableError(
        'unheard',
        `request ${requestId}: no two endpoints of --rpc say the same at one recent block; one lies or is behind: add another`,
      )
    await wait(AGREE_MS, undefined, signal === undefined ? {} : { signal })
  }
}
