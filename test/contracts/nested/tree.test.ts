// SPDX-License-Identifier: GPL-3.0-or-later
// Services that are members of services: who may say so, and why no service becomes its own ancestor.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { expect } from 'chai'
import { ZeroAddress, ZeroHash } from 'ethers'
import { partyOfLower } from '../../../keepers/nested/index.ts'
import { compile } from '../../../scripts/solc.ts'
import { consentOf } from '../registry/keepers.ts'
import { createWorld, type Player, type World } from '../rounds/fixture.ts'
import { compiled } from '../rounds/without.ts'

const CLOSED = { hybrid: false, others: ZeroAddress }

/** A tree, and five services; the admin of service i is account i of `authorities`. */
async function planted() {
  const world = await createWorld()
  const { ethers, factory, models, parameters, players, admin } = world
  const tree = await ethers.deployContract('ServiceTree', [models])
  const authorities = players.map(({ owner }) => owner)
  const services: string[] = []
  for (const [i, authority] of authorities.entries()) {
    const number = await factory.serviceCount()
    await factory.connect(admin).createService(`service ${i}`, authority, parameters)
    services.push(await factory.serviceAt(number))
  }
  const open = (i: number, level: number, changes: object = {}) =>
    tree.connect(authorities[i]!).open(services[i]!, { level, ...CLOSED, ...changes })
  const invite = (upper: number, lower: number) =>
    tree.connect(authorities[upper]!).invite(services[upper]!, services[lower]!)
  const appoint = (upper: number, lower: number, keeper: HardhatEthersSigner | string) =>
    tree.connect(authorities[lower]!).appoint(services[upper]!, services[lower]!, keeper)
  /** Both sides' consent. */
  const link = async (upper: number, lower: number, keeper: HardhatEthersSigner) => {
    await invite(upper, lower)
    await appoint(upper, lower, keeper)
  }
  return { ...world, tree, services, authorities, open, invite, appoint, link }
}

