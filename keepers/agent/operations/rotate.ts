// SPDX-License-Identifier: GPL-3.0-or-later
// Another operator for a keeper that keeps its seat, its epoch and its memory.
import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { getAddress, parseUnits, Wallet } from 'ethers'
import { parseDocument } from 'yaml'
import {
  clients,
  contractInterface,
  HeadWatch,
  keystoreAddress,
  type OperatorSigner,
  TransactionQueue,
  writeKeystore,
} from '../../chain/index.ts'
import { FolderReader, KeeperStore } from '../../store/index.ts'
import { CONFIG_FILE, type KeeperConfig, parseConfig } from '../config.ts'
import { AgentError } from '../errors.ts'
import { openOperator, operatorAddress, remoteOperator } from '../operator.ts'
import { signConsent } from './consent.ts'
import type { OwnerSession } from './owner.ts'
import { settle } from './settle.ts'
import { writeWhole } from './whole-file.ts'

export type RotateOptions = {
  readonly session: OwnerSession
  readonly folder: string
  readonly passphrase: string
  /** `keys.remote` of the config from now on; without it a new key is made in the folder. */
  readonly remote?: { readonly url: string; readonly address: string; readonly api: string } | undefined
  /** Wei sent to the new operator for gas, when it has less. */
  readonly fund: bigint
  /** scrypt cost of the new keystore; a weaker one is for tests only. */
  readonly scryptLog2N?: number
  readonly onProgress?: (text: string) => void
}

/** File of the new key until both the chain and the folder have it. */
const NEXT = 'operator.next.json'

/**
 * Replaces the operator of a stopped keeper: waits for its transactions to end, makes a key (or takes a remote signer's), has the owner put
 * the new operator into registry and service, and binds the folder to it. May be repeated: steps that are done are skipped.
 * @throws StoreError LOCKED while the keeper runs; AgentError, KeystoreError, SignerError, RevertError
 */
export async function rotateOperator(
  options: RotateOptions,
): Promise<{ readonly before: string; readonly operator: string }> {
  const { session, folder, passphrase, remote, fund } = options
  const { config } = session
  const say = options.onProgress ?? (() => undefined)
  const before = operatorAddress(config.keys)
  const bound = boundOperator(folder)
  const binding = { chainId: BigInt(config.chain.id), service: config.service.address, operator: bound }
  // Holds the folder: no keeper acts with it meanwhile.
  const store = KeeperStore.open({ folder, passphrase, binding })
  let operator: string
  try {
    const settings = configText(folder, remote)
    const next = await nextOperator(options, parseConfig(settings, folder, config.service.manifest))
    operator = next.address
    if (operator === before) throw new AgentError('CONFIG', `${operator} is the operator already: name another one`)
    if (bound !== operator) {
      say(`bringing transactions of ${before} to their end`)
      await finish(session, store, await openOperator(config.keys, passphrase))
    }
    await putOnChain(session, next, fund, say)
    if (bound !== operator) store.changeOperator(operator)
    if (remote !== undefined) writeWhole(join(folder, CONFIG_FILE), settings)
  } finally {
    store.close()
  }
  if (remote === undefined) putInPlace(join(folder, NEXT), config.keys.operator, before)
  // The config does not name it any more.
  else if (config.keys.remote === undefined && existsSync(config.keys.operator))
    renameSync(config.keys.operator, retiredName(config.keys.operator, before))
  return { before, operator }
}

const retiredName = (file: string, address: string): string => `${file}.${address.toLowerCase()}`

/** Replaces a keystore and keeps the old one beside it. An interruption at any moment leaves either the old or the new one in place. */
export function putInPlace(next: string, file: string, before: string): void {
  copyFileSync(file, retiredName(file, before))
  renameSync(next, file)
}

function boundOperator(folder: string): string {
  using reader = new FolderReader(folder)
  return getAddress(reader.binding.operator)
}

/** The config with the remote signer in it, or as it is. */
function configText(folder: string, remote: RotateOptions['remote']): string {
  const document = parseDocument(readFileSync(join(folder, CONFIG_FILE), 'utf8'))
  if (remote === undefined) return document.toString({ lineWidth: 0 })
  document.deleteIn(['keys', 'operator'])
  document.setIn(['keys', 'remote'], document.createNode(remote))
  return document.toString({ lineWidth: 0 })
}

async function nextOperator(options: RotateOptions, config: KeeperConfig): Promise<OperatorSigner> {
  const { folder, passphrase, remote, scryptLog2N } = options
  if (remote !== undefined) return remoteOperator(config.keys)!
  if (config.keys.remote !== undefined) {
    throw new AgentError(
      'CONFIG',
      'the operator’s key is elsewhere: name the next one with --remote-signer and --operator',
    )
  }
  const file = join(folder, NEXT)
  if (!existsSync(file)) {
    const scrypt = scryptLog2N === undefined ? {} : { scryptN: 2 ** scryptLog2N }
    await writeKeystore(file, Wallet.createRandom(), passphrase, scrypt)
  }
  keystoreAddress(file)
  return await openOperator({ ...config.keys, operator: file }, passphrase)
}

/** Waits until no transaction of the old operator is under way, before its seat goes to the new one. */
async function finish({ config, provider }: OwnerSession, store: KeeperStore, signer: OperatorSigner): Promise<void> {
  if (store.transactions.open().length === 0) return
  const queue = new TransactionQueue({
    ...{ provider, witnesses: provider, wallet: signer, log: store.transactions, chainId: BigInt(config.chain.id) },
    heads: new HeadWatch({ provider, pollInterval: 500 }),
    interfaces: (['ILearningService', 'KeeperRegistry'] as const).map(contractInterface),
    fees: {
      maxFeePerGas: parseUnits(String(config.chain.maxFeeGwei), 'gwei'),
      replaceAfter: config.chain.replaceAfterSeconds * 1000,
    },
    pollInterval: 500,
  })
  try {
    await queue.resume(AbortSignal.timeout(120_000))
  } finally {
    await queue.close()
  }
}

async function putOnChain(
  { config, contracts, owner, provider }: OwnerSession,
  next: OperatorSigner,
  fund: bigint,
  say: (text: string) => void,
): Promise<void> {
  const registry = clients.registry(await contracts.registry.getAddress(), owner)
  const service = clients.service(config.service.address, owner)
  const { operator: registered } = await registry.keeperOf(owner.address)
  const seat = await seatOf(contracts.service, registered, owner.address)
  // Funded first: from the moment the seat is its own, it has steps to do.
  if (fund > 0n && (await provider.getBalance(next.address)) < fund) {
    say('funding the new operator')
    await (await owner.sendTransaction({ to: next.address, value: fund })).wait()
  }
  if (registered !== next.address) {
    say('putting the new operator into the registry')
    const consent = await signConsent(next, owner.address, registry)
    await settle('setOperator', registry.setOperator(next.address, consent))
  }
  if (seat === null || (await contracts.service.seatOf(next.address).catch(() => null)) !== null) return
  say(`giving it seat ${seat}`)
  await settle('syncOperator', service.syncOperator(seat))
}

/** The owner's seat, whichever operator it has now. */
async function seatOf(
  service: OwnerSession['contracts']['service'],
  operator: string,
  owner: string,
): Promise<number | null> {
  const found = await service.seatOf(operator).catch(() => null)
  if (found !== null) return Number(found)
  const { seated } = await service.seats()
  for (let seat = 0; seat < 256; seat++) {
    if (((seated >> BigInt(seat)) & 1n) === 0n) continue
    if ((await service.seatInfo(seat)).keeper === owner) return seat
  }
  return null
}
