// SPDX-License-Identifier: GPL-3.0-or-later
// Clef, go-ethereum's signer, as an operator sets it up: a keystore, a stored password, attested rules, no terminal.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Wallet } from 'ethers'
import { writeKeystore } from '../../../keepers/chain/index.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { freePort } from '../../../scripts/demo/ports.ts'

/** Clef's program: COHORT_CLEF, or on the path; null where there is none. */
export function findClef(): string | null {
  const named = process.env.COHORT_CLEF
  if (named !== undefined) return existsSync(named) ? named : null
  return spawnSync('clef', ['--version']).status === 0 ? 'clef' : null
}

const MASTER = 'master password of this test'
const PASSWORD = 'password of this test only'

/** The rules that ship, for these two contracts. */
export function rulesFor({ service, registry }: Place): string {
  const rules = readFileSync(join(ROOT, 'deploy/signer/clef-rules.js'), 'utf8')
  return rules.replace(/0x0{39}1/, service).replace(/0x0{39}2/, registry)
}

type Place = { readonly service: string; readonly registry: string }
export type Clef = { readonly url: string; stop(): Promise<void> }

export async function startClef(program: string, folder: string, wallet: Wallet, place: Place): Promise<Clef> {
  const keystore = join(folder, 'keystore')
  mkdirSync(keystore, { recursive: true, mode: 0o700 })
  if (!existsSync(join(keystore, 'key.json'))) {
    await writeKeystore(join(keystore, 'key.json'), wallet, PASSWORD, { scryptN: 1024 })
  }
  const rules = join(folder, 'rules.js')
  writeFileSync(rules, rulesFor(place))
  const common = [
    '--suppress-bootwarn',
    '--configdir',
    join(folder, 'config'),
    '--keystore',
    keystore,
    '--chainid',
    '31337',
  ]
  common.push('--lightkdf', '--auditlog', join(folder, 'audit.log'), '--4bytedb-custom', join(folder, '4byte.json'))
  const run = (args: readonly string[], lines: readonly string[]): void => {
    const { status, stdout, stderr } = spawnSync(program, [...common, ...args], {
      input: lines.map((line) => `${line}\n`).join(''),
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`clef ${args[0]} ended with ${status}: ${stdout}${stderr}`)
  }
  if (!existsSync(join(folder, 'config', 'masterseed.json'))) run(['init'], [MASTER, MASTER])
  run(['setpw', wallet.address], [PASSWORD, PASSWORD, MASTER])
  run(['attest', createHash('sha256').update(rulesFor(place)).digest('hex')], [MASTER])
  const port = await freePort()
  const child = spawn(
    program,
    // Advanced: it warns of calls that its list of selectors does not have, where it would else refuse them before any rule is asked.
    [...common, '--advanced', '--rules', rules, '--http', '--http.port', String(port), '--ipcdisable'],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stdin.write(`${MASTER}\n`)
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; !(await answers(url)); tries++) {
    if (child.exitCode !== null || tries > 100) throw new Error(`clef does not start: ${said}`)
    await pause(100)
  }
  return { url, stop: () => stop(child) }
}

async function answers(url: string): Promise<boolean> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'account_version', params: [] })
  return await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } }).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
