// SPDX-License-Identifier: GPL-3.0-or-later
// A deployment whose first service draws its members.
import { expect } from 'chai'
import { deployCohort } from '../../../deploy/deployment.ts'
import { roleId } from '../../../deploy/roles.ts'
import { sortitionAt } from '../../../keepers/chain/index.ts'
import { accountsOf } from '../governance/accounts.ts'
import { createChain, PARAMETERS } from './simulated.ts'

const TOKEN = 10n ** 18n

describe('a deployment of a service that draws its members', () => {
  it('makes the draw for that service, known to the registry, and leaves the deployer no role', async () => {
    const { ethers, options } = await createChain()
    const sortition = {
      ...{ bondTokens: 5n * TOKEN, absencePenaltyTokens: TOKEN, minCandidates: 4 },
      ...{ patienceSeconds: 20, delayBlocks: 3 },
    }
    const service = { ...PARAMETERS.service!, oneEpochSeats: true, sortition }
    const parameters = { ...PARAMETERS, service }
    const deployment = await deployCohort({ ...options, parameters })
    const [deployer] = await accountsOf(ethers)
    const { address } = deployment.services[0]!
    const found = await (await ethers.getContractAt('ILearningService', address)).parameters()
    expect(found.oneEpochSeats).to.equal(true)
    expect(found.partySeats).to.equal(1n)
    expect(await sortitionAt(found.admission, ethers.provider)).not.to.equal(null)
    const draw = await ethers.getContractAt('SortitionAdmission', found.admission)
    expect(await draw.SERVICE()).to.equal(address)
    expect(await draw.terms()).to.deep.equal([5n * TOKEN, TOKEN, 4n, 20n, 3n])
    const registry = await ethers.getContractAt('KeeperRegistry', deployment.contracts.KeeperRegistry)
    expect(await registry.serviceStatus(found.admission)).to.equal(1n)
    expect(await registry.hasRole(roleId('REGISTRAR_ROLE'), deployer)).to.equal(false)
    expect(await registry.hasRole(roleId('DEFAULT_ADMIN_ROLE'), deployer)).to.equal(false)
  })
})
