// SPDX-License-Identifier: GPL-3.0-or-later
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'

/** Token, timelock, stake and governor, which decide; and the guardian contract, whose holders can stop things while the DAO decides. */
export const GovernanceModule = buildModule('Governance', (m) => {
  const deployer = m.getAccount(0)
  const token = m.contract('CohortToken', [deployer, m.getParameter('holders'), m.getParameter('amounts')])
  // The handover makes the governor proposer, canceller and executor. Until then, nobody is.
  const timelock = m.contract('TimelockController', [m.getParameter('timelockDelay'), [], [], deployer])
  // Stake votes, so the governor must know the registry that holds it.
  const keepers = m.contract('KeeperRegistry', [
    token,
    deployer,
    {
      minStake: m.getParameter('minStake'),
      unbondingDelay: m.getParameter('unbondingDelay'),
      jailDelay: m.getParameter('jailDelay'),
      treasury: timelock,
    },
  ])
  const stakePools = m.contract('StakePoolFactory', [keepers])
  const governor = m.contract('CohortGovernor', [token, keepers, stakePools, timelock, m.getParameter('settings')])
  // Nobody is a guardian until the DAO appoints one.
  const guardian = m.contract('Guardian', [timelock])
  const successors = m.contract('Successors', [timelock])
  return { token, timelock, keepers, stakePools, governor, guardian, successors }
})
