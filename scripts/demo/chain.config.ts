// SPDX-License-Identifier: GPL-3.0-or-later
// Hardhat's configuration for local-chain.ts: the networks, and none of our contracts. To name them in its messages, a node would read
// all that was ever compiled, for two seconds of each start; our programs decode what they are told by themselves, as on any other chain.
import { defineConfig } from 'hardhat/config'
import { PUNCTUAL_NETWORK } from '../local-network.ts'

/** Accounts with coins: Hardhat's own twenty, and more for services of many keepers. */
const accounts = { count: 68 }

export default defineConfig({
  networks: {
    hardhatMainnet: { type: 'edr-simulated', chainType: 'l1', accounts },
    node: { ...PUNCTUAL_NETWORK, accounts },
  },
  paths: { sources: './.cache/no-contracts', artifacts: './.cache/no-artifacts', cache: './.cache/no-contracts' },
})