describe('the tree of services', () => {
  it('takes the word of a service’s own authority alone, for both sides', async () => {
    const { tree, services, authorities, stranger, players, open, invite, appoint } = await planted()
    const [upper, lower] = services as [string, string]
    const keeper = players[4]!.owner
    await expect(tree.connect(stranger).open(upper, { level: 1, ...CLOSED }))
      .to.be.revertedWithCustomError(tree, 'NotServiceAuthority')
      .withArgs(upper, stranger.address)
    await expect(open(0, 1)).to.emit(tree, 'Opened').withArgs(upper, 1, false, ZeroAddress)
    await expect(tree.connect(authorities[1]!).invite(upper, lower)).to.be.revertedWithCustomError(
      tree,
      'NotServiceAuthority',
    )
    await expect(appoint(0, 1, keeper))
      .to.be.revertedWithCustomError(tree, 'NotInvited')
      .withArgs(upper, lower)
    await expect(invite(0, 1)).to.emit(tree, 'Invited').withArgs(upper, lower)
    await expect(invite(0, 1)).to.be.revertedWithCustomError(tree, 'AlreadyInvited')
    // Unauthorised: the upper service cannot choose who speaks for the lower one, nor can the keeper itself.
    for (const account of [authorities[0]!, keeper, stranger]) {
      await expect(tree.connect(account).appoint(upper, lower, keeper)).to.be.revertedWithCustomError(
        tree,
        'NotServiceAuthority',
      )
    }
    await expect(appoint(0, 1, keeper))
      .to.emit(tree, 'Appointed')
      .withArgs(upper, lower, keeper.address, ZeroAddress)
    expect(await tree.representedBy(upper, keeper)).to.equal(lower)
    expect(await tree.membershipOf(upper, lower)).to.include.members([true, keeper.address])
    expect([await tree.lowerCount(upper), await tree.lowerAt(upper, 0)]).to.deep.equal([1n, lower])
    await expect(tree.lowerAt(upper, 1)).to.be.revertedWithCustomError(tree, 'LowerIndex').withArgs(upper, 1, 1)
  })

  it('lets no service become its own ancestor, in whatever order people open, invite and appoint', async () => {
    const { tree, services, players, open, invite, link } = await planted()
    const [a, b, c] = services as [string, string, string]
    const keepers = players.map(({ owner }) => owner)
    await open(0, 1)
    await open(1, 2)
    await expect(invite(0, 0)).to.be.revertedWithCustomError(tree, 'LevelsNotRising').withArgs(a, 1, a, 1)
    await link(1, 0, keepers[2]!)
    // b above a: a above b would be a cycle of two.
    await expect(invite(0, 1)).to.be.revertedWithCustomError(tree, 'LevelsNotRising').withArgs(a, 1, b, 2)
    // A cycle of three, by a service that joins first and opens afterwards: it may not open above those that it has joined.
    await link(0, 2, keepers[3]!)
    await expect(open(2, 1)).to.be.revertedWithCustomError(tree, 'LevelOutOfRange').withArgs(1, 1, 0)
    await expect(open(2, 3)).to.be.revertedWithCustomError(tree, 'LevelOutOfRange').withArgs(3, 1, 0)
    await expect(invite(2, 1)).to.be.revertedWithCustomError(tree, 'NotOpen').withArgs(c)
    await expect(open(0, 5)).to.be.revertedWithCustomError(tree, 'AlreadyOpen').withArgs(a, 1)
  })

  it('would let a service become its own ancestor, were levels not compared', async () => {
    const { ethers, networkHelpers, tree, models, admin, services, open, invite, link, players } = await planted()
    const { abi, bytecode } = compiled('contracts/nested/ServiceTree.sol', 'ServiceTree', null, [
      {
        file: 'contracts/nested/ServiceTree.sol',
        from: 'if (below >= level) revert LevelsNotRising(upper, level, lower, below);',
        to: 'below;',
      },
    ])
    const changed = await new ethers.ContractFactory(abi, bytecode, admin).deploy(models)
    await networkHelpers.setCode(await tree.getAddress(), await ethers.provider.getCode(changed))
    await open(0, 1)
    await open(1, 2)
    await link(1, 0, players[2]!.owner)
    await link(0, 1, players[3]!.owner)
    await invite(0, 0)
    expect(await tree.representedBy(services[0]!, players[3]!.owner), 'its own upper service').to.equal(services[1]!)
  })

  it('bounds the depth: levels end at eight, and every step up takes one', async () => {
    const { tree, services, open } = await planted()
    for (const level of [0, 9]) {
      await expect(open(0, level)).to.be.revertedWithCustomError(tree, 'LevelOutOfRange').withArgs(level, 1, 8)
    }
    await open(0, 8)
    expect(await tree.levelOf(services[0]!)).to.equal(8n)
  })

  it('keeps a service that invites without consent from limiting the level of another', async () => {
    const { open, invite } = await planted()
    await open(0, 1)
    await invite(0, 1)
    // Invited at level 1, but it never agreed: it opens where it wants.
    await open(1, 5)
  })

  it('refuses services that the registry does not know, and admission contracts without code', async () => {
    const { tree, ethers, stranger, authorities, services, open } = await planted()
    const own = await ethers.deployContract('AdoptedModel', [stranger])
    await expect(tree.connect(stranger).open(own, { level: 1, ...CLOSED }))
      .to.be.revertedWithCustomError(tree, 'NotAService')
      .withArgs(await own.getAddress())
    await open(0, 2)
    await expect(tree.connect(authorities[0]!).invite(services[0]!, own)).to.be.revertedWithCustomError(
      tree,
      'NotAService',
    )
    await expect(open(1, 1, { hybrid: true, others: stranger.address }))
      .to.be.revertedWithCustomError(tree, 'OthersWithoutCode')
      .withArgs(stranger.address)
  })

  it('takes the owner of an adopted model for its authority', async () => {
    const { tree, ethers, models, stranger, admin, players, open, authorities, services } = await planted()
    const own = await ethers.deployContract('AdoptedModel', [stranger])
    await models.connect(admin).grantRole(await models.REGISTRAR_ROLE(), admin)
    await models.connect(admin).registerService(own)
    await open(0, 1)
    await tree.connect(authorities[0]!).invite(services[0]!, own)
    await tree.connect(stranger).appoint(services[0]!, own, players[1]!.owner)
    expect(await tree.representedBy(services[0]!, players[1]!.owner)).to.equal(await own.getAddress())
  })

  it('is not fooled by services that answer with something other than a truth value', async () => {
    const { tree, ethers, models, admin, stranger } = await planted()
    await models.connect(admin).grantRole(await models.REGISTRAR_ROLE(), admin)
    const odd = compile(
      `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
contract Odd { fallback() external { assembly { mstore(0, 2) return(0, 0x20) } } }
contract Long { fallback() external { assembly { mstore(0, 1) return(0, 0x40) } } }
contract Endless { fallback() external { while (true) {} } }`,
      { quick: true },
    )
    for (const name of ['Odd', 'Long', 'Endless']) {
      const { abi, bytecode } = odd[name]!
      const made = await new ethers.ContractFactory(abi as never[], bytecode, admin).deploy()
      const address = await made.getAddress()
      await models.connect(admin).registerService(address)
      await expect(tree.connect(stranger).open(address, { level: 1, ...CLOSED }), name).to.be.revertedWithCustomError(
        tree,
        'NotServiceAuthority',
      )
    }
  })
})

