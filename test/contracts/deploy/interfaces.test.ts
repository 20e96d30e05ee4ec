// SPDX-License-Identifier: GPL-3.0-or-later
// ERC-165: services, markets and what they stand on say what they are.

import { expect } from 'chai'
import { type FunctionFragment, Interface, toBeHex } from 'ethers'
import { artifacts } from 'hardhat'
import { createMarkets } from '../consumers/market.ts'
import { createWorld } from '../rounds/fixture.ts'

const ERC165 = '0x01ffc9a7'

/** XOR of the selectors of an interface's functions, less those of the interfaces that it extends. */
async function idOf(name: string, extended: readonly string[] = []): Promise<string> {
  const selectors = async (of: string): Promise<string[]> =>
    new Interface((await artifacts.readArtifact(of)).abi).fragments
      .filter((fragment): fragment is FunctionFragment => fragment.type === 'function')
      .map(({ selector }) => selector)
  const inherited = new Set((await Promise.all(extended.map(selectors))).flat())
  const own = (await selectors(name)).filter((selector) => !inherited.has(selector))
  return toBeHex(
    own.reduce((id, selector) => id ^ BigInt(selector), 0n),
    4,
  )
}

describe('interfaces by ERC-165', () => {
  it('of services and of the keepers’ registry', async () => {
    const { ethers, service, registry } = await createWorld()
    const asked = await ethers.getContractAt('LearningService', await service.getAddress())
    const parts = ['Rounds', 'Keys', 'Registration', 'Clock', 'Relay'].map((part) => `ILearningService${part}`)
    const ids = [
      ERC165,
      ...(await Promise.all(parts.map((part) => idOf(part)))),
      await idOf('IVersionSource'),
      await idOf('ILearningServiceViews', ['IVersionSource']),
    ]
    expect(new Set(ids).size).to.equal(ids.length)
    for (const id of ids) expect(await asked.supportsInterface(id), id).to.equal(true)
    expect(await asked.supportsInterface('0xffffffff')).to.equal(false)
    expect(await asked.supportsInterface(await idOf('IKeeperRegistry'))).to.equal(false)
    for (const name of ['IKeeperRegistry', 'IStakeVotes', 'IStakeSuccession']) {
      expect(await registry.supportsInterface(await idOf(name)), name).to.equal(true)
    }
    expect(await registry.supportsInterface('0xffffffff')).to.equal(false)
  })

  it('of markets', async () => {
    const { ethers, market, hub, verifiers, dao } = await createMarkets()
    for (const id of [await idOf('IPredictionMarket', ['IMarketBook']), await idOf('IMarketBook')]) {
      expect(await market.supportsInterface(id)).to.equal(true)
    }
    const validator = await ethers.deployContract('HubValidator', [hub])
    expect(await validator.supportsInterface(await idOf('IHubValidator'))).to.equal(true)
    expect(await validator.supportsInterface(await idOf('IMarketBook'))).to.equal(false)
    const provers = await ethers.deployContract('ProverMarket', [verifiers, dao, 1n, 3600, 600])
    expect(await provers.supportsInterface(await idOf('IProverMarket', ['IPullPayments']))).to.equal(true)
    expect(await provers.supportsInterface(ERC165)).to.equal(true)
  })
})
