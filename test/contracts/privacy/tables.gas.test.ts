// SPDX-License-Identifier: GPL-3.0-or-later
// What releases cost, against snapshots/privacy.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/privacy/tables.gas.test.ts
import { chunksHashOf } from '../../../keepers/chain/index.ts'
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { BOND, createTables, DAY, FEE, TERMS } from './tables.ts'

describe('private tables: gas', () => {
  it('stays within the snapshot', async () => {
    const { tables, server, user, chunks, queryIds, networkHelpers, accept, advance, deliver } = await createTables()
    const figures: Figures = {}
    figures['open a series'] = await gasOf(tables.connect(server).openSeries(TERMS))
    await networkHelpers.time.increase(DAY)
    const hash = chunksHashOf(chunks)
    figures['commit to a version'] = await gasOf(tables.connect(server).commitVersion(1, hash, chunks.length, 5n))
    const ask = (queryId: string, model: bigint, elements: bigint[]) =>
      tables.connect(user).request(1, 1, queryId, model, elements, { value: FEE })
    figures['request marginals'] = await gasOf(ask(queryIds.marginals, 0n, []))
    figures['request outcomes'] = await gasOf(ask(queryIds.outcomes, 77n, [1n << 250n, 1n << 200n]))
    figures.accept = await gasOf(accept(1))
    await networkHelpers.mine(3)
    figures['fix a beacon'] = await gasOf(tables.fixBeacon(1))
    figures['advance by a chunk'] = await gasOf(advance(1, 0, 1))
    figures['advance by two chunks'] = await gasOf(advance(1, 1, 3))
    figures['deliver two slices'] = await gasOf(deliver(1))
    await tables.connect(server).accept(2, { value: BOND })
    await networkHelpers.time.increase(DAY)
    figures.expire = await gasOf(tables.expire(2))
    compareSnapshot('privacy', { gas: figures, bytes: await codeSizes(['PrivateTables']) })
  })
})
