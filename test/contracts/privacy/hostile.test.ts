// SPDX-License-Identifier: GPL-3.0-or-later
// What servers and requesters try against budget and noise. Where a rule prevents it, it is tried again without the rule, and then works.
import { expect } from 'chai'
import { AbiCoder, keccak256 } from 'ethers'
import { drawNoise } from '../../../keepers/apps/census/noise.ts'
import { chunksHashOf } from '../../../keepers/chain/index.ts'
import { BOND, createTables, DAY, FEE, STATUS, UNIT } from './tables.ts'

type World = Awaited<ReturnType<typeof createTables>>

const SEED = 987654321n
const ASKED = 10
/** Blocks that the server waits at most. */
const PATIENCE = 60

/**
 * A server that wants the first count to look larger: before it accepts, it draws the noise that the newest block's hash would give, and waits
 * for a block that it likes. @returns the noise that it hoped for, and the one that it has to publish
 */
async function reroll({ tables, ethers, networkHelpers, ask, accept }: World) {
  const id = await ask('outcomes')
  const address = await tables.getAddress()
  const { chainId } = await ethers.provider.getNetwork()
  const noiseOf = (beacon: string) => {
    const words = AbiCoder.defaultAbiCoder().encode(
      ['uint256', 'address', 'uint256', 'bytes32'],
      [chainId, address, id, beacon],
    )
    return drawNoise(SEED, (BigInt(keccak256(words)) >> 16n) << 4n)[0]!
  }
  let hoped = Number.NEGATIVE_INFINITY
  for (let waited = 0; waited < PATIENCE && hoped < ASKED; waited++) {
    await networkHelpers.mine(1)
    hoped = noiseOf((await ethers.provider.getBlock('latest'))!.hash!)
  }
  await accept(id)
  await networkHelpers.mine(3)
  await tables.fixBeacon(id)
  return { hoped, found: drawNoise(SEED, await tables.contextOf(id, 0))[0]! }
}

