// SPDX-License-Identifier: GPL-3.0-or-later
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ContractFactory, HDNodeWallet, parseEther, Transaction, Wallet } from 'ethers'
import {
  ChainError,
  type Clock,
  contractArtifact,
  contractInterface,
  FailoverProvider,
  HeadWatch,
  type RpcOptions,
  TransactionQueue,
} from '../../../keepers/chain/index.ts'
import { KeeperStore } from '../../../keepers/store/index.ts'
import { startLocalChain } from '../../../scripts/demo/local-chain.ts'
import { Processes } from '../../../scripts/demo/processes.ts'

/** Hardhat's funded test accounts. */
const PHRASE = 'test test test test test test test test test test test junk'
export const NOBODY = '0x000000000000000000000000000000000000dEaD'

/** A local chain with a token on it, of which account 1 holds a hundred; and what is opened on it, closed in the end. */
export class TestChain {
  readonly folder = mkdtempSync(join(tmpdir(), 'cohort-chain-'))
  readonly tokens = contractInterface('CohortToken')
  readonly #processes = new Processes(this.folder)
  readonly #closing: { close(): void }[] = []
  readonly #providers: FailoverProvider[] = []
  #stores = 0
  url = ''
  token = ''
  provider!: FailoverProvider

  /** Each transaction is a block on it. */
  static async start(client: 'hardhat' | 'anvil' = 'hardhat'): Promise<TestChain> {
    const chain = new TestChain()
    const started = await startLocalChain(chain.#processes, { pace: 'hasty', client })
    chain.url = started.url
    started.provider.destroy()
    chain.provider = chain.connect([chain.url])
    await chain.rpc('evm_setIntervalMining', [0])
    if (client === 'anvil') await chain.rpc('evm_setAutomine', [true])
    const deployer = chain.wallet(0)
    const { abi, bytecode } = contractArtifact('CohortToken')
    const factory = new ContractFactory(abi as string[], bytecode, deployer)
    const contract = await factory.deploy(deployer.address, [chain.wallet(1).address], [parseEther('100')])
    chain.token = await (await contract.waitForDeployment()).getAddress()
    return chain
  }

  async stop(): Promise<void> {
    for (const item of this.#closing) item.close()
    for (const item of this.#providers) item.destroy()
    await this.#processes[Symbol.asyncDispose]()
    rmSync(this.folder, { recursive: true, force: true })
  }

  wallet(index: number): Wallet {
    const { privateKey } = HDNodeWallet.fromPhrase(PHRASE, '', `m/44'/60'/0'/0/${index}`)
    return new Wallet(privateKey, this.provider)
  }

  rpc(method: string, params: unknown[] = []): Promise<any> {
    return this.provider.send(method, params)
  }

  connect(urls: string[], extra: Partial<RpcOptions> = {}): FailoverProvider {
    const made = new FailoverProvider({ urls, chainId: 31337n, timeout: 1_000, patience: 3_000, ...extra })
    this.#providers.push(made)
    return made
  }

  store(name = `s${this.#stores++}`): KeeperStore {
    const binding = { chainId: 31337n, service: '0x1', operator: '0x2' }
    const opened = KeeperStore.open({ folder: join(this.folder, name), passphrase: 'p', binding, log2N: 10 })
    this.#closing.push(opened)
    return opened
  }

  /** A queue of account 1. */
  queue(at: KeeperStore, extra: Record<string, unknown> = {}): TransactionQueue {
    const provider = (extra.provider as FailoverProvider | undefined) ?? this.provider
    return new TransactionQueue({
      provider,
      heads: new HeadWatch({
        provider,
        pollInterval: 10,
        ...(extra.clock === undefined ? {} : { clock: extra.clock as Clock }),
      }),
      wallet: this.wallet(1),
      log: at.transactions,
      chainId: 31337n,
      interfaces: [this.tokens],
      pollInterval: 20,
      ...extra,
    })
  }

  /** Calldata of a transfer to {@link NOBODY}. */
  transferData(amount: bigint): string {
    return this.tokens.encodeFunctionData('transfer', [NOBODY, amount])
  }

  /** A transfer to {@link NOBODY}, as a queue takes it. */
  transfer(key: string, amount = 1n): { key: string; to: string; data: string } {
    return { key, to: this.token, data: this.transferData(amount) }
  }

  /** A signed call of the token, as the log of transactions keeps an attempt. */
  async signedCall(owner: Wallet, data: string, nonce: number) {
    const raw = await owner.signTransaction({
      type: 2,
      chainId: 31337n,
      to: this.token,
      data,
      gasLimit: 100_000n,
      nonce,
      maxFeePerGas: 10n ** 11n,
      maxPriorityFeePerGas: 10n ** 9n,
    })
    return { hash: Transaction.from(raw).hash!, raw, maxFeePerGas: String(10n ** 11n) }
  }

  /** What {@link NOBODY} holds. */
  async received(): Promise<bigint> {
    const data = this.tokens.encodeFunctionData('balanceOf', [NOBODY])
    return BigInt(await this.provider.call({ to: this.token, data }))
  }

  nonce(index = 1): Promise<number> {
    return this.provider.getTransactionCount(this.wallet(index).address)
  }
}

let shared: Promise<TestChain> | null = null

/** One chain for all files of a run: a node takes seconds to start. Stopped when the run ends. */
export function sharedChain(): Promise<TestChain> {
  shared ??= TestChain.start()
  return shared
}

after(async () => (await shared)?.stop())

/** The ChainError that something fails with. */
export async function failure(body: Promise<unknown>): Promise<ChainError> {
  try {
    await body
  } catch (error) {
    if (error instanceof ChainError) return error
    throw error
  }
  throw new Error('expected a ChainError')
}
