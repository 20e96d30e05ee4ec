// SPDX-License-Identifier: GPL-3.0-or-later
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'

/** What models there are, and which contracts verify their circuits. */
export const RegistriesModule = buildModule('Registries', (m) => {
  const deployer = m.getAccount(0)
  const models = m.contract('ModelRegistry', [deployer])
  const verifiers = m.contract('VerifierRegistry', [deployer])
  return { models, verifiers }
})
