// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { network } from 'hardhat'

const LONGEST = 16

async function createSuccessors() {
  const { ethers } = await network.create()
  const [timelock, stranger] = await ethers.getSigners()
  const successors = await ethers.deployContract('Successors', [timelock!])
  /** Something with code. */
  const contract = async () => await (await ethers.deployContract('EqualRewards')).getAddress()
  return { ethers, timelock: timelock!, stranger: stranger!, successors, contract }
}

describe('Successors', () => {
  it('says what the DAO means to be used instead, to the end of the chain, until it takes that back', async () => {
    const { successors, contract } = await createSuccessors()
    const [first, second, third] = [await contract(), await contract(), await contract()]
    await expect(successors.nameSuccessor(first, second)).to.emit(successors, 'SuccessorNamed').withArgs(first, second)
    await successors.nameSuccessor(second, third)
    expect([await successors.successorOf(first), await successors.latestOf(first)]).to.deep.equal([second, third])
    expect(await successors.latestOf(third)).to.equal(third)
    await successors.nameSuccessor(second, ZeroAddress)
    expect(await successors.latestOf(first)).to.equal(second)
  })

  it('refuses anybody but the timelock, no contract, circles, and chains without end', async () => {
    const { successors, contract, stranger, ethers } = await createSuccessors()
    const chain = await Promise.all(Array.from({ length: LONGEST + 2 }, contract))
    await expect(successors.connect(stranger).nameSuccessor(chain[0]!, chain[1]!))
      .to.be.revertedWithCustomError(successors, 'NotTimelock')
      .withArgs(stranger.address)
    await expect(successors.nameSuccessor(ZeroAddress, chain[1]!)).to.be.revertedWithCustomError(
      successors,
      'ZeroAddress',
    )
    await expect(successors.nameSuccessor(chain[0]!, stranger))
      .to.be.revertedWithCustomError(successors, 'SuccessorHasNoCode')
      .withArgs(stranger.address)
    await successors.nameSuccessor(chain[0]!, chain[1]!)
    for (const [from, to] of [
      [chain[1]!, chain[0]!],
      [chain[2]!, chain[2]!],
    ] as const) {
      await expect(successors.nameSuccessor(from, to)).to.be.revertedWithCustomError(successors, 'ChainInvalid')
    }
    // Built from its end: the last name makes the chain too long.
    for (let i = LONGEST; i >= 1; i--) await successors.nameSuccessor(chain[i]!, chain[i + 1]!)
    await expect(successors.nameSuccessor(chain[0]!, chain[1]!)).to.be.revertedWithCustomError(
      successors,
      'ChainInvalid',
    )
    await expect(ethers.deployContract('Successors', [ZeroAddress])).to.be.revertedWithCustomError(
      successors,
      'ZeroAddress',
    )
  })
})
