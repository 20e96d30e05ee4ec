// SPDX-License-Identifier: GPL-3.0-or-later
// The table of docs/exit-codes.md is what errors carry, and what commands end with.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { AGENT_EXIT_CODES, KEEPER_EXIT, keeperExitCode } from '../../../keepers/agent/errors.ts'
import { CENSUS_EXIT_CODES } from '../../../keepers/apps/census/errors.ts'
import { IDENTITY_EXIT_CODES } from '../../../keepers/apps/identity/errors.ts'
import { CLAIM_EXIT_CODES } from '../../../keepers/chain/claims/terms.ts'
import { DAO_EXIT_CODES } from '../../../keepers/chain/dao/errors.ts'
import { DATA_MARKET_EXIT_CODES } from '../../../keepers/chain/data-market/terms.ts'
import { CHAIN_EXIT_CODES, ChainError } from '../../../keepers/chain/errors.ts'
import { KEYSTORE_EXIT_CODES } from '../../../keepers/chain/keystore.ts'
import { MARKET_EXIT_CODES } from '../../../keepers/chain/markets/errors.ts'
import { TABLE_EXIT_CODES } from '../../../keepers/chain/privacy/terms.ts'
import { SIGNER_EXIT_CODES } from '../../../keepers/chain/signer/signer.ts'
import { EXIT, exitCodeOf } from '../../../keepers/cli/failure.ts'
import { NESTED_EXIT_CODES } from '../../../keepers/nested/errors.ts'
import { NETWORK_EXIT_CODES } from '../../../keepers/network/errors.ts'
import { SERVING_EXIT_CODES } from '../../../keepers/serving/errors.ts'
import { STORE_EXIT_CODES, StoreError } from '../../../keepers/store/errors.ts'
import { VERSION_EXIT_CODES } from '../../../keepers/versions/errors.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { deploymentOf } from './deployment.ts'

const ROOMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  chain: CHAIN_EXIT_CODES,
  keys: KEYSTORE_EXIT_CODES,
  signer: SIGNER_EXIT_CODES,
  store: STORE_EXIT_CODES,
  network: NETWORK_EXIT_CODES,
  versions: VERSION_EXIT_CODES,
  agent: AGENT_EXIT_CODES,
  identity: IDENTITY_EXIT_CODES,
  serving: SERVING_EXIT_CODES,
  markets: MARKET_EXIT_CODES,
  claims: CLAIM_EXIT_CODES,
  tables: TABLE_EXIT_CODES,
  census: CENSUS_EXIT_CODES,
  data: DATA_MARKET_EXIT_CODES,
  nested: NESTED_EXIT_CODES,
  dao: DAO_EXIT_CODES,
}

const PAGE = readFileSync(join(ROOT, 'docs/exit-codes.md'), 'utf8')

describe('exit codes', () => {
  it('are documented for every cause of every room, each as it is', () => {
    const documented: Record<string, Record<string, number>> = {}
    for (const [, room, causes, code] of PAGE.matchAll(/^\| (\w+): (.+) \| (\d+) \|$/gm)) {
      for (const [, cause] of causes!.matchAll(/`([\w-]+)`/g)) {
        documented[room!] = { ...documented[room!], [cause!]: Number(code) }
      }
    }
    expect(documented).to.deep.equal(ROOMS)
  })

  it('are all explained in the table', () => {
    const meant = new Set([...PAGE.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code)))
    const used = [EXIT, KEEPER_EXIT, ...Object.values(ROOMS)].flatMap((codes) => Object.values(codes))
    expect([...new Set(used)].filter((code) => !meant.has(code))).to.deep.equal([])
  })

  it('are an error’s own, whoever asks, and 70 for a bug of a keeper', () => {
    for (const decide of [exitCodeOf, keeperExitCode]) {
      expect(decide(new ChainError('UNREACHABLE', ''))).to.equal(69)
      expect(decide(new StoreError('DISK_FULL', ''))).to.equal(75)
      expect(decide(Object.assign(new Error('no space'), { code: 'ENOSPC' }))).to.equal(75)
    }
    expect(keeperExitCode(new TypeError('x is not a function'))).to.equal(70)
    expect(exitCodeOf(Object.assign(new Error('gone'), { code: 'ENOENT' }))).to.equal(66)
  })
})