/** The first service of the world asks the tree; one seat for each party. */
async function asked() {
  const world = await planted()
  const { service, tree, admin, parameters } = world
  await service.setParameters({ ...parameters, admission: await tree.getAddress(), partySeats: 1 })
  const upper = await service.getAddress()
  const join = (player: Player) => (world as World).service.connect(player.operator).join(player.owner)
  const openUpper = (changes: object = {}) => tree.connect(admin).open(upper, { level: 2, ...CLOSED, ...changes })
  const represent = async (lower: number, keeper: Player) => {
    await tree.connect(world.authorities[lower]!).appoint(upper, world.services[lower]!, keeper.owner)
  }
  return { ...world, upper, join, openUpper, represent }
}

describe('the admission of representatives', () => {
  it('gives a seat to the keeper that a service has appointed, and to nobody else', async () => {
    const { tree, admin, upper, services, service, players, join, openUpper, represent } = await asked()
    const [first, second] = players as [Player, Player]
    await expect(join(first)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await openUpper()
    await tree.connect(admin).invite(upper, services[1]!)
    await expect(join(first)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await represent(1, first)
    await join(first)
    expect(await service.partyOf(first.owner)).to.equal(await tree.partyOf(services[1]!))
    await expect(join(second)).to.be.revertedWithCustomError(service, 'NotAdmitted')
  })

  it('replaces a representative: the new one gets the seat when the old one is out of it, and never a second one', async () => {
    const { tree, admin, upper, services, service, players, join, openUpper, represent } = await asked()
    const [old, next] = players as [Player, Player]
    await openUpper()
    await tree.connect(admin).invite(upper, services[1]!)
    await represent(1, old)
    await join(old)
    await represent(1, next)
    expect(await tree.representedBy(upper, old.owner)).to.equal(ZeroAddress)
    // The old one still sits: the cap of one seat for each party holds the new one off.
    await expect(join(next)).to.be.revertedWithCustomError(service, 'PartyFull')
    await service.connect(admin).ban(old.owner)
    await join(next)
    await service.connect(admin).unban(old.owner)
    await expect(join(old)).to.be.revertedWithCustomError(service, 'NotAdmitted')
  })

  it('replaces the representative of a service that owns its seat at once, by its operator key', async () => {
    const { tree, admin, upper, services, service, registry, players, join, openUpper, represent, stranger } =
      await asked()
    const [seat] = players as [Player]
    await openUpper()
    await tree.connect(admin).invite(upper, services[0]!)
    // The authority of service 0 is the keeper's owner: it holds the stake, the representative only the operator key.
    await represent(0, seat)
    await join(seat)
    await registry.connect(seat.owner).setOperator(stranger, await consentOf(registry, seat.owner, stranger))
    await service.syncOperator(0)
    expect(await service.seatOf(stranger)).to.equal(0n)
    await expect(service.seatOf(seat.operator)).to.be.revertedWithCustomError(service, 'NotSeated')
  })

  it('admits keepers of their own only where the service is hybrid, as it says', async () => {
    const { tree, ethers, admin, service, players, join, openUpper } = await asked()
    const [first, second] = players as [Player, Player]
    const list = await ethers.deployContract('AllowListAdmission', [admin])
    await openUpper({ hybrid: true, others: await list.getAddress() })
    await expect(join(first)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await list.connect(admin).list(second.owner, ZeroHash)
    await join(second)
    expect(await tree.openingOf(await service.getAddress())).to.include.members([2n, true])
  })

  it('admits nobody that the upper service has taken its invitation back from, or that the lower one has withdrawn', async () => {
    const { tree, admin, upper, services, service, players, authorities, join, openUpper, represent } = await asked()
    const [first] = players as [Player]
    await openUpper()
    await tree.connect(admin).invite(upper, services[1]!)
    await represent(1, first)
    await tree.connect(admin).uninvite(upper, services[1]!)
    await expect(tree.connect(admin).uninvite(upper, services[1]!)).to.be.revertedWithCustomError(tree, 'NotInvited')
    expect(await tree.representedBy(upper, first.owner)).to.equal(ZeroAddress)
    await expect(join(first)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    await tree.connect(admin).invite(upper, services[1]!)
    await tree.connect(authorities[1]!).appoint(upper, services[1]!, ZeroAddress)
    await expect(join(first)).to.be.revertedWithCustomError(service, 'NotAdmitted')
    expect(await tree.lowerCount(upper), 'listed once').to.equal(1n)
  })

  it('has one keeper speak for one service, and lets a keeper that was named unasked resign', async () => {
    const { tree, admin, upper, services, players, authorities, openUpper, represent } = await asked()
    const [first] = players as [Player]
    await openUpper()
    for (const i of [1, 2]) await tree.connect(admin).invite(upper, services[i]!)
    await represent(1, first)
    await expect(tree.connect(authorities[2]!).appoint(upper, services[2]!, first.owner))
      .to.be.revertedWithCustomError(tree, 'RepresentsAnother')
      .withArgs(upper, first.owner.address, services[1]!)
    await tree.connect(first.owner).resign(upper)
    await expect(tree.connect(first.owner).resign(upper)).to.be.revertedWithCustomError(tree, 'RepresentsNobody')
    await represent(2, first)
    expect(await tree.representedBy(upper, first.owner)).to.equal(services[2]!)
  })

  it('says by the seat whom a keeper sits for, whatever is appointed later: it decides whose updates count as public', async () => {
    const { tree, admin, upper, services, service, players, authorities, join, openUpper, represent } = await asked()
    const [first, second] = players as [Player, Player]
    await openUpper({ hybrid: true })
    for (const i of [1, 2]) await tree.connect(admin).invite(upper, services[i]!)
    await represent(1, first)
    await join(first)
    await join(second)
    const [forService, forItself] = [await tree.partyOf(services[1]!), await service.partyOf(second.owner)]
    expect(partyOfLower(services[1]!)).to.equal(forService)
    // Named unasked while it sits for itself, and replaced while it sits for a service.
    await represent(2, second)
    await tree.connect(authorities[1]!).appoint(upper, services[1]!, ZeroAddress)
    expect(await service.partyOf(first.owner)).to.equal(forService)
    expect(await service.partyOf(second.owner)).to.equal(forItself)
  })
})
