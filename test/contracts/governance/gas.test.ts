// SPDX-License-Identifier: GPL-3.0-or-later
// What the DAO's path to a release costs, against snapshots/governance.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/governance/gas.test.ts
import { deployVersions } from '../registry/versions.ts'
import { createDao, role, SETTINGS } from './dao.ts'
import { codeSizes, compareSnapshot, type Figures, gasOf } from './gas-snapshot.ts'

const CID = `0x01551220${'9a'.repeat(32)}`

describe('gas of a release', () => {
  it('is at most 2 % above the snapshot', async () => {
    const dao = await createDao()
    const { ethers, networkHelpers, deployer, holder, minority, stranger, governor, timelock } = dao
    const models = await ethers.deployContract('ModelRegistry', [deployer])
    await models.grantRole(role('RELEASE_ROLE', ethers), timelock)
    await models.grantRole(role('REGISTRAR_ROLE', ethers), deployer)
    const keepers = await deployVersions(ethers)
    const service = keepers.address
    await models.registerService(service)
    for (const version of [1, 2]) await keepers.publish(1, version, ethers.toBeHex(version, 32), CID, 7)

    const carry = async (data: string): Promise<Figures> => {
      const targets = [await models.getAddress()]
      const id = await governor.getProposalId(targets, [0], [data], ethers.id(data))
      const figures: Figures = {}
      figures.propose = await gasOf(governor.connect(holder).propose(targets, [0], [data], data))
      await networkHelpers.time.increase(SETTINGS.votingDelay + 1)
      figures['vote, reaching the quorum'] = await gasOf(governor.connect(holder).castVote(id, 1))
      figures.vote = await gasOf(governor.connect(minority).castVote(id, 1))
      await networkHelpers.time.increaseTo((await governor.proposalDeadline(id)) + 1n)
      figures.queue = await gasOf(governor.connect(stranger)['queue(uint256)'](id))
      await networkHelpers.time.increaseTo(await governor.proposalEta(id))
      figures.execute = await gasOf(governor.connect(stranger)['execute(uint256)'](id))
      return figures
    }
    const release = await carry(models.interface.encodeFunctionData('release', [service, 1]))
    const second = await carry(models.interface.encodeFunctionData('release', [service, 2]))
    const rollback = await carry(models.interface.encodeFunctionData('rollback', [service, 1]))
    const bytes = await codeSizes([
      'CohortToken',
      'CohortGovernor',
      'TimelockController',
      'ModelRegistry',
      'VerifierRegistry',
    ])
    compareSnapshot('governance', { 'first release': release, release: second, rollback, bytes })
  })
})
