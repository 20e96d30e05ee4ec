// SPDX-License-Identifier: GPL-3.0-or-later
// What claims cost, against snapshots/claims.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/claims/claims.gas.test.ts
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { BATCHES, BOND, createClaims, NOTHING, SOURCE } from './claims.ts'

describe('claims: gas', () => {
  it('stays within the snapshot', async () => {
    const world = await createClaims()
    const { claims, terms, proofOf, tree, user, stranger, statements, service, networkHelpers, required, by } = world
    const figures: Figures = {}
    figures['commit to a pool'] = await gasOf(claims.connect(user).commitPool(tree.root, tree.size, 'ipfs://batches'))
    const drawId = await claims.drawIdOf(1, service, 1n, statements.accuracy)
    figures.draw = await gasOf(claims.connect(user).draw(1, service, 1n, statements.accuracy, user))
    await networkHelpers.mine(3)
    figures['fix a draw'] = await gasOf(claims.fixDraw(drawId))
    const index = Number((await claims.drawingOf(drawId)).indexPlusOne) - 1
    const drawn = await terms({ source: SOURCE.draw, poolId: 1n })
    const batch = BATCHES[index]!
    const evidence = { signature: '0x', path: tree.path(index) }
    figures['publish, drawn batch'] = await gasOf(
      claims.connect(user).publish(drawn, batch, evidence, await proofOf(user, drawn, batch), { value: BOND }),
    )
    const own = await terms()
    figures['publish, own batch'] = await gasOf(
      claims.connect(user).publish(own, batch, NOTHING, await proofOf(user, own, batch), { value: BOND }),
    )
    figures['open a challenge'] = await gasOf(claims.connect(stranger).openChallenge(1, { value: BOND / 4n }))
    await networkHelpers.mine(3)
    figures["fix a challenge's draw"] = await gasOf(claims.fixChallenge(1))
    const requirement = required({ source: SOURCE.draw, by: by(1n) })
    figures['hasBadge, within a call'] = Number(await claims.hasBadge.estimateGas(requirement)) - 21_000
    const hit = Number((await claims.challengeOf(1)).indexPlusOne) - 1
    const proof = await world.refutation(stranger, 1n, BATCHES[hit]!, 1n)
    figures.refute = await gasOf(claims.connect(stranger).refute(1, BATCHES[hit]!, tree.path(hit), proof))
    compareSnapshot('claims', { gas: figures, bytes: await codeSizes(['ClaimRegistry', 'FairReader']) })
  })
})
