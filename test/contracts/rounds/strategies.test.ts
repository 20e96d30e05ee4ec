// SPDX-License-Identifier: GPL-3.0-or-later
// Reward strategies that break: money is all they may cost.

import { expect } from 'chai'
import { encodeBytes32String } from 'ethers'
import { compile } from '../../../scripts/solc.ts'
import { cid, createWorld, salt, type World } from './fixture.ts'
import {
  attest,
  completeRound,
  draft,
  drafted,
  equalRewards,
  numbers,
  reachReveal,
  reachTraining,
  revealUpdate,
  samplesOf,
  stateOf,
  submitShare,
  vote,
} from './play.ts'

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

contract Moody {
    bytes32 public mood;

    function set(bytes32 next) external { mood = next; }

    function sharesOf(uint40) external view returns (uint256) {
        if (mood == "revert") revert();
        if (mood == "burn") while (true) {}
        if (mood == "bomb") assembly { return(0, 1000000) }
        if (mood == "huge") return 1 << 40;
        if (mood == "short") assembly { mstore(0, 5) return(0, 31) }
        if (mood == "nothing") assembly { return(0, 0) }
        if (mood == "bytes") assembly { mstore(0, 7) return(0, 320) }
        return 3;
    }
}`

async function deployMoody(world: World) {
  const { abi, bytecode } = compile(SOURCE, { quick: true }).Moody!
  const deployed = await new world.ethers.ContractFactory(abi as never[], bytecode, world.admin).deploy()
  const address = await deployed.getAddress()
  const set = new world.ethers.Contract(address, abi as never[], world.admin).getFunction('set')
  return { address, set: async (mood: string) => void (await set(encodeBytes32String(mood))) }
}

describe('a reward strategy', () => {
  const broken = ['revert', 'burn', 'bomb', 'huge', 'short', 'nothing']

  it('is refused when it does not answer, before it can matter', async () => {
    const world = await createWorld({ players: 3 })
    const { service, parameters, factory, admin } = world
    const moody = await deployMoody(world)
    for (const mood of broken) {
      await moody.set(mood)
      await expect(service.setParameters({ ...parameters, strategy: moody.address }), mood)
        .to.be.revertedWithCustomError(service, 'StrategyBroken')
        .withArgs(moody.address)
      await expect(
        factory.createService('x', admin, { ...parameters, strategy: moody.address }),
      ).to.be.revertedWithCustomError(service, 'StrategyBroken')
    }
    for (const mood of ['', 'bytes']) {
      await moody.set(mood)
      await service.setParameters({ ...parameters, strategy: moody.address })
    }
  })

  it('never stops a round when it breaks later: the reward is then split evenly', async () => {
    const world = await createWorld({ players: 3 })
    const { service, parameters, players } = world
    const moody = await deployMoody(world)
    await service.setParameters({ ...parameters, strategy: moody.address })
    await reachTraining(world)
    const wanted = [0n, 0n, 0n]
    for (const [index, mood] of broken.entries()) {
      await moody.set(mood)
      await completeRound(world)
      await reachReveal(world)
      expect(await stateOf(world), mood).to.equal('Reveal')
      for (const round of [2 * index, 2 * index + 1].filter((one) => one > 0)) {
        const earns = await equalRewards(world, round, [0, 1, 2])
        for (const { seat } of players) wanted[seat] = wanted[seat]! + earns(seat)
      }
      for (const { seat } of players) expect(await service.earned(seat), mood).to.equal(wanted[seat])
      // Its reveals are taken, whatever it does; the round goes on from here.
      for (const player of players) await revealUpdate(world, player)
      await finish(world)
    }
  })

  it('cannot be starved of gas by a member that reveals', async () => {
    const world = await createWorld({ players: 3 })
    const { service, players } = world
    await reachTraining(world)
    await reachReveal(world)
    const player = players[0]!
    const by = service.connect(player.operator)
    const blob = cid(`update 1 ${player.seat}`)
    const samples = samplesOf(player.seat)
    await expect(
      by.revealUpdate(1, blob, 1000, samples, salt('update'), { gasLimit: 74_000 }),
    ).to.be.revertedWithCustomError(service, 'GasTooLow')
    await by.revealUpdate(1, blob, 1000, samples, salt('update'), { gasLimit: 120_000 })
    expect((await service.roundInfo()).revealed).to.equal(1)
  })
})

/** The rest of a round after all updates are revealed. */
async function finish(world: World): Promise<void> {
  const { round } = await numbers(world)
  for (const player of world.players) await attest(world, player)
  await draft(world)
  for (const player of await drafted(world)) await submitShare(world, player)
  for (const player of world.players) await vote(world, player, { round })
}
