// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { decryptKeystoreJson, encryptKeystoreJson, Wallet } from 'ethers'
import { AgentError } from './errors.ts'

/** Environment variable of the passphrase, for supervisors without files or terminals. */
export const PASSPHRASE_VARIABLE = 'COHORT_PASSPHRASE'

/** scrypt's N of a new keystore; the Web3 secret storage's standard strength. */
const SCRYPT_N = 131_072

/**
 * Writes a keystore in Ethereum's JSON format, readable by its owner only. Refuses to overwrite one.
 * @throws AgentError KEYSTORE.
 */
export async function writeKeystore(
  file: string,
  wallet: { readonly address: string; readonly privateKey: string },
  passphrase: string,
  options: { scryptN?: number } = {},
): Promise<void> {
  if (existsSync(file)) throw new AgentError('KEYSTORE', `${file} exists: move it away first, it may be a key in use`)
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
    throw new AgentError('KEYSTORE', `cannot write ${file}: ${(cause as Error).message}`, { cause })
  }
}

/** Opens a keystore. @throws AgentError KEYSTORE for a missing or foreign file, or the wrong passphrase. */
export async function openKeystore(file: string, passphrase: string): Promise<Wallet> {
  let json: string
  try {
    json = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new AgentError('KEYSTORE', `cannot read the keystore ${file}: run \`cohort keeper init\`, or restore it`, {
      cause,
    })
  }
  try {
    const { privateKey } = await decryptKeystoreJson(json, passphrase)
    return new Wallet(privateKey)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : ''
    if (/incorrect password|invalid password/i.test(text)) {
      throw new AgentError('KEYSTORE', `the passphrase does not open ${file}: check it and try again`)
    }
    // ethers' own message could quote the file; ours does not.
    throw new AgentError('KEYSTORE', `${file} is no Ethereum keystore (JSON, version 3)`)
  }
}

/**
 * The passphrase from a file (without its line end), the environment, or a prompt on a terminal, in this order.
 * @throws AgentError KEYSTORE when there is none.
 */
export async function readPassphrase(options: { file?: string | undefined; prompt?: string } = {}): Promise<string> {
  if (options.file !== undefined) {
    let text: string
    try {
      text = readFileSync(options.file, 'utf8')
    } catch (cause) {
      throw new AgentError('KEYSTORE', `cannot read the passphrase file ${options.file}`, { cause })
    }
    const passphrase = text.replace(/\r?\n$/, '')
    if (passphrase === '') throw new AgentError('KEYSTORE', `the passphrase file ${options.file} is empty`)
    return passphrase
  }
  const fromEnvironment = process.env[PASSPHRASE_VARIABLE]
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment
  if (!process.stdin.isTTY) {
    throw new AgentError(
      'KEYSTORE',
      `no passphrase: set keys.passphraseFile, ${PASSPHRASE_VARIABLE}, or run it in a terminal to be asked`,
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
      if (answer === '') reject(new AgentError('KEYSTORE', 'the passphrase is empty'))
      else resolve(answer)
    })
    reader.on('SIGINT', () => {
      reader.close()
      reject(new AgentError('KEYSTORE', 'cancelled'))
    })
  })
}
