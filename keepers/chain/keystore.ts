// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes, scrypt as scryptOfNode } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { decryptKeystoreJson, encryptKeystoreJson, getAddress, isKeystoreJson, scrypt, Wallet } from 'ethers'
import { translateFileError } from '../store/index.ts'

/** Environment variable of the passphrase, for supervisors without files or terminals. */
export const PASSPHRASE_VARIABLE = 'COHORT_PASSPHRASE'

export type KeystoreErrorCode =
  /** The file does not exist, or cannot be read. */
  | 'MISSING'
  /** The file is no keystore. */
  | 'FOREIGN'
  /** A file is in the way, or the folder cannot be written to. */
  | 'NOT_WRITTEN'
  /** No passphrase was given in any way. */
  | 'NO_PASSPHRASE'
  | 'WRONG_PASSPHRASE'

/** sysexits.h: 66 no input, 65 bad data, 73 cannot create, 64 usage, 77 no permission. None of them asks for a restart. */
export const KEYSTORE_EXIT_CODES: Record<KeystoreErrorCode, number> = {
  MISSING: 66,
  FOREIGN: 65,
  NOT_WRITTEN: 73,
  NO_PASSPHRASE: 64,
  WRONG_PASSPHRASE: 77,
}

/** A key that cannot be read, opened or written. Its message holds nothing of key or passphrase. */
export class KeystoreError extends Error {
  override readonly name = 'KeystoreError'
  readonly code: KeystoreErrorCode
  readonly exitCode: number

  constructor(code: KeystoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = KEYSTORE_EXIT_CODES[code]
  }
}

/** ethers has scrypt in JavaScript, on the thread that everything else waits for. Node's, of OpenSSL, gives the same bytes sooner. */
scrypt.register((passphrase, salt, N, r, p, length) => {
  return new Promise((resolve, reject) => {
    scryptOfNode(passphrase, salt, length, { N, r, p, maxmem: 256 * r * (N + p) }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
})

/** scrypt's N of a new keystore; the Web3 secret storage's standard strength. */
const SCRYPT_N = 131_072

/**
 * Writes a keystore in Ethereum's JSON format, readable by its owner only. Refuses to overwrite one.
 * @throws KeystoreError NOT_WRITTEN.
 */
export async function writeKeystore(
  file: string,
  wallet: { readonly address: string; readonly privateKey: string },
  passphrase: string,
  options: { scryptN?: number } = {},
): Promise<void> {
  if (existsSync(file))
    throw new KeystoreError('NOT_WRITTEN', `${file} exists: move it away first, it may be a key in use`)
  const { address, privateKey } = wallet
  const json = await encryptKeystoreJson({ address, privateKey }, passphrase, {
    scrypt: { N: options.scryptN ?? SCRYPT_N },
  })
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`
  try {
    writeFileSync(temporary, json, { mode: 0o600 })
    chmodSync(temporary, 0o600)
    renameSync(temporary, file)
  } catch (cause) {
    rmSync(temporary, { force: true })
    const full = translateFileError(cause, file)
    if (full !== cause) throw full
    throw new KeystoreError('NOT_WRITTEN', `cannot write ${file}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Opens a keystore.
 * @param passphrase The passphrase, or a function that asks for it, called only once the file is known to be a keystore.
 * @throws KeystoreError MISSING, FOREIGN or WRONG_PASSPHRASE.
 */
export async function openKeystore(file: string, passphrase: string | (() => Promise<string>)): Promise<Wallet> {
  const json = read(file)
  if (!isKeystoreJson(json)) throw foreign(file)
  const said = typeof passphrase === 'string' ? passphrase : await passphrase()
  try {
    const { privateKey } = await decryptKeystoreJson(json, said)
    return new Wallet(privateKey)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : ''
    if (/incorrect password|invalid password/i.test(text)) {
      throw new KeystoreError('WRONG_PASSPHRASE', `the passphrase does not open ${file}: check it and try again`)
    }
    // ethers' own message could quote the file; ours does not.
    throw foreign(file)
  }
}

/** The address of a keystore, which it shows without its passphrase. @throws KeystoreError MISSING or FOREIGN. */
export function keystoreAddress(file: string): string {
  const json = read(file)
  const address: unknown = isKeystoreJson(json) ? JSON.parse(json).address : undefined
  if (typeof address !== 'string') throw foreign(file)
  return getAddress(address.startsWith('0x') ? address : `0x${address}`)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new KeystoreError(
      'MISSING',
      `cannot read the keystore ${file}: restore it, or make one with \`cohort keeper init\``,
      { cause },
    )
  }
}

function foreign(file: string): KeystoreError {
  return new KeystoreError('FOREIGN', `${file} is not an Ethereum keystore (JSON, version 3)`)
}

/**
 * The passphrase from a file (without its line end), the environment, or a prompt on a terminal, in this order.
 * @throws KeystoreError MISSING for the file, NO_PASSPHRASE when there is none.
 */
export async function readPassphrase(options: { file?: string | undefined; prompt?: string } = {}): Promise<string> {
  if (options.file !== undefined) {
    let text: string
    try {
      text = readFileSync(options.file, 'utf8')
    } catch (cause) {
      throw new KeystoreError('MISSING', `cannot read the passphrase file ${options.file}`, { cause })
    }
    const passphrase = text.replace(/\r?\n$/, '')
    if (passphrase === '') throw new KeystoreError('NO_PASSPHRASE', `the passphrase file ${options.file} is empty`)
    return passphrase
  }
  const fromEnvironment = process.env[PASSPHRASE_VARIABLE]
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment
  if (!process.stdin.isTTY) {
    throw new KeystoreError(
      'NO_PASSPHRASE',
      `no passphrase: set ${PASSPHRASE_VARIABLE}, give --passphrase-file (a keeper: keys.passphraseFile), or run it in a terminal to be asked`,
    )
  }
  return ask(options.prompt ?? 'Passphrase: ')
}

/** Asks without echo. */
function ask(prompt: string): Promise<string> {
  process.stderr.write(prompt)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true })
  return new Promise((resolve, reject) => {
    reader.question('', (answer) => {
      reader.close()
      process.stderr.write('\n')
      if (answer === '') reject(new KeystoreError('NO_PASSPHRASE', 'the passphrase is empty'))
      else resolve(answer)
    })
    reader.on('SIGINT', () => {
      reader.close()
      reject(new KeystoreError('NO_PASSPHRASE', 'cancelled'))
    })
  })
}
