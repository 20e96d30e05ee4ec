// SPDX-License-Identifier: GPL-3.0-or-later
// Passes, gated transfers and changes of lists, against snapshots/identity.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/identity/gate.gas.test.ts
import { IntervalList } from '../../../keepers/apps/identity/interval-list.ts'
import { DEPTH, SECRET } from '../../keepers/apps/identity/tiny.ts'
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { createWorld } from './world.ts'

describe('gas of proofs of identity', function () {
  this.timeout(300_000)

  it('is at most 2 % above the snapshot', async () => {
    const { gate, lists, token, owner, holder, keeper, prove, change } = await createWorld()
    const figures: Figures = {}
    const pass = async (account: string, secret: bigint) => {
      const { statement, proof } = await prove(account, { secret })
      return await gasOf(gate.pass(account, statement, proof))
    }
    figures.pass = await pass(holder.address, SECRET)
    figures['renew a pass'] = await pass(holder.address, SECRET)
    await pass(owner.address, SECRET + 1n)
    await token.transfer(holder, 1n)
    figures['transfer between two passes'] = await gasOf(token.transfer(holder, 1n))
    const values = new IntervalList(DEPTH)
    const added = values.add(50n)
    const proof = await change(added)
    figures['add to a list'] = await gasOf(lists.connect(keeper).add(1, 50n, added.index, added.after, proof))
    figures['remove from a list'] = await gasOf(lists.connect(keeper).remove(1, 50n, added.index, added.before, proof))
    compareSnapshot('identity', { gas: figures, bytes: await codeSizes(['IdentityGate', 'ValueLists']) })
  })
})