describe('PrivateTables: hostile', () => {
  it('a server that draws the noise before it accepts finds another one after', async () => {
    const world = await createTables()
    const { hoped, found } = await reroll(world)
    expect(hoped).to.be.greaterThanOrEqual(ASKED)
    expect(found).to.not.equal(hoped)
  })

  it('a server that dislikes the noise and withholds it loses its bond, and the budget stays spent', async () => {
    const { tables, accepted, late, user, treasury, server, stranger } = await createTables()
    const id = await accepted('outcomes')
    await late()
    await expect(tables.connect(stranger).expire(id)).to.emit(tables, 'ReleaseFailed').withArgs(id, 1, false)
    expect(await tables.balanceOf(user)).to.equal(BOND / 2n + FEE)
    expect(await tables.balanceOf(treasury)).to.equal(BOND / 2n)
    expect(await tables.balanceOf(server)).to.equal(0n)
    const { spentEpsilon, failed } = await tables.seriesOf(1)
    expect([spentEpsilon, failed]).to.deep.equal([UNIT.epsilon, 1n])
    await expect(tables.expire(id)).to.be.revertedWithCustomError(tables, 'WrongStatus')
  })

  it('without those two rules, a server publishes the noise that it waited for, and looks at fresh noise for free', async () => {
    const world = await createTables()
    // Compiled once for both: neither attack needs the other's rule to be missing.
    await world.change(
      {
        file: 'PrivateTables.sol',
        from: 'uint48(block.number + BEACON_DELAY)',
        to: 'uint48(block.number - 1)',
      },
      {
        file: 'PrivateTables.sol',
        from: '(uint64 epsilon, uint64 delta) = _spend(',
        to: '(uint64 epsilon, uint64 delta) = _requireBudget(',
      },
    )
    const { tables, accepted, late, networkHelpers } = world
    const snapshot = await networkHelpers.takeSnapshot()
    const { hoped, found } = await reroll(world)
    expect(hoped).to.be.greaterThanOrEqual(ASKED)
    expect(found).to.equal(hoped)

    await snapshot.restore()
    const noises = new Set<number>()
    for (let i = 0; i < 3; i++) {
      const id = await accepted('outcomes')
      noises.add(drawNoise(SEED, await tables.contextOf(id, 0))[0]!)
      await late()
      await tables.expire(id)
    }
    expect(noises.size).to.be.greaterThan(1)
    expect((await tables.seriesOf(1)).spentEpsilon).to.equal(0n)
  })

  it('a server that asks itself and withholds loses half of the bond to the treasury', async () => {
    const { tables, accepted, late, server, treasury } = await createTables()
    const id = await accepted('outcomes', server)
    await late()
    await tables.connect(server).expire(id)
    expect(await tables.balanceOf(server)).to.equal(BOND / 2n + FEE)
    expect(await tables.balanceOf(treasury)).to.equal(BOND / 2n)
  })

  it('a beacon that nobody fixed in time is not drawn again: the request can only fail', async () => {
    const { tables, ask, accept, advance, deliver, late, networkHelpers, server } = await createTables()
    const id = await ask('outcomes')
    await accept(id)
    const { beaconBlock } = await tables.requestOf(id)
    await networkHelpers.mine(256 + 2)
    await expect(tables.connect(server).fixBeacon(id))
      .to.be.revertedWithCustomError(tables, 'BeaconLapsed')
      .withArgs((await networkHelpers.time.latestBlock()) + 1, beaconBlock + 256n)
    await advance(id, 0, 3, 77n)
    await expect(deliver(id, 1)).to.be.revertedWithCustomError(tables, 'BeaconMissing')
    await late()
    await tables.expire(id)
    expect((await tables.requestOf(id)).status).to.equal(STATUS.failed)
    expect((await tables.seriesOf(1)).spentEpsilon).to.equal(UNIT.epsilon)
  })

  it('the last block whose hash can be read still fixes the beacon', async () => {
    const { tables, ask, accept, networkHelpers } = await createTables()
    const id = await ask('outcomes')
    await accept(id)
    const { beaconBlock } = await tables.requestOf(id)
    await networkHelpers.mineUpTo(Number(beaconBlock) + 255)
    await tables.fixBeacon(id)
    expect((await tables.requestOf(id)).beacon).to.not.equal(`0x${'00'.repeat(32)}`)
  })

  it('nothing is asked for or accepted beyond the version’s budget, whoever asks in between', async () => {
    const { tables, ask, accept, stranger } = await createTables()
    const waiting = [await ask('marginals'), await ask('marginals', { by: stranger })]
    await accept(waiting[0]!)
    await expect(accept(waiting[1]!))
      .to.be.revertedWithCustomError(tables, 'BudgetExceeded')
      .withArgs(0, 700_000n, 300_000n)
    await expect(ask('marginals')).to.be.revertedWithCustomError(tables, 'BudgetExceeded')
    for (let i = 0; i < 3; i++) await accept(await ask('outcomes'))
    await expect(ask('outcomes')).to.be.revertedWithCustomError(tables, 'BudgetExceeded').withArgs(0, UNIT.epsilon, 0)
    await tables.connect(stranger).cancel(waiting[1]!)
  })

  it('a new version of the same people draws on what is left of the whole series', async () => {
    const { tables, ask, accept, server, chunks, networkHelpers } = await createTables()
    for (const version of [1, 2, 3]) {
      if (version > 1) {
        await networkHelpers.time.increase(DAY)
        await tables.connect(server).commitVersion(1, chunksHashOf(chunks), chunks.length, 55n)
      }
      if (version === 3) break
      await accept(await ask('marginals', { version }))
    }
    await expect(ask('marginals', { version: 3 }))
      .to.be.revertedWithCustomError(tables, 'BudgetExceeded')
      .withArgs(1, 700_000n, 600_000n)
  })

  it('delta counts, too', async () => {
    const { tables, server, queryIds, user, chunks } = await createTables()
    const terms = {
      ...{ maxEpsilon: 9_000_000n, maxDelta: UNIT.delta, versionEpsilon: 9_000_000n, interval: 0 },
      ...{ deliverySeconds: 60, fee: 0n, bond: 1n },
    }
    await tables.connect(server).openSeries(terms)
    await tables.connect(server).commitVersion(2, chunksHashOf(chunks), chunks.length, 55n)
    await expect(tables.connect(user).request(2, 1, queryIds.marginals, 0n, []))
      .to.be.revertedWithCustomError(tables, 'BudgetExceeded')
      .withArgs(2, 7n * UNIT.delta, UNIT.delta)
  })

  it('a server whose circuit was revoked has its bond back, the requester its fee; no circuit that was revoked is accepted', async () => {
    const { tables, verifiers, accepted, ask, accept, advance, late, ids, user, server, treasury } =
      await createTables()
    const id = await accepted('outcomes')
    const open = await ask('outcomes')
    await verifiers.revoke(ids.outcomes)
    await expect(advance(id, 0, 3, 77n)).to.be.revertedWithCustomError(verifiers, 'CircuitIsRevoked')
    await expect(accept(open)).to.be.revertedWithCustomError(verifiers, 'CircuitIsRevoked')
    await late()
    await expect(tables.expire(id)).to.emit(tables, 'ReleaseFailed').withArgs(id, 1, true)
    const balances = await Promise.all([server, user, treasury].map((account) => tables.balanceOf(account)))
    expect(balances).to.deep.equal([BOND, FEE, 0n])
    expect((await tables.seriesOf(1)).failed).to.equal(0n)
  })

  it('whatever happens, the ledger holds what it owes and what is at stake', async () => {
    const { tables, ethers, ask, accepted, delivered, late, server, user, treasury } = await createTables()
    await delivered('outcomes')
    const failing = await accepted('outcomes')
    await late()
    await tables.expire(failing)
    const standing = await accepted('outcomes')
    const open = await ask('outcomes')
    const held = async () => ethers.provider.getBalance(tables)
    const owed = async () =>
      (await Promise.all([server, user, treasury].map((account) => tables.balanceOf(account)))).reduce((a, b) => a + b)
    expect(await held()).to.equal((await owed()) + 2n * FEE + BOND)
    for (const account of [server, user, treasury]) await tables.connect(account).withdraw(account, account)
    expect(await held()).to.equal(2n * FEE + BOND)
    await tables.connect(user).cancel(open)
    await late()
    await tables.expire(standing)
    expect(await held()).to.equal(await owed())
  })
})
