// SPDX-License-Identifier: GPL-3.0-or-later
import { buildModule } from '@nomicfoundation/hardhat-ignition/modules'
import { RegistriesModule } from './registries.ts'

/** Proven inferences. The hub has no administrator: the registries decide what may be asked. */
export const InferenceModule = buildModule('Inference', (m) => {
  const { models, verifiers } = m.useModule(RegistriesModule)
  const hub = m.contract('InferenceHub', [models, verifiers])
  return { hub }
})
