// SPDX-License-Identifier: GPL-3.0-or-later
// Gas of what the registry does for many keepers in one transaction.

import { expect } from 'chai'
import { MaxUint256 } from 'ethers'
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { createWorld } from '../rounds/fixture.ts'
import { COH } from '../rounds/units.ts'
import { consentOf, createRegistry, DELAY, EVIDENCE, expectBalanced, KEY, MULTIADDR, REASON, STAKE } from './keepers.ts'

/** Most members that one transaction slashes: all that were drafted of 256. */
const DRAFTED = 171
/** What a slash in a transaction of its own pays beyond one of many: the transaction, and slots that are cold once only (the
 * service's status, and the two sums that every slash writes). */
const TRANSACTION = 21_000
const SHARED = 11_500
/** And what the service does about it: who sits there, what is taken, the call and an event. */
const CALLER = 8_000

describe('requests to unbond, in gas', () => {
  it('are looked through within bounds: 171 slashes of all four fit into a transaction of 2^24 gas', async () => {
    const s = await createRegistry()
    const { ownerRegistry, serviceRegistry, registry, owner } = s
    await serviceRegistry.engage(owner, STAKE)
    await serviceRegistry.disengage(owner)
    for (let i = 0; i < 4; i++) await ownerRegistry.requestUnbonding(STAKE / 4n)
    // The first of them fills the slots of the sums.
    await serviceRegistry.slash(owner, 1n, REASON, EVIDENCE)
    const sent = await serviceRegistry.slash(owner, STAKE, REASON, EVIDENCE)
    const alone = Number((await sent.wait())!.gasUsed)
    expect(DRAFTED * (alone - TRANSACTION - SHARED + CALLER)).to.be.lessThan(2 ** 24)
    expect((await registry.unbondingOf(owner)).map(({ amount }) => amount)).to.deep.equal(Array(4).fill(0n))
    await expectBalanced(s)
  })
})

/** What a keeper and its service do to its stake, each for the first time where that costs more. */
async function registryFigures(): Promise<Figures> {
  const s = await createRegistry()
  const { ownerRegistry, serviceRegistry, registry, owner, service, second, operator, pass } = s
  const figures: Figures = {}
  figures['stake more'] = await gasOf(ownerRegistry.stake(owner, COH))
  figures.delegate = await gasOf(ownerRegistry.delegate(second))
  figures['opt out'] = await gasOf(registry.connect(operator).setOptIn(owner, s.other, false))
  figures.engage = await gasOf(serviceRegistry.engage(owner, STAKE / 2n))
  figures['slash a bond'] = await gasOf(serviceRegistry.slash(owner, COH, REASON, EVIDENCE))
  figures.jail = await gasOf(serviceRegistry.jail(owner))
  figures['request unbonding'] = await gasOf(ownerRegistry.requestUnbonding(4n * COH))
  figures['request unbonding, the second'] = await gasOf(ownerRegistry.requestUnbonding(4n * COH))
  figures.disengage = await gasOf(serviceRegistry.disengage(owner))
  figures['slash a tail'] = await gasOf(serviceRegistry.slash(owner, COH, REASON, EVIDENCE))
  await registry.fund(service, 10n * COH)
  await serviceRegistry.allocate(COH, 1)
  figures.credit = await gasOf(serviceRegistry.credit(owner, COH))
  figures['restake rewards'] = await gasOf(ownerRegistry.restakeRewards())
  await pass(DELAY)
  figures['withdraw two requests'] = await gasOf(ownerRegistry.withdraw(owner))
  return figures
}

/** A pool of two delegators, the second of whom leaves. */
async function poolFigures(): Promise<Figures> {
  const { ethers, registry, token, owner, admin, service, operator, second, pass, networkHelpers } =
    await createRegistry()
  const factory = await ethers.deployContract('StakePoolFactory', [registry])
  const figures: Figures = {}
  const address = await factory.connect(second).createPool.staticCall(1000)
  figures.create = await gasOf(factory.connect(second).createPool(1000))
  const pool = await ethers.getContractAt('StakePool', address)
  const consent = await consentOf(registry, { address }, second)
  figures.open = await gasOf(pool.connect(second).open(second, KEY, MULTIADDR, consent))
  for (const account of [admin, owner]) await token.connect(account).approve(pool, MaxUint256)
  figures['deposit, the first'] = await gasOf(pool.connect(admin).deposit(admin, 10n * COH, 0))
  figures.deposit = await gasOf(pool.connect(owner).deposit(owner, 10n * COH, 0))
  await registry.fund(service, 10n * COH)
  await registry.connect(service).allocate(COH, 1)
  await registry.connect(service).credit(pool, COH)
  figures['claim rewards'] = await gasOf(pool.connect(owner).claimRewards(owner))
  figures['request an exit'] = await gasOf(pool.connect(owner).requestExit(await pool.sharesOf(owner)))
  figures['submit a batch'] = await gasOf(pool.connect(operator).submitExits(0))
  await pass(DELAY)
  figures['settle a batch'] = await gasOf(pool.connect(operator).settleExits())
  figures['claim an exit'] = await gasOf(pool.connect(owner).claimExit(0, owner))
  await networkHelpers.time.increase(1)
  return figures
}

/** A seat in a service, with its bond. */
async function joinFigures(): Promise<Figures> {
  const { service, players } = await createWorld({ players: 4 })
  const [first, second] = players
  return {
    'join, the first': await gasOf(service.connect(first!.operator).join(first!.owner)),
    join: await gasOf(service.connect(second!.operator).join(second!.owner)),
    leave: await gasOf(service.connect(first!.operator).leave(0)),
  }
}

describe('stake, in gas', () => {
  it('matches the snapshot, in the registry, in a pool and for a seat', async () => {
    compareSnapshot('stake', {
      registry: await registryFigures(),
      pool: await poolFigures(),
      seat: await joinFigures(),
      bytes: await codeSizes(['KeeperRegistry', 'StakePool', 'StakePoolFactory', 'Successors']),
    })
  })
})
