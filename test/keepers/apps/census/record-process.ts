// SPDX-License-Identifier: GPL-3.0-or-later
// A second server with the same record: draws each claim of a list with a beacon of its own. Started by record.test.ts, as a process.
import process from 'node:process'
import { OnceRecord } from '../../../../keepers/apps/census/record.ts'
import { beaconOf, claimOf } from './table-at-hand.ts'

const [file, beacon, count] = process.argv.slice(2) as [string, string, string]
const record = new OnceRecord(file)
const won: number[] = []
for (let requestId = 1; requestId <= Number(count); requestId++) {
  await record.reserve(claimOf({ requestId }))
  const drawn = await record.draw(claimOf({ requestId }), beaconOf(Number(beacon))).then(
    () => true,
    (error: { code?: string }) => {
      if (error.code === 'drawn-otherwise') return false
      throw error
    },
  )
  if (drawn) won.push(requestId)
}
process.stdout.write(JSON.stringify(won))
