// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { encodeBytes32String, ZeroAddress } from 'ethers'
import { createCrowd } from './crowd.ts'
import { createPlayer, createWorld } from './fixture.ts'
import { generateKey, joinAll, passDeadline, reachTraining, stateOf } from './play.ts'

const field = encodeBytes32String
const YEAR = 365 * 24 * 3600

describe('parameters of a service', () => {
  it('change late in Registration only with a new window that gives members time to leave', async () => {
    const world = await createWorld({ players: 5 })
    const { service, registry, players, parameters, networkHelpers } = world
    await joinAll(world, players.slice(0, 4))
    const [first, second] = players
    const { end } = await service.clock()
    await networkHelpers.time.increaseTo(Number(end) - 10)
    await expect(service.connect(first!.owner).leave(first!.seat)).to.be.revertedWithCustomError(
      service,
      'LeaveTooLate',
    )
    // Nobody can act within a second, and silence would cost all of its bond: it cost them, when the old window went on.
    await expect(service.setParameters({ ...parameters, keyWindow: 1, keyPenalty: parameters.bond })).to.emit(
      service,
      'RegistrationReopened',
    )
    await service.connect(first!.owner).leave(first!.seat)
    expect((await registry.keeperOf(first!.owner)).bonded).to.equal(0)
    // A longer window puts no end into the past.
    await service.setParameters({ ...parameters, registrationWindow: 3 * parameters.registrationWindow })
    await service.connect(second!.owner).leave(second!.seat)
  })

  it('change at once in Registration, and wait for the epoch to end otherwise', async () => {
    const world = await createWorld({ players: 3 })
    const { service, parameters } = world
    await expect(service.setParameters({ ...parameters, voteWindow: 7 })).to.emit(service, 'ParametersApplied')
    expect((await service.parameters()).voteWindow).to.equal(7)
    await reachTraining(world)
    await expect(service.setParameters({ ...parameters, voteWindow: 8, registrationWindow: 77 })).to.emit(
      service,
      'ParametersProposed',
    )
    expect((await service.parameters()).voteWindow).to.equal(7)
    const [pending, next] = await service.pendingParameters()
    expect([pending, next.voteWindow]).to.deep.equal([true, 8n])
    await passDeadline(world)
    // Before it is recorded, the clock already shows the coming window.
    const seen = await service.clock({ blockTag: 'latest' })
    expect(Number(seen.end) - (await world.networkHelpers.time.latest())).to.be.within(77, 79)
    await expect(service.poke()).to.emit(service, 'ParametersApplied')
    expect((await service.parameters()).voteWindow).to.equal(8)
    expect((await service.pendingParameters())[0]).to.equal(false)
    const { end } = await service.clock()
    expect(end).to.equal(BigInt(await world.networkHelpers.time.latest()) + 77n)
  })

  it('name the manifest that members agree on, and another from the next epoch on', async () => {
    const [first, second] = [encodeBytes32String('first'), encodeBytes32String('second')]
    const world = await createWorld({ players: 3, parameters: { manifest: first } })
    const { service, parameters } = world
    expect((await service.parameters()).manifest).to.equal(first)
    await reachTraining(world)
    await service.setParameters({ ...parameters, manifest: second })
    expect((await service.parameters()).manifest).to.equal(first)
    expect((await service.pendingParameters())[1].manifest).to.equal(second)
    await passDeadline(world)
    await service.poke()
    expect((await service.parameters()).manifest).to.equal(second)
  })

  it('are refused out of range, each by name', async () => {
    const world = await createWorld()
    const { service, parameters } = world
    const cases: [string, number | bigint, number | bigint, number | bigint][] = [
      ['minKeepers', 1, 2, 256],
      ['minKeepers', 257, 2, 256],
      ['maxKeepers', 2, 3, 256],
      ['maxKeepers', 257, 3, 256],
      ['decryptionBps', 4999, 5000, 6666],
      ['decryptionBps', 6667, 5000, 6666],
      ['decryptionsPerEpoch', 0, 1, 65_535],
      ['maxStrikes', 1, 2, 3],
      ['maxStrikes', 4, 2, 3],
      ['keyPenalty', parameters.bond + 1n, 0, parameters.bond],
      ['decryptPenalty', parameters.bond + 1n, 0, parameters.bond],
      ['fraudPenalty', parameters.bond + 1n, 0, parameters.bond],
    ]
    for (const name of ['registration', 'key', 'training', 'reveal', 'aggregate', 'decrypt', 'vote']) {
      cases.push([`${name}Window`, 0, 1, YEAR], [`${name}Window`, YEAR + 1, 1, YEAR])
    }
    for (const [name, found, min, max] of cases) {
      await expect(service.setParameters({ ...parameters, [name]: found }))
        .to.be.revertedWithCustomError(service, 'ParameterOutOfRange')
        .withArgs(field(name), found, min, max)
    }
    await expect(service.setParameters({ ...parameters, strategy: world.stranger.address }))
      .to.be.revertedWithCustomError(service, 'StrategyWithoutCode')
      .withArgs(world.stranger.address)
  })

  it('belong to the admin', async () => {
    const world = await createWorld()
    const { service, parameters, stranger, ethers } = world
    const roles = await ethers.getContractAt('ServiceRegistration', await service.getAddress())
    await expect(service.connect(stranger).setParameters(parameters)).to.be.revertedWithCustomError(
      roles,
      'AccessControlUnauthorizedAccount',
    )
    expect(await roles.hasRole(await roles.DEFAULT_ADMIN_ROLE(), world.admin)).to.equal(true)
  })
})

