// SPDX-License-Identifier: GPL-3.0-or-later
// Lists on the chain. Anybody can rebuild a list from its events, and its keeper changes it with a proof.
import { ContractFactory, type Provider, type Signer } from 'ethers'
import type { ValueLists } from '../../../types/index.ts'
import { clients, contractArtifact, contractInterface, decodeRevert, newestLog } from '../../chain/index.ts'
import { type ProveOptions, type SourceProver, toSolidityProof } from '../../zkml/index.ts'
import type { Asking } from './asking.ts'
import { IdentityError } from './errors.ts'
import { IntervalList, type ListChange } from './interval-list.ts'

/** A list rebuilt from its events, and checked against its root. */
export type ListView = {
  readonly list: IntervalList
  readonly keeper: string
  readonly name: string
  /** Unix seconds of the last change. */
  readonly changedAt: number
}

export type Sent = { readonly transaction: string; readonly gasUsed: bigint }

/** Deploys a registry of lists. @param circuitId of the list circuit, with a verifier at `verifiers` */
export async function deployLists(signer: Signer, verifiers: string, circuitId: string): Promise<string> {
  const { abi, bytecode } = contractArtifact('ValueLists')
  const factory = new ContractFactory(abi as string[], bytecode, signer)
  const contract = await factory.deploy(verifiers, circuitId, new IntervalList().root)
  await contract.waitForDeployment()
  return await contract.getAddress()
}

export class ListClient {
  readonly address: string
  readonly #provider: Provider
  readonly #contract: ValueLists

  constructor(address: string, provider: Provider, signer?: Signer) {
    this.address = address
    this.#provider = provider
    this.#contract = clients.valueLists(address, signer ?? provider)
  }

  /** Opens a list that the sender keeps. */
  async open(name: string): Promise<Sent & { readonly listId: number }> {
    const sent = await sending('openList', this.#contract.openList(name))
    const receipt = await this.#provider.getTransactionReceipt(sent.transaction)
    const events = receipt!.logs.map((log) => contractInterface('ValueLists').parseLog(log))
    const opened = events.find((event) => event?.name === 'ListOpened')
    return { ...sent, listId: Number(opened!.args.listId) }
  }

  /**
   * The list now, with all its values.
   * @param at block whose state it is; the latest unless told
   * @throws IdentityError wrong-contract when there is no such list, or its events do not give its root
   */
  async read(listId: number, at?: number): Promise<ListView> {
    const block = at ?? (await this.#provider.getBlockNumber())
    const then = { blockTag: block }
    const known = await this.#contract.listOf(listId, then).catch((cause) => {
      throw new IdentityError('wrong-contract', `${this.address} has no list ${listId}`, { cause })
    })
    const list = new IntervalList()
    for (const { name, args } of await this.#changes(listId, block)) {
      if (name === 'ValueAdded') list.insert(args.value, Number(args.index))
      else list.erase(args.value)
    }
    if (list.root !== known.root) {
      throw new IdentityError(
        'wrong-contract',
        `${this.address}: the events of list ${listId} do not give its root; does the endpoint have all logs?`,
      )
    }
    return { list, keeper: known.keeper, name: known.name, changedAt: Number(known.changedAt) }
  }

  /**
   * Has other endpoints confirm the root of a list. With a false list, whether a proof comes would reveal whether the holder is on it.
   * @throws IdentityError unheard; wrong-contract when the list's root is another one
   */
  async requireRoot(listId: number, { list }: ListView, asking: Asking): Promise<void> {
    const [found] = await asking.ask(contractInterface('ValueLists'), this.address, 'listOf', [listId])
    if (found.root === list.root) return
    throw new IdentityError(
      'wrong-contract',
      `${this.address}: list ${listId} has another root by other endpoints; nothing was proven. Try again, it may have changed just now`,
    )
  }

  /** The additions to and removals from a list, in order. Reads from the block in which the list was opened, which it searches backwards. */
  async #changes(listId: number, block: number) {
    const { interface: abi, filters } = this.#contract
    const opening = await filters.ListOpened(listId).getTopicFilter()
    const opened = await newestLog(this.#provider, { address: this.address, topics: opening }, { from: 0, to: block })
    if (opened === null) return []
    const topics = [
      ['ValueAdded', 'ValueRemoved'].map((name) => abi.getEvent(name as 'ValueAdded').topicHash),
      opening[1]!,
    ]
    const range = { fromBlock: opened.blockNumber, toBlock: block }
    const logs = await this.#provider.getLogs({ address: this.address, topics, ...range })
    return logs.toSorted((a, b) => a.blockNumber - b.blockNumber || a.index - b.index).map((log) => abi.parseLog(log)!)
  }

  /** Adds a value, with a proof on the present list. @throws IdentityError in-list */
  async add(listId: number, value: bigint, prover: SourceProver, options: ProveOptions = {}): Promise<Sent> {
    const { list } = await this.read(listId)
    const change = list.add(value)
    const proof = await proveChange(prover, change, options)
    return await sending('add', this.#contract.add(listId, value, change.index, change.after, proof))
  }

  /** Removes a value. @throws IdentityError in-list */
  async remove(listId: number, value: bigint, prover: SourceProver, options: ProveOptions = {}): Promise<Sent> {
    const { list } = await this.read(listId)
    const change = list.remove(value)
    const proof = await proveChange(prover, change, options)
    return await sending('remove', this.#contract.remove(listId, value, change.index, change.before, proof))
  }
}

async function proveChange(prover: SourceProver, change: ListChange, options: ProveOptions) {
  const { proof } = await prover.prove(change, options)
  return solidity(toSolidityProof(proof))
}

/** The proof in mutable arrays, as ethers' types require. */
export function solidity({ a, b, c }: ReturnType<typeof toSolidityProof>) {
  return { a: [...a], b: b.map((pair) => [...pair]), c: [...c] } as unknown as {
    a: [bigint, bigint]
    b: [[bigint, bigint], [bigint, bigint]]
    c: [bigint, bigint]
  }
}

/** Waits for a transaction. @throws RevertError with the contract's own error when it was refused */
export async function sending(
  what: string,
  call: Promise<{ wait(): Promise<{ readonly hash: string; readonly gasUsed: bigint } | null> }>,
): Promise<Sent> {
  try {
    const receipt = await (await call).wait()
    return { transaction: receipt!.hash, gasUsed: receipt!.gasUsed }
  } catch (error) {
    const abis = (['IdentityGate', 'ValueLists', 'PublisherRegistry', 'VerifierRegistry'] as const).map(
      contractInterface,
    )
    throw decodeRevert(error, abis, what) ?? error
  }
}
