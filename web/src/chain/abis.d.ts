// SPDX-License-Identifier: GPL-3.0-or-later
declare module 'virtual:abis' {
  import type { ContractName } from '../../../keepers/chain/index.ts'

  /** ABIs by contract, as vite.config.ts collects them. */
  export const abis: Readonly<Record<ContractName, readonly unknown[]>>
}
