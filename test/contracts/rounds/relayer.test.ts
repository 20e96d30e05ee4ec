// SPDX-License-Identifier: GPL-3.0-or-later
// Calls that keepers without coins hand to a relayer, and their fate.
import { expect } from 'chai'
import { toBeHex } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import { encodeRelay, placesOf, signerOf } from '../../../keepers/relay/signed-call.ts'
import { operatorWallet, type Player, type World } from './fixture.ts'
import { training } from './play.ts'
import { ask, refusal, relayCalls } from './relay-calls.ts'
import { requestOf, ruin, senderOf, startRelayer } from './relayer.ts'

describe('relayers and the keepers that use them', () => {
  let world: World
  beforeEach(async () => {
    world = await training()
  })

  const { commit, committed, domain, signed, wire } = relayCalls(() => world)

  it('bring the steps of keepers without coins in one transaction', async () => {
    await using relayer = await startRelayer(world, { wait: 100 })
    const receipts = await Promise.all(
      world.players.map(async (player) => {
        await ruin(world, player)
        const { sender, own } = await senderOf(world, player, [relayer.url])
        const receipt = await sender.send(await requestOf(world, await commit(player)))
        expect(own).to.deep.equal([])
        return receipt
      }),
    )
    expect(new Set(receipts.map(({ hash }) => hash)).size).to.equal(1)
    expect(receipts[0]!.from).to.equal(world.stranger.address)
    expect(await committed()).to.equal(2n ** BigInt(world.players.length) - 1n)
    const confirmed = relayer.events.find(({ kind }) => kind === 'confirmed')
    expect(confirmed).to.deep.include({ calls: world.players.length, hash: receipts[0]!.hash })
  })

  it('send calls open to anyone, and a new encryption key, once each, no matter who asks', async () => {
    await using relayer = await startRelayer(world, { wait: 20 })
    const [player, other] = world.players as [Player, Player]
    await ruin(world, player)
    const owner = await player.owner.getAddress()
    const { sender } = await senderOf(world, player, [relayer.url])
    const key = toBeHex(77n, 32)
    const abi = contractInterface('KeeperRegistry')
    const request = {
      ...(await requestOf(world, abi.encodeFunctionData('setEncryptionKey', [owner, key]))),
      to: await world.registry.getAddress(),
    }
    const { hash } = await sender.send(request)
    expect((await world.registry.keeperOf(owner)).encryptionKey).to.equal(key)
    const { data } = (await world.ethers.provider.getTransaction(hash))!
    expect(data.startsWith(abi.getFunction('setEncryptionKeyFor')!.selector)).to.equal(true)
    // Sent again by anyone, after another key, it has no effect.
    await world.registry.connect(player.owner).setEncryptionKey(owner, toBeHex(78n, 32))
    await expect(world.stranger.sendTransaction({ to: world.registry, data })).to.be.revertedWithCustomError(
      world.registry,
      'ConsentInvalid',
    )
    // Nor is it of another key, or by another operator.
    const digest = await world.registry.encryptionKeyDigest(owner, key)
    for (const signature of [
      operatorWallet(world.players.indexOf(other)).signingKey.sign(digest).serialized,
      operatorWallet(0).signingKey.sign(await world.registry.encryptionKeyDigest(owner, toBeHex(79n, 32))).serialized,
    ]) {
      await expect(
        world.registry.connect(world.stranger).setEncryptionKeyFor(owner, key, signature),
      ).to.be.revertedWithCustomError(world.registry, 'ConsentInvalid')
    }
    await expect(
      world.registry.setEncryptionKeyFor(
        owner,
        toBeHex(0n, 32),
        operatorWallet(0).signingKey.sign(await world.registry.encryptionKeyDigest(owner, toBeHex(0n, 32))).serialized,
      ),
    ).to.be.revertedWithCustomError(world.registry, 'ZeroEncryptionKey')
    await world.networkHelpers.time.increase(world.parameters.trainingWindow + 1)
    const poke = world.service.interface.encodeFunctionData('poke')
    // No block between the two: after one, the second call would have nothing left to do.
    await world.ethers.provider.send('evm_setAutomine', [false])
    const sent = await Promise.all(
      [player, other].map(async (who) => ask(relayer.url, await wire(who, { call: poke }))),
    )
    await world.ethers.provider.send('evm_setAutomine', [true])
    await world.networkHelpers.mine()
    expect(sent[0]).to.equal(sent[1])
  })

  it('drop steps that somebody else has done meanwhile, and say so', async () => {
    await using relayer = await startRelayer(world, { wait: 300 })
    const [a, b] = world.players as [Player, Player]
    const sent = Promise.all([refusal(ask(relayer.url, await wire(a))), ask(relayer.url, await wire(b))])
    await new Promise((done) => setTimeout(done, 100))
    await a.operator.sendTransaction({ to: world.service, data: await commit(a) })
    const [[code, reason], hash] = await sent
    expect([code, reason]).to.deep.include('REFUSED')
    expect(reason).to.match(/AlreadyDone/)
    const { data } = (await world.ethers.provider.getTransaction(hash))!
    expect(placesOf(data, await signed(b, await commit(b)))).to.deep.equal([0])
    expect(placesOf(data, await signed(a, await commit(a)))).to.deep.equal([])
  })

  it('read a signature as the contract does', async () => {
    const [player] = world.players as [Player]
    const call = await commit(player)
    const step = await signed(player, call)
    expect(signerOf(await domain(), step)).to.equal(player.operator.address)
    expect(await world.service.stepDigest(call, false)).to.match(/^0x/)
    expect(signerOf({ ...(await domain()), chainId: 5n }, step)).to.not.equal(player.operator.address)
    expect(placesOf(encodeRelay([step, step]), step)).to.deep.equal([0, 1])
    expect(placesOf(`${encodeRelay([step]).slice(0, 10)}00`.replace(/00$/, ''), step)).to.deep.equal([])
  })
})
