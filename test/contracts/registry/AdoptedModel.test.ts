// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { network } from 'hardhat'
import { accountsOf } from '../governance/accounts.ts'

const FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
const CID = `0x01551220${'ab'.repeat(32)}`

describe('AdoptedModel', () => {
  const create = async () => {
    const { ethers } = await network.create()
    const [dao, stranger] = await accountsOf(ethers)
    const model = await ethers.deployContract('AdoptedModel', [dao])
    const word = (value: bigint) => ethers.toBeHex(value, 32)
    return { ethers, dao, stranger, model, word }
  }

  it('keeps the versions that its owner adopts', async () => {
    const { model, word } = await create()
    await expect(model.adopt(word(7n), CID))
      .to.emit(model, 'ModelAdopted')
      .withArgs(1, word(7n), CID)
    await model.adopt(word(FIELD_ORDER - 1n), '0x01')
    expect(await model.versionCount()).to.equal(2)
    const { epoch, round, votes, weightsCommitment } = await model.versionAt(2)
    expect([epoch, round, votes, weightsCommitment]).to.deep.equal([1n, 2n, 0n, word(FIELD_ORDER - 1n)])
    expect((await model.versionAt(1)).acceptedAt).to.be.greaterThan(0)
  })

  it('knows nothing of versions that do not exist', async () => {
    const { model, ethers } = await create()
    for (const version of [0, 1]) {
      expect([...(await model.versionAt(version))]).to.deep.equal([0n, 0n, 0n, 0n, ethers.ZeroHash])
    }
  })

  it('refuses strangers, commitments out of the field, CIDs of no or too many bytes, and no owner', async () => {
    const { ethers, dao, stranger, model, word } = await create()
    await expect(model.connect(stranger).adopt(word(7n), CID))
      .to.be.revertedWithCustomError(model, 'NotOwner')
      .withArgs(stranger.address, dao.address)
    for (const value of [0n, FIELD_ORDER, 2n ** 256n - 1n]) {
      await expect(model.adopt(word(value), CID))
        .to.be.revertedWithCustomError(model, 'CommitmentOutOfField')
        .withArgs(word(value))
    }
    for (const bytes of [0, 69]) {
      await expect(model.adopt(word(7n), `0x${'00'.repeat(bytes)}`))
        .to.be.revertedWithCustomError(model, 'CidLength')
        .withArgs(bytes, 68)
    }
    await expect(ethers.deployContract('AdoptedModel', [ethers.ZeroAddress])).to.be.revertedWithCustomError(
      model,
      'ZeroOwner',
    )
    expect(await model.versionCount()).to.equal(0)
  })
})
