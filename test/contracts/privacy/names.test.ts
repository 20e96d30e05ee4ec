// SPDX-License-Identifier: GPL-3.0-or-later
// Contexts and queries have the same names on the ledger and in the process that draws noise for them.
import { expect } from 'chai'
import { releaseContextOf, releaseQueryIdOf } from '../../../keepers/chain/index.ts'
import { createTables } from './tables.ts'

describe('names of releases', () => {
  it('a context, slice by slice, is what a server computes without asking', async () => {
    const { ethers, tables, accepted } = await createTables()
    const ledger = await tables.getAddress()
    const { chainId } = await ethers.provider.getNetwork()
    for (const name of ['marginals', 'outcomes'] as const) {
      const requestId = await accepted(name)
      const { beacon } = await tables.requestOf(requestId)
      for (const slice of [0, 1, 15])
        expect(releaseContextOf({ chainId, ledger, requestId, beacon }, slice)).to.equal(
          await tables.contextOf(requestId, slice),
        )
    }
  })

  it('a query, too', async () => {
    const { queries, queryIds } = await createTables()
    for (const name of ['marginals', 'outcomes'] as const)
      expect(releaseQueryIdOf({ ...queries[name], slices: Number(queries[name].slices) })).to.equal(queryIds[name])
  })
})
