// SPDX-License-Identifier: GPL-3.0-or-later
// Calls to contracts other than the keeper's own service. Their results must not rest on one endpoint's word either.
import type { JsonRpcApiProvider } from 'ethers'
import { type Clock, callsAtOneBlock, type Endpoints, hasWitnesses, settled } from '../chain/index.ts'
import { NestedError } from './errors.ts'

export type Reader = {
  readonly provider: Pick<JsonRpcApiProvider, 'call'>
  readonly endpoints: Pick<Endpoints, 'count' | 'everywhere'>
  readonly clock: Pick<Clock, 'now'>
}

export type ContractCall = { readonly to: string; readonly data: string; readonly what: string }

/**
 * The answers to calls, each as two endpoints of different hosts, or the operator's own one, give it at one block. If only one endpoint is
 * configured, its answers count.
 * @throws NestedError unheard that names the call
 */
export async function witnessed(reader: Reader, calls: readonly ContractCall[]): Promise<string[]> {
  const { provider, endpoints, clock } = reader
  if (!hasWitnesses(endpoints)) return await Promise.all(calls.map(({ to, data }) => provider.call({ to, data })))
  const answers = await callsAtOneBlock(
    endpoints,
    clock,
    calls.map(({ to, data }) => ({ to, data })),
  )
  return answers.map((heard, i) => {
    const said = heard.filter(({ result }) => typeof result === 'string')
    const [first] = settled(said, ({ result }) => String(result)) ?? []
    if (first === undefined) {
      throw new NestedError('unheard', `${calls[i]!.what}: no two endpoints of chain.rpc say the same: add another one`)
    }
    return String(first.result)
  })
}
