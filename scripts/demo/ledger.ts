// SPDX-License-Identifier: GPL-3.0-or-later
// Lists all transactions of a local chain by what they did: their gas, and one of each kind as it was signed, for computing fees on a rollup.
import { type JsonRpcProvider, Transaction } from 'ethers'
import { type ContractName, contractInterface, type DeploymentFile } from '../../keepers/chain/index.ts'

/** What all transactions of a kind have in common. */
export type LedgerEntry = {
  readonly times: number
  /** Median of the later half of them: the first ones write slots that are new. */
  readonly gas: number
  /** The one with that gas, signed, as hex; null for a creation, whose bytes are mostly code. */
  readonly raw: string | null
}

/** By `Contract.method`, or `new Contract`. */
export type Ledger = Readonly<Record<string, LedgerEntry>>

/** Blocks and receipts that are asked for at a time. */
const AT_ONCE = 50

/** Reads the chain from its first block to its head: for one that is some thousand blocks long. */
export async function readLedger(provider: JsonRpcProvider, deployment: DeploymentFile): Promise<Ledger> {
  const { contracts, services } = deployment
  const names = new Map(Object.entries(contracts).map(([name, address]) => [address.toLowerCase(), name]))
  for (const { address } of services) names.set(address.toLowerCase(), 'ILearningService')
  const found = new Map<string, { gas: number; hash: string }[]>()
  const head = await provider.getBlockNumber()
  for (let first = 0; first <= head; first += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, head - first + 1) }, (_, i) => first + i)
    const blocks = await Promise.all(numbers.map((number) => provider.getBlock(number, true)))
    const sent = blocks.flatMap((block) => block!.prefetchedTransactions)
    const receipts = await Promise.all(sent.map(({ hash }) => provider.getTransactionReceipt(hash)))
    sent.forEach(({ hash, to, data }, i) => {
      const { status, gasUsed, contractAddress } = receipts[i]!
      const name =
        to === null ? `new ${names.get(contractAddress!.toLowerCase()) ?? 'contract'}` : methodOf(names, to, data)
      if (status !== 1 || name === null) return
      found.set(name, [...(found.get(name) ?? []), { gas: Number(gasUsed), hash }])
    })
  }
  const entries = await Promise.all(
    [...found].map(async ([name, list]): Promise<[string, LedgerEntry]> => {
      const later = list.slice(Math.floor(list.length / 2)).sort((a, b) => a.gas - b.gas)
      const { gas, hash } = later[Math.floor((later.length - 1) / 2)]!
      const raw = name.startsWith('new ') ? null : Transaction.from((await provider.getTransaction(hash))!).serialized
      return [name, { times: list.length, gas, raw }]
    }),
  )
  return Object.fromEntries(entries)
}

function methodOf(names: ReadonlyMap<string, string>, to: string, data: string): string | null {
  const name = names.get(to.toLowerCase())
  if (name === undefined || data === '0x') return null
  try {
    const method = contractInterface(name as ContractName).getFunction(data.slice(0, 10))
    return method === null ? null : `${name === 'ILearningService' ? 'LearningService' : name}.${method.name}`
  } catch {
    // A contract without an interface that keepers know.
    return null
  }
}
