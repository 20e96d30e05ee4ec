// SPDX-License-Identifier: GPL-3.0-or-later
// What is read, and where from: as `npm run index` says in the environment.
import { createConfig } from 'ponder'
import { abi } from './generated/service.ts'

function told(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`${name} is not set: start the index with \`npm run index\``)
  return value
}

// biome-ignore lint/style/noDefaultExport: Ponder reads its configuration from there.
export default createConfig({
  database: { kind: 'pglite', directory: told('COHORT_INDEX_DATABASE') },
  chains: {
    chain: {
      id: Number(told('COHORT_INDEX_CHAIN')),
      rpc: told('COHORT_INDEX_RPC').split(','),
      pollingInterval: 1_000,
      // A development chain begins anew, and what was kept of it would be another one's.
      disableCache: told('COHORT_INDEX_CHAIN') === '31337',
    },
  },
  contracts: {
    Service: {
      abi,
      chain: 'chain',
      address: told('COHORT_INDEX_SERVICES').split(',') as `0x${string}`[],
      startBlock: Number(told('COHORT_INDEX_FROM_BLOCK')),
    },
  },
})
