// SPDX-License-Identifier: GPL-3.0-or-later
import { JsonRpcApiProvider } from 'ethers'
import type { AgentContext } from '../context.ts'
import { AgentError } from '../errors.ts'

/** The provider behind a keeper's contracts, for reading contracts of other services. */
export function providerOf({ service }: AgentContext['contracts']): JsonRpcApiProvider {
  const provider = service.runner?.provider
  if (provider instanceof JsonRpcApiProvider) return provider
  throw new AgentError('CONFIG', 'chain.rpc: contracts of other services need a JSON-RPC endpoint')
}
