// SPDX-License-Identifier: GPL-3.0-or-later
// Hardhat's configuration under coverage, as changes to the project's own.
import type { HardhatUserConfig } from 'hardhat/config'
import type { HardhatPlugin } from 'hardhat/types/plugins'

/** Probes take gas: a transaction may use a block's. */
const TRANSACTION_GAS = 60_000_000n

type Hits = { readonly data: Map<string, number>; addData(tags: readonly string[]): Promise<void> }

/**
 * Hardhat formats everything that a call reached for its debug log, even if nobody reads that, which takes half of coverage's time. The gate only
 * needs to know whether a line was reached.
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

/** The project's configuration with more gas, and without the tests in Solidity, which take long to compile and do not run here. */
export function underCoverage(config: HardhatUserConfig): HardhatUserConfig {
  const { networks, plugins = [], paths } = config
  return {
    ...config,
    plugins: [...plugins, hitsWithoutLog],
    networks: { ...networks, default: { ...networks?.default, gas: TRANSACTION_GAS, transactionGasCap: false } },
    paths: { ...paths, tests: { mocha: './test', solidity: './no-tests' } },
  } as HardhatUserConfig
}
