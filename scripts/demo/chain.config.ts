// SPDX-License-Identifier: GPL-3.0-or-later
// Hardhat's configuration for local-chain.ts: the networks, without our contracts. To name contracts in its messages, a node would read everything that
// was ever compiled, which takes two seconds at each start. Our programs decode answers by themselves, as on any other chain.
import { defineConfig } from 'hardhat/config'
import { PUNCTUAL_NETWORK } from '../local-network.ts'
import { testAccountKeys } from '../test-accounts.ts'

/** 10,000 ether each, as on Hardhat's own networks. */
const accounts = testAccountKeys().map((privateKey) => ({ privateKey, balance: String(10n ** 22n) }))

export default defineConfig({
  networks: {
    hardhatMainnet: { type: 'edr-simulated', chainType: 'l1', accounts },
    node: { ...PUNCTUAL_NETWORK, accounts },
  },
  paths: { sources: './.cache/no-contracts', artifacts: './.cache/no-artifacts', cache: './.cache/no-contracts' },
})