describe('ServiceFactory', () => {
  it('makes services with the right to slash and with versions that count, and lists them', async () => {
    const world = await createWorld()
    const { factory, registry, models, service, parameters, treasury } = world
    await expect(factory.createService('faces', treasury, parameters)).to.emit(factory, 'ServiceCreated')
    expect(await factory.serviceCount()).to.equal(2)
    const address = await factory.serviceAt(1)
    expect(address).not.to.equal(await service.getAddress())
    expect(await factory.isService(address)).to.equal(true)
    expect(await factory.isService(treasury)).to.equal(false)
    expect([await factory.nameOf(0), await factory.nameOf(1)]).to.deep.equal(['digits', 'faces'])
    expect(await registry.serviceStatus(address)).to.equal(1)
    expect(await models.isService(address)).to.equal(true)
    expect(await service.keeperRegistry()).to.equal(await registry.getAddress())
    expect(await service.modelRegistry()).to.equal(await models.getAddress())
    for (const call of [() => factory.serviceAt(2), () => factory.nameOf(2)]) {
      await expect(call()).to.be.revertedWithCustomError(factory, 'UnknownService').withArgs(2, 2)
    }
  })

  it('refuses strangers, empty and long names, the zero address as admin, and invalid parameters', async () => {
    const { factory, service, parameters, stranger, treasury, admin, ethers } = await createWorld()
    await expect(factory.connect(stranger).createService('x', treasury, parameters)).to.be.revertedWithCustomError(
      factory,
      'AccessControlUnauthorizedAccount',
    )
    for (const length of [0, 65]) {
      await expect(factory.createService('x'.repeat(length), treasury, parameters))
        .to.be.revertedWithCustomError(factory, 'NameLength')
        .withArgs(length, 64)
    }
    await expect(factory.createService('x', ZeroAddress, parameters))
      .to.be.revertedWithCustomError(service, 'ZeroAddress')
      .withArgs(field('admin'))
    await expect(factory.createService('x', treasury, { ...parameters, minKeepers: 0 })).to.be.revertedWithCustomError(
      service,
      'ParameterOutOfRange',
    )
    for (const args of [
      [ZeroAddress, admin],
      [await factory.IMPLEMENTATION(), ZeroAddress],
    ] as const) {
      await expect(ethers.deployContract('ServiceFactory', [...args])).to.be.revertedWithCustomError(
        factory,
        'ZeroAddress',
      )
    }
    expect(await factory.serviceCount()).to.equal(1)
  })

  it('initialises each service once, and its implementation never', async () => {
    const { factory, service, parameters, admin, ethers } = await createWorld()
    for (const address of [await service.getAddress(), await factory.IMPLEMENTATION()]) {
      const target = await ethers.getContractAt('ServiceRegistration', address)
      await expect(target.initialize(admin, parameters)).to.be.revertedWithCustomError(target, 'InvalidInitialization')
    }
    const implementation = await ethers.getContractAt('LearningService', await factory.IMPLEMENTATION())
    const registration = await ethers.getContractAt('ServiceRegistration', await implementation.REGISTRATION())
    await expect(registration.initialize(admin, parameters)).to.be.revertedWithCustomError(
      registration,
      'InvalidInitialization',
    )
  })

  it('cannot be given an implementation without registries', async () => {
    const { ethers, registry, models, service } = await createWorld()
    for (const args of [
      [ZeroAddress, models],
      [registry, ZeroAddress],
    ] as const) {
      await expect(ethers.deployContract('ServiceClock', [...args])).to.be.revertedWithCustomError(
        service,
        'ZeroAddress',
      )
    }
  })

  it('makes services that refuse calls they do not know', async () => {
    const { service, admin } = await createWorld()
    await expect(admin.sendTransaction({ to: service, data: '0xdeadbeef' })).to.be.revert(undefined as never)
    await expect(admin.sendTransaction({ to: service, value: 1n })).to.be.revert(undefined as never)
  })
})

describe('256 members', () => {
  it('can all be silent without stopping the service', async function () {
    this.timeout(300_000)
    const world = await createCrowd()
    const { service, registry } = world
    expect(await stateOf(world)).to.equal('KeyCommit')
    expect((await service.epochInfo()).memberCount).to.equal(256)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
    const first = world.players[0]!
    await expect(service.connect(first.operator).leave(0))
      .to.be.revertedWithCustomError(service, 'SettlementUnfinished')
      .withArgs(1)
    let pokes = 0
    let most = 0n
    while (await service.isDue()) {
      const receipt = await (await service.poke()).wait()
      most = receipt!.gasUsed > most ? receipt!.gasUsed : most
      pokes++
    }
    expect(pokes).to.equal(4)
    // EIP-7825 caps a transaction at 2^24 gas.
    expect(Number(most)).to.be.lessThan(2 ** 24)
    expect(await registry.slashCount()).to.equal(256)
    expect(await service.seats()).to.deep.equal([0n, 0n])
    expect(await stateOf(world)).to.equal('Registration')
  })

  it('can all ask to leave', async function () {
    this.timeout(300_000)
    const world = await createWorld({
      players: 0,
      parameters: { maxKeepers: 100, registrationWindow: 100_000, keyWindow: 10_000 },
    })
    const { service } = world
    for (let i = 0; i < 100; i++) world.players.push(await createPlayer(world, i))
    await joinAll(world)
    await generateKey(world)
    for (const player of world.players) await service.connect(player.operator).leave(player.seat)
    await passDeadline(world)
    await service.poke()
    // 64 have gone at the end of the epoch; each of the others may finish by itself, the rest go at the deadline.
    const { leaving } = await service.seats()
    expect(leaving).not.to.equal(0n)
    const last = world.players[99]!
    await service.connect(last.operator).leave(last.seat)
    await passDeadline(world)
    await service.poke()
    expect(await service.seats()).to.deep.equal([0n, 0n])
  })
})
