// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { createDao, role, SUPPLY } from './dao.ts'

describe('CohortToken', () => {
  it('creates the first supply for the holders and counts time in seconds', async () => {
    const { token, holder, minority, networkHelpers } = await createDao()
    expect(await token.totalSupply()).to.equal(SUPPLY)
    expect(await token.balanceOf(holder)).to.equal((SUPPLY * 8n) / 10n)
    expect(await token.balanceOf(minority)).to.equal((SUPPLY * 2n) / 10n)
    expect(await token.clock()).to.equal(await networkHelpers.time.latest())
    expect(await token.CLOCK_MODE()).to.equal('mode=timestamp')
  })

  it('refuses lists of different lengths and a missing administrator', async () => {
    const { ethers, token, deployer, holder } = await createDao()
    await expect(ethers.deployContract('CohortToken', [deployer, [holder], [1, 2]]))
      .to.be.revertedWithCustomError(token, 'HoldersAndAmountsDiffer')
      .withArgs(1, 2)
    await expect(ethers.deployContract('CohortToken', [ethers.ZeroAddress, [], []])).to.be.revertedWithCustomError(
      token,
      'ZeroAdmin',
    )
  })

  it('mints for the minter alone', async () => {
    const { ethers, token, deployer, holder, stranger } = await createDao()
    await token.connect(deployer).mint(stranger, 5)
    expect(await token.balanceOf(stranger)).to.equal(5)
    await expect(token.connect(holder).mint(holder, 1))
      .to.be.revertedWithCustomError(token, 'AccessControlUnauthorizedAccount')
      .withArgs(holder.address, role('MINTER_ROLE', ethers))
  })

  it('remembers the votes of the past by timestamp', async () => {
    const { token, holder, minority, stranger, networkHelpers } = await createDao()
    const before = await networkHelpers.time.latest()
    await networkHelpers.time.increase(10)
    await token.connect(holder).transfer(stranger, SUPPLY / 10n)
    await networkHelpers.time.increase(10)
    expect(await token.getPastVotes(holder, before)).to.equal((SUPPLY * 8n) / 10n)
    expect(await token.getVotes(holder)).to.equal((SUPPLY * 7n) / 10n)
    expect(await token.getVotes(stranger)).to.equal(0n)
    expect(await token.getVotes(minority)).to.equal((SUPPLY * 2n) / 10n)
  })

  it('lets a permit spend once, and not after its deadline', async () => {
    const { ethers, token, holder, stranger, networkHelpers } = await createDao()
    const deadline = (await networkHelpers.time.latest()) + 3600
    const sign = async (until: number) =>
      ethers.Signature.from(
        await holder.signTypedData(
          {
            name: 'Cohort',
            version: '1',
            chainId: (await ethers.provider.getNetwork()).chainId,
            verifyingContract: await token.getAddress(),
          },
          {
            Permit: [
              { name: 'owner', type: 'address' },
              { name: 'spender', type: 'address' },
              { name: 'value', type: 'uint256' },
              { name: 'nonce', type: 'uint256' },
              { name: 'deadline', type: 'uint256' },
            ],
          },
          {
            owner: holder.address,
            spender: stranger.address,
            value: 7n,
            nonce: await token.nonces(holder),
            deadline: until,
          },
        ),
      )
    const { v, r, s } = await sign(deadline)
    await token.permit(holder, stranger, 7n, deadline, v, r, s)
    await token.connect(stranger).transferFrom(holder, stranger, 7n)
    expect(await token.balanceOf(stranger)).to.equal(7n)
    expect(await token.nonces(holder)).to.equal(1n)
    await expect(token.permit(holder, stranger, 7n, deadline, v, r, s)).to.be.revertedWithCustomError(
      token,
      'ERC2612InvalidSigner',
    )
    const late = await sign(deadline)
    await networkHelpers.time.increaseTo(deadline + 1)
    await expect(token.permit(holder, stranger, 7n, deadline, late.v, late.r, late.s))
      .to.be.revertedWithCustomError(token, 'ERC2612ExpiredSignature')
      .withArgs(deadline)
  })
})
