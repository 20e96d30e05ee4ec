// SPDX-License-Identifier: GPL-3.0-or-later

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Wallet } from 'ethers'
import { isScalar, parseDocument } from 'yaml'
import { writeKeystore } from '../../chain/index.ts'
import { KeeperStore } from '../../store/index.ts'
import { checkStart, encodeManifest, type ServiceManifest } from '../../versions/index.ts'
import { CONFIG_FILE, type KeeperConfig, parseConfig, STRATEGY_FILE } from '../config.ts'
import { makeEncryptionKey } from '../encryption-keys.ts'
import { AgentError } from '../errors.ts'
import { operatorAddress } from '../operator.ts'
import { PEER_IDENTITY } from '../steps/secrets.ts'
import { writeWhole } from './whole-file.ts'

/** Values put into the config, by path, or taken out of it (undefined); everything else keeps the example's default. */
export type ConfigValues = Readonly<Record<string, unknown>>

export type InitOptions = {
  readonly folder: string
  readonly passphrase: string
  /** E.g. `{ 'chain.id': 31337, 'service.address': '0x…' }`. */
  readonly values: ConfigValues
  /** The service's manifest; it is written into the folder. */
  readonly manifest: ServiceManifest
  /** The file of first weights that the manifest names, if it names one; it is written into the folder, too. */
  readonly start?: Uint8Array | null
  /** The module that it names, checked; it is written into the folder. */
  readonly strategy?: Uint8Array | null
  /** Use this operator key instead of a fresh one. */
  readonly operatorKey?: string
  /** Store the owner's key in the folder too (owner.json). Better kept elsewhere. */
  readonly ownerKey?: string
  /** scrypt cost of keystores and store; weaker ones are for tests and demos only. */
  readonly scryptLog2N?: number
}

export type InitResult = { readonly config: KeeperConfig; readonly operator: string; readonly configFile: string }

/**
 * Makes a keeper's data folder: config, operator keystore (unless `keys.remote` has the key), encryption key, peer identity. Writes only if the config is valid, and never over an
 * existing keeper. @throws AgentError CONFIG, KEYSTORE.
 */
export async function initKeeper(options: InitOptions): Promise<InitResult> {
  const { folder, passphrase } = options
  const configFile = join(folder, CONFIG_FILE)
  if (existsSync(configFile)) {
    throw new AgentError('CONFIG', `${configFile} exists: this folder is a keeper already, choose another --data`)
  }
  const text = fillExample(options.values)
  const config = parseConfig(text, folder, options.manifest)
  const { start = null, manifest } = options
  if (manifest.model.weights !== undefined) {
    if (start === null)
      throw new AgentError('CONFIG', `the manifest starts from ${manifest.model.weights.cid}: give that file`)
    await checkStart(manifest.model, start)
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const scrypt = options.scryptLog2N === undefined ? {} : { scryptN: 2 ** options.scryptLog2N }
  if (config.keys.remote === undefined) {
    const wallet = options.operatorKey === undefined ? Wallet.createRandom() : new Wallet(options.operatorKey)
    await writeKeystore(config.keys.operator, wallet, passphrase, scrypt)
  }
  const operator = operatorAddress(config.keys)
  if (options.ownerKey !== undefined) {
    await writeKeystore(join(folder, 'owner.json'), new Wallet(options.ownerKey), passphrase, scrypt)
  }
  const store = KeeperStore.open({
    folder,
    passphrase,
    binding: { chainId: BigInt(config.chain.id), service: config.service.address, operator },
    ...(options.scryptLog2N === undefined ? {} : { log2N: options.scryptLog2N }),
  })
  try {
    store.secretOnce(PEER_IDENTITY, () => randomBytes(32))
    makeEncryptionKey(store, 0)
  } finally {
    store.close()
  }
  if (start !== null) writeWhole(config.service.weightsFile, start)
  if (options.strategy) writeWhole(join(folder, STRATEGY_FILE), options.strategy)
  writeWhole(config.service.manifestFile, encodeManifest(options.manifest))
  writeWhole(configFile, text)
  return { config, operator, configFile }
}

/** The commented example with values filled in, comments kept. */
function fillExample(values: ConfigValues): string {
  const example = readFileSync(new URL('../keeper.example.yaml', import.meta.url), 'utf8')
  const document = parseDocument(example)
  for (const [path, value] of Object.entries(values)) {
    const keys = path.split('.')
    if (value === undefined) {
      document.deleteIn(keys)
      continue
    }
    const node = document.getIn(keys, true)
    // Changed in place where possible: a new node would lose the comment on its line.
    if (isScalar(node) && (typeof value !== 'object' || value === null)) node.value = value
    else document.setIn(keys, document.createNode(value))
  }
  return document.toString({ lineWidth: 0 })
}