describe('a command ends with', function () {
  this.timeout(120_000)
  let folder: string
  let deployment: string
  const servers: Server[] = []
  /** An endpoint of chain 5; or one that takes requests and never answers. */
  const endpoint = async (answers: boolean): Promise<string> => {
    const server = createServer(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const { id } = JSON.parse(Buffer.concat(parts).toString())
      if (answers) response.end(JSON.stringify({ jsonrpc: '2.0', id, result: '0x5' }))
    })
    servers.push(server)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const ends = async (args: readonly string[], code: number, message: RegExp, limited = false) => {
    const command = [process.execPath, join(ROOT, 'keepers/cli/main.ts'), ...args]
    // A limit on the size of files stands for a full disk: it needs no right to mount one.
    const [file, ...rest] = limited ? ['sh', '-c', 'ulimit -S -f 0 && exec "$0" "$@"', ...command] : command
    const env: NodeJS.ProcessEnv = { ...process.env, NODE_NO_WARNINGS: '1' }
    delete env.COHORT_RPC_URL
    delete env.COHORT_DEPLOYMENT
    const outcome = await new Promise<{ found: number; error: string }>((done) => {
      const child = execFile(file!, rest, { env, timeout: 60_000 }, (_error, _out, error) => {
        done({ found: child.exitCode ?? -1, error })
      })
    })
    expect(outcome.error, args.join(' ')).to.match(message)
    expect(outcome.found, `${args.join(' ')}: ${outcome.error}`).to.equal(code)
  }

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-exit-'))
    deployment = join(folder, 'deployment.json')
    writeFileSync(deployment, JSON.stringify(deploymentOf(31337)))
    writeFileSync(join(folder, 'model.json'), '{"not":"a manifest"}')
  })
  after(() => {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
    rmSync(folder, { recursive: true, force: true })
  })

  it('64 for wrong options, whatever the area', () =>
    Promise.all([
      ends(['keeper', 'run', '--dta', folder], 64, /unknown option '--dta'/),
      ends(['dao', 'status', '--rpc', 'localhost'], 64, /http:\/\/ or https:\/\/ URLs are needed/),
      ends(['infer', 'answer', 'x', '--circuit', folder], 64, /64 hexadecimal digits/),
      ends(['nonsense'], 64, /unknown command 'nonsense'/),
    ]))

  it('69 when no endpoint answers, or one hangs', async () => {
    const hanging = await endpoint(false)
    const at = ['--deployment', deployment, '--rpc']
    await Promise.all([
      ends(['dao', 'status', ...at, 'http://127.0.0.1:9'], 69, /no JSON-RPC endpoint answers at http:\/\/127.0.0.1:9/),
      ends(['infer', 'models', ...at, `${hanging},http://127.0.0.1:9`], 69, /no JSON-RPC endpoint answers at/),
      ends(['prover', 'status', ...at, hanging], 69, /no JSON-RPC endpoint answers at/),
    ])
  })

  it('78 on another chain, 66 and 65 for a deployment file that is missing or malformed', async () => {
    const foreign = await endpoint(true)
    const at = ['--rpc', foreign, '--deployment']
    await Promise.all([
      ends(['dao', 'status', ...at, deployment], 78, /is on chain 5, expected 31337/),
      ends(['infer', 'models', ...at, deployment], 78, /is on chain 5, expected 31337/),
      ends(['dao', 'status', ...at, join(folder, 'none.json')], 66, /no deployment at .*none\.json/),
      ends(['dao', 'status', ...at, join(folder, 'model.json')], 65, /model\.json is not a deployment file/),
      ends(['keeper', 'status', '--data', join(folder, 'nobody')], 78, /cohort keeper init/),
      ends(['service', 'show', join(folder, 'model.json')], 65, /model\.json/),
    ])
  })

  it('75 on a full disk, naming the file', () =>
    ends(['service', 'show', 'mlp', '--out', join(folder, 'copy.json')], 75, /(ENOSPC|EFBIG).*copy\.json/, true))
})
