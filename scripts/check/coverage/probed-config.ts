// SPDX-License-Identifier: GPL-3.0-or-later
// Hardhat's configuration under coverage: what differs from the project's own.
import type { HardhatUserConfig } from 'hardhat/config'
import type { HardhatPlugin } from 'hardhat/types/plugins'

/** Probes take gas: a transaction may use a block's. */
const TRANSACTION_GAS = 60_000_000n

type Hits = { readonly data: Map<string, number>; addData(tags: readonly string[]): Promise<void> }

/**
 * Hardhat writes all that a call reached as text for its debug log, whether anybody asked for one or not: half of what its coverage costs.
 * That a line was reached once is all that the gate asks.
 */
const hitsWithoutLog: HardhatPlugin = {
  id: 'hits-without-log',
  hookHandlers: {
    hre: async () => ({
      default: async () => ({
        created: async (_, environment) => {
          const hits = (environment as { _coverage?: Hits })._coverage
          if (hits === undefined) return
          hits.addData = async (tags) => {
            for (const tag of tags) hits.data.set(tag, 1)
          }
        },
      }),
    }),
  },
}

/** The project's configuration, but for gas, and for the tests in Solidity: compiling them takes long, and no test here runs them. */
export function underCoverage(config: HardhatUserConfig): HardhatUserConfig {
  const { networks, plugins = [], paths } = config
  return {
    ...config,
    plugins: [...plugins, hitsWithoutLog],
    networks: { ...networks, default: { ...networks?.default, gas: TRANSACTION_GAS, transactionGasCap: false } },
    paths: { ...paths, tests: { mocha: './test', solidity: './no-tests' } },
  } as HardhatUserConfig
}
